// The kernels that pass over arrays, in order of complexity.
#pragma once

// clang-format off
#include "functions.hpp"
#include "map.hpp"
#include "elementwise.hpp"
#include "unary.hpp"
#include "loops.hpp"
#include "binary.hpp"
#include "maximum.hpp"
#include "reduction.hpp"
#include "kept.hpp"
#include "standardize.hpp"
#include "scale_shift.hpp"
#include "batch_norm.hpp"
#include "softmax.hpp"
#include "one_hot.hpp"
#include "pooling.hpp"
#include "normalization.hpp"
#include "place.hpp"
#include "peak.hpp"
#include "travel.hpp"
