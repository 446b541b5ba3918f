// The kernels for any processor: vectors of four floats (SSE2, NEON).
#include "standard.hpp"

#define ISA baseline
#define LANES 4
#include "all.hpp"
