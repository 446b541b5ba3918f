// The tile of a matrix product: c (ROWS, COLS) += a (ROWS, K) b (K, COLS), all sums in registers.
//
// Every convolution ends here; gemm.hpp has a tile of its own, which also prefetches. For each k a
// tile multiplies one row of b, two vectors, by ROWS single numbers of a. That is 2 ROWS
// multiply-adds for 2 + ROWS loads, and there are registers enough for all of c.
#pragma once

#include <algorithm>

#include "isa.hpp"
#include "simd.hpp"

namespace ISA {

#if LANES == 16 || defined(__aarch64__)
constexpr int ROWS = 12;  // 24 of 32 registers hold c
#else
constexpr int ROWS = 6;  // 12 of 16 registers hold c
#endif
constexpr int COLS = 2 * LANES;
constexpr int TILE_SIZE = ROWS * COLS;

// Where a tile finds the numbers of a: an object that returns a(row, k). For each k it may fetch
// something of what the next tile needs, whose c follows.

// A panel of a: ROWS numbers side by side for each k, which begin `step` after those for k - 1.
// Those of the next tiles are their neighbors; the ones fetched are needed after the next tile.
struct Panel {
    const float* numbers;
    long step = ROWS;
    float operator()(int row, long k) const { return numbers[k * step + row]; }
    [[gnu::always_inline]] void fetch(long k, const float* c) const {
        __builtin_prefetch(numbers + k * step + 2 * ROWS + 4);
        __builtin_prefetch(c + TILE_SIZE + std::min<long>(k * CACHE_LINE, TILE_SIZE - 1), 1);
    }
};

// ROWS rows anywhere in memory, each with the numbers for successive k side by side.
struct Rows {
    const float* row[ROWS];
    float operator()(int i, long k) const { return row[i][k]; }
    void fetch(long, const float*) const {}
};

// The same for rows that lie `step` apart: there are registers enough for their addresses.
struct EvenRows {
    const float* first;
    long step;
    float operator()(int i, long k) const { return first[i * step + k]; }
    void fetch(long, const float*) const {}
};

// The values of k: `lines` times `length` successive ones. A line starts `step` after the last one.
// Functions take it by reference: a copy reads in one piece what has just been written in several,
// and a processor then waits until all that was stored before is in the cache.
struct Run {
    long lines, length, step;
};

// The product of M rows of a and V vectors of each row of b.
template <int M, int V, class A>
void multiply_tile(const A& a, const Run& run, const float* b, float* c, bool fresh) {
    vec sum[M][V];
    UNROLLED
    for (int i = 0; i < M; ++i) {
        UNROLLED
        for (int v = 0; v < V; ++v)
            sum[i][v] = fresh ? vec{} : load(c + i * COLS + v * LANES);
    }
    const A lines = a;
    for (long line = 0; line < run.lines; ++line)
        for (long k = line * run.step, end = k + run.length; k < end; ++k, b += COLS) {
            lines.fetch(k, c);
            UNROLLED
            for (int i = 0; i < M; ++i) {
                UNROLLED
                for (int v = 0; v < V; ++v)
                    sum[i][v] += lines(i, k) * load(b + v * LANES);
            }
        }
    UNROLLED
    for (int i = 0; i < M; ++i) {
        UNROLLED
        for (int v = 0; v < V; ++v)
            store(c + i * COLS + v * LANES, sum[i][v]);
    }
}

// c (ROWS, COLS) = (fresh) or += the first `rows` rows and `cols` columns of a b. The rest of c is
// undefined. b is a panel: COLS numbers side by side for each k.
template <class A>
void multiply(long rows, long cols, const A& a, const Run& run, const float* b, float* c,
              bool fresh) {
    constexpr int THIRD = ROWS / 3;
    const bool wide = cols > LANES;
    if (rows > 2 * THIRD && wide) multiply_tile<ROWS, 2>(a, run, b, c, fresh);
    else if (rows > 2 * THIRD) multiply_tile<ROWS, 1>(a, run, b, c, fresh);
    else if (rows > THIRD && wide) multiply_tile<2 * THIRD, 2>(a, run, b, c, fresh);
    else if (rows > THIRD) multiply_tile<2 * THIRD, 1>(a, run, b, c, fresh);
    else if (wide) multiply_tile<THIRD, 2>(a, run, b, c, fresh);
    else multiply_tile<THIRD, 1>(a, run, b, c, fresh);
}

}  // namespace ISA
