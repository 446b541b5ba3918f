// x86 processors since about 2013: AVX2 and FMA.
#pragma once

#include "standard.hpp"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx2,fma")
#define ISA avx2
#define LANES 8
#endif
