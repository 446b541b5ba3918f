// Vectors of LANES floats, in the compiler's own vector types: c += a * b reads as for numbers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "isa.hpp"
#if LANES > 4
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

// In front of a loop whose length, at most 16, the compiler knows: all its rounds one by one.
#define UNROLLED _Pragma("GCC unroll 16")

namespace ISA {

constexpr long CACHE_LINE = 16;  // floats

// A vector in a register, on the stack or in a buffer; and one that lies anywhere in memory.
typedef float vec __attribute__((vector_size(4 * LANES)));
typedef float vec_anywhere __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

// Vectors of integers. A comparison of two vec gives lanes: -1 where it holds, else 0.
typedef std::int32_t lanes __attribute__((vector_size(4 * LANES)));
typedef std::uint32_t words __attribute__((vector_size(4 * LANES)));

inline vec load(const float* p) { return *reinterpret_cast<const vec_anywhere*>(p); }
inline void store(float* p, vec v) { *reinterpret_cast<vec_anywhere*>(p) = v; }

// Stores past the caches, for p on the boundary of a vector: what nothing reads soon then leaves
// the caches to other numbers, and memory is written without being read before. Other threads see
// it after `fence`, with which shared-out work ends (threads.hpp).
#if LANES == 16
inline void store_past(float* p, vec v) { _mm512_stream_ps(p, __m512(v)); }
inline void fence() { _mm_sfence(); }
#elif LANES == 8
inline void store_past(float* p, vec v) { _mm256_stream_ps(p, __m256(v)); }
inline void fence() { _mm_sfence(); }
#else
inline void store_past(float* p, vec v) { store(p, v); }
inline void fence() {}
#endif

// 0, 1, 2, ...
inline vec counting() {
    vec v{};
    for (int i = 0; i < LANES; ++i)
        v[i] = i;
    return v;
}

// load_part reads the first n lanes, and sets the others to 0; store_part writes the first n lanes.
// Both take all lanes where n is larger than LANES, and none where n is below 0. Neither branches
// where vectors are long: a compiler moves half of a multiply-add behind a branch.
#if LANES == 16
inline __mmask16 first_lanes(long n) {
    if (n >= LANES) return 0xffff;
    return n <= 0 ? 0 : (1u << n) - 1;
}
inline vec load_part(const float* p, long n) {
    return vec(_mm512_maskz_loadu_ps(first_lanes(n), p));
}
inline void store_part(float* p, vec v, long n) {
    _mm512_mask_storeu_ps(p, first_lanes(n), __m512(v));
}
#elif LANES == 8
inline __m256i first_lanes(long n) {
    const float end = std::min<long>(n, LANES);
    return __m256i(counting() < end);
}
inline vec load_part(const float* p, long n) { return vec(_mm256_maskload_ps(p, first_lanes(n))); }
inline void store_part(float* p, vec v, long n) {
    _mm256_maskstore_ps(p, first_lanes(n), __m256(v));
}
#else
inline vec load_part(const float* p, long n) {
    vec v{};
    std::memcpy(&v, p, sizeof(float) * std::clamp<long>(n, 0, LANES));
    return v;
}
inline void store_part(float* p, vec v, long n) {
    std::memcpy(p, &v, sizeof(float) * std::clamp<long>(n, 0, LANES));
}
#endif

// a * b + c, rounded once if the processor does so for nothing. Where a * b + c is written, the
// compiler decides, by what stands around it: kernels that must give the same bits do not ask it.
inline vec multiply_add(vec a, vec b, vec c) {
#if LANES == 16
    return vec(_mm512_fmadd_ps(__m512(a), __m512(b), __m512(c)));
#elif LANES == 8
    return vec(_mm256_fmadd_ps(__m256(a), __m256(b), __m256(c)));
#elif defined(__aarch64__)
    return vec(vfmaq_f32(float32x4_t(c), float32x4_t(a), float32x4_t(b)));
#else
    return a * b + c;
#endif
}

// The numbers of a and then b, counted as one row of 2 LANES, in the order that `from` gives.
[[gnu::always_inline]] inline vec shuffle(vec a, vec b, lanes from) {
#ifdef __clang__
    vec v{};
    for (int i = 0; i < LANES; ++i)
        v[i] = from[i] < LANES ? a[from[i]] : b[from[i] - LANES];
    return v;
#else
    return __builtin_shuffle(a, b, from);
#endif
}

// Every second number of a and then b.
inline vec even(vec a, vec b) {
    lanes from;
    for (int i = 0; i < LANES; ++i)
        from[i] = 2 * i;
    return shuffle(a, b, from);
}

// The others.
inline vec odd(vec a, vec b) {
    lanes from;
    for (int i = 0; i < LANES; ++i)
        from[i] = 2 * i + 1;
    return shuffle(a, b, from);
}

// The numbers of a and b in turn: the lower or the upper half of these 2 LANES numbers.
inline vec interleave(vec a, vec b, bool upper) {
    lanes from;
    for (int i = 0; i < LANES; ++i)
        from[i] = i / 2 + i % 2 * LANES + upper * (LANES / 2);
    return shuffle(a, b, from);
}

}  // namespace ISA
