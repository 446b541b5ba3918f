// Copies of n floats: side by side, beyond the end, or `step` apart.
#pragma once

#include <cstring>

#include "isa.hpp"
#include "simd.hpp"

namespace ISA {

// Fewer than LANES floats. Processors whose vectors have at most 8 are slow at masked stores.
inline void copy_few(float* to, const float* from, long n) {
    if (LANES > 8) return store_part(to, load_part(from, n), n);
    for (long size : {4, 2, 1}) {
        if (!(n & size)) continue;
        std::memcpy(to, from, size * sizeof(float));
        to += size;
        from += size;
    }
}

inline void copy(float* to, const float* from, long n) {
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        store(to + i, load(from + i));
    if (i < n) copy_few(to + i, from + i, n - i);
}

// Copies whole vectors: reads and overwrites up to a vector beyond the n floats.
inline void copy_beyond(float* to, const float* from, long n) {
    for (long i = 0; i < n; i += LANES)
        store(to + i, load(from + i));
}

// to[i] += from[i]
inline void add(float* to, const float* from, long n) {
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        store(to + i, load(to + i) + load(from + i));
    if (i < n) store_part(to + i, load_part(to + i, n - i) + load_part(from + i, n - i), n - i);
}

// to[i] = from[i * step]
[[gnu::noinline]] inline void gather(float* to, const float* from, long step, long n) {
    if (step == 1) return copy(to, from, n);
    const long size = (n - 1) * step + 1;  // floats from the first to the last
    const auto part = [=](long i) { return load_part(from + i, size - i); };
    if (step == 2) {
        for (long i = 0; i < n; i += LANES)
            store_part(to + i, even(part(2 * i), part(2 * i + LANES)), n - i);
    } else if (step == 4) {
        for (long i = 0, j = 0; i < n; i += LANES, j = 4 * i) {
            const vec lower = even(part(j), part(j + LANES));
            const vec upper = even(part(j + 2 * LANES), part(j + 3 * LANES));
            store_part(to + i, even(lower, upper), n - i);
        }
    } else {
        for (long i = 0; i < n; ++i)
            to[i] = from[i * step];
    }
}

// to[i * step] = from[i]
[[gnu::noinline]] inline void scatter(float* to, const float* from, long step, long n) {
    if (step == 1) return copy(to, from, n);
    for (long i = 0; i < n; ++i)
        to[i * step] = from[i];
}

}  // namespace ISA
