// Matrices that are transposed on their way between memory and vectors: rows in memory become
// lanes, and each vector holds one column.
#pragma once

#include <algorithm>

#include "isa.hpp"
#include "simd.hpp"

namespace ISA {

// Transposes a matrix of LANES vectors. Each round interleaves the upper and the lower half of the
// rows. That moves the first bit of a number's row to the end of its column, and the first bit of
// its column to the end of its row.
inline void transpose(vec* v) {
    for (int bit = 1; bit < LANES; bit *= 2) {
        vec next[LANES];
        UNROLLED
        for (int i = 0; i < LANES / 2; ++i) {
            next[2 * i] = interleave(v[i], v[i + LANES / 2], false);
            next[2 * i + 1] = interleave(v[i], v[i + LANES / 2], true);
        }
        std::copy(next, next + LANES, v);
    }
}

// v[k], for k < LANES, gets from[i * step + k] in lane i, and 0 where i >= rows or k >= n.
inline void load_across(const float* from, long step, long rows, long n, vec* v) {
    if (rows >= LANES && n >= LANES) {
        UNROLLED
        for (int i = 0; i < LANES; ++i)
            v[i] = load(from + i * step);
    } else {
        for (int i = 0; i < LANES; ++i)
            v[i] = i < rows ? load_part(from + i * step, n) : vec{};
    }
    transpose(v);
}

// The reverse: to[i * step + k] = v[k][i] for i < rows and k < n. Overwrites v.
inline void store_across(float* to, long step, long rows, long n, vec* v) {
    transpose(v);
    if (rows >= LANES && n >= LANES) {
        UNROLLED
        for (int i = 0; i < LANES; ++i)
            store(to + i * step, v[i]);
    } else {
        for (long i = 0; i < std::min<long>(rows, LANES); ++i)
            store_part(to + i * step, v[i], n);
    }
}

}  // namespace ISA
