// All kernels, in order of complexity. What includes this has set ISA, its name, and LANES, floats in a vector.
#define JOIN(a, b) a##_##b
#define NAMED(a, b) JOIN(a, b)
#define EXPORT(name) extern "C" void NAMED(ISA, name)       // called from Python as ISA_name

namespace ISA {

#include "simd.hpp"
#include "threads.hpp"
#include "across.hpp"
#include "tile.hpp"
#include "matrix.hpp"
#include "narrow_gemm.hpp"
#include "gemm.hpp"
#include "padded.hpp"
#include "slide.hpp"
#include "shapes.hpp"
#include "winograd.hpp"
#include "tiling.hpp"
#include "winograd_forward.hpp"
#include "pointwise.hpp"
#include "convolution.hpp"
#include "patches.hpp"
#include "weights.hpp"
#include "squares.hpp"
#include "winograd_weights.hpp"
#include "functions.hpp"
#include "elementwise.hpp"
#include "unary.hpp"
#include "binary.hpp"
#include "maximum.hpp"
#include "reduction.hpp"
#include "standardize.hpp"
#include "scale_shift.hpp"
#include "softmax.hpp"
#include "pooling.hpp"
#include "normalization.hpp"
#include "peak.hpp"

}  // namespace ISA
