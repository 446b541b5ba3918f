// AVX-512, with a stand-in for AMX's matrix unit (matrix_unit.hpp): for tests on processors without
// one. Compiled where GOODINIT_AMX_PLAIN=1 is set (setup.py).
#pragma once

#include "standard.hpp"

#if defined(AMX_PLAIN) && defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prfchw,prefer-vector-width=512")
#define ISA amx_plain
#define LANES 16
#define MATRIX_UNIT
#define STAND_IN
#endif
