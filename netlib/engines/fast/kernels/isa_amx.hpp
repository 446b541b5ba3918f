// x86 processors with AMX: AVX-512, and a unit that multiplies matrices (matrix_unit.hpp). Only
// products.hpp is compiled for them; they pass over arrays by the kernels for AVX-512.
#pragma once

#include "standard.hpp"

#if defined(__x86_64__) && defined(__linux__) && !defined(__clang__) && __GNUC__ >= 11
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prfchw,prefer-vector-width=512")
#define ISA amx
#define LANES 16
#define MATRIX_UNIT
#endif
