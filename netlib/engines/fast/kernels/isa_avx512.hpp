// x86 processors with AVX-512.
#pragma once

#include "standard.hpp"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prfchw,prefer-vector-width=512")
#define ISA avx512
#define LANES 16
#endif
