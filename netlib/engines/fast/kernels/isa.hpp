// The instruction set that the kernels are compiled for, and the names of what they export.
//
// The files *_avx512.cpp, *_avx2.cpp and *_baseline.cpp compile the same headers, each for another
// instruction set. Each of them includes isa_*.hpp first, which defines two macros:
//
//     ISA    the name of the instruction set and of the namespace of its kernels
//     LANES  how many floats a vector holds
//
// and MATRIX_UNIT where there is one (matrix_unit.hpp).
//
// Without them, as when an editor opens a header, the instruction set is `baseline`.
#pragma once

#include <new>

#ifndef ISA
#define ISA baseline
#define LANES 4
#endif

#define JOIN(a, b) a##_##b
#define NAMED(a, b) JOIN(a, b)

// The head of a function that Python calls by the name ISA_name: EXPORT(fill)(float* out, long n).
#define EXPORT(name) extern "C" void NAMED(ISA, name)
#define EXPORT_LONG(name) extern "C" long NAMED(ISA, name)

// The end of one that allocates, EXPORT(name)(...) try { ... } REFUSED: without memory it sets a
// flag that Python looks at (native.py).
extern "C" long refused;
#define REFUSED \
    catch (const std::bad_alloc&) { refused = 1; }
