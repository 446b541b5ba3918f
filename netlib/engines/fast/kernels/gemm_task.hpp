// A task of a matrix product by multiply-adds: c (M, N) = or += a (M, K) b (K, N), cut so that its
// parts fit into the caches.
//
// It takes some values of k at a time. For these it packs its part of B as panels of COLS columns,
// which stay in the second-level cache, and then, one after the other, panels of ROWS rows of A,
// which stay in the first. While it computes a tile it fetches what a later tile needs, so that
// memory and multiply-adds take their time side by side.
#pragma once

#include <algorithm>
#include <climits>

#include "across.hpp"
#include "buffer.hpp"
#include "copy.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "simd.hpp"
#include "threads.hpp"
#include "tile.hpp"

namespace ISA {
namespace product {

constexpr long DEPTH = 256;                    // values of k at a time, at most
constexpr long ROW_STEP = DEPTH + CACHE_LINE;  // no power of two: its multiples compete for places

// A panel of A by rows: ROWS rows that lie ROW_STEP apart.
struct RowPanel {
    const float* numbers;
    float operator()(int row, long k) const { return numbers[row * ROW_STEP + k]; }
};

// What to fetch: one cache line for each k, to be read or to be written, from line 0 to `last`. Of
// these 2^shift lie side by side; the next ones lie `step` further on. Always inline: a compiler
// that sees no effect in a call leaves it out.
struct Ahead {
    const float* from;
    long step;
    int shift;
    bool written = false;
    long last = DEPTH - 1;
    [[gnu::always_inline]] void fetch(long k) const {
        const long i = std::min(k, last);
        const long line = i & ((1L << shift) - 1);
        const float* at = from + (i >> shift) * step + line * CACHE_LINE;
        if (written) __builtin_prefetch(at, 1);
        else __builtin_prefetch(at);
    }
};

// c, whose rows lie `step` apart, = or += the first `rows` rows and `cols` columns of the product
// of a panel a and a panel b.
template <int M, int V, class A>
void multiply_tile(const A& a, const Ahead& ahead, long depth, const float* b, float* c, long step,
                   long rows, long cols, bool add) {
    vec sum[M][V] = {};
    const A lines = a;
    const Ahead next = ahead;
    for (long k = 0; k < depth; ++k, b += COLS) {
        next.fetch(k);
        UNROLLED
        for (int i = 0; i < M; ++i) {
            UNROLLED
            for (int v = 0; v < V; ++v)
                sum[i][v] += lines(i, k) * load(b + v * LANES);
        }
    }
    UNROLLED
    for (int i = 0; i < M; ++i, c += step) {
        if (i >= rows) continue;
        UNROLLED
        for (int v = 0; v < V; ++v) {
            float* to = c + v * LANES;
            const long n = cols - v * LANES;
            if (n >= LANES) store(to, add ? load(to) + sum[i][v] : sum[i][v]);
            else store_part(to, add ? load_part(to, n) + sum[i][v] : sum[i][v], n);
        }
    }
}

template <int V, class A>
auto tile_for(long rows) {
    constexpr int THIRD = ROWS / 3;
    if (rows > 2 * THIRD) return multiply_tile<ROWS, V, A>;
    if (rows > THIRD) return multiply_tile<2 * THIRD, V, A>;
    return multiply_tile<THIRD, V, A>;
}

constexpr long panel_size(long depth) { return depth * COLS + CACHE_LINE; }

// Copies b (depth, n) as panels (depth, COLS) that lie panel_size apart, filled up with zeros.
inline void pack_columns(const Matrix& b, long depth, long n, float* to) {
    if (b.across != 1) {
        vec v[LANES];
        for (long j = 0; j < parts(n, COLS) * COLS; j += LANES)
            for (long k = 0; k < depth; k += LANES) {
                float* panel = to + j / COLS * panel_size(depth) + j % COLS;
                load_across(b.at(k, j), b.across, n - j, depth - k, v);
                for (long i = 0; i < std::min<long>(LANES, depth - k); ++i)
                    store(panel + (k + i) * COLS, v[i]);
            }
        return;
    }
    for (long k = 0; k < depth; ++k) {
        float* line = to + k * COLS;
        long j = 0;
        for (; j + COLS <= n; j += COLS, line += panel_size(depth)) {
            store(line, load(b.at(k, j)));
            store(line + LANES, load(b.at(k, j + LANES)));
        }
        if (j < n)
            for (int v = 0; v < COLS; v += LANES)
                store(line + v, load_part(b.at(k, j + v), n - j - v));
    }
}

// Copies `rows` rows of a as a panel: a RowPanel where a's rows are contiguous, else a Panel.
inline void pack_rows(const Matrix& a, long rows, long depth, float* panel) {
    if (a.across == 1) {
        for (long i = 0; i < rows; ++i)
            copy(panel + i * ROW_STEP, a.at(i, 0), depth);
    } else {
        for (long k = 0; k < depth; ++k)
            copy(panel + k * ROWS, a.at(0, k), rows);
    }
}

constexpr long FULL = LONG_MAX / 2;

// A task: c (M, N) = or += a (M, K) b (K, N), where c has its rows contiguous.
struct Task {
    Matrix a, b, c;
    long M, N, K, depth;
    bool accumulate;
    long reach = FULL;   // column n of b is zero from k = reach + n on
    bool lower = false;  // whether only the numbers of c (m, n) with n <= m are wanted

    // What the tile at (m, n), the t-th for this k, fetches. Where one step takes all of k, it is
    // the next tile of C. Else the first tile of a row fetches the next rows of A, and each of the
    // others some of B for the next step.
    Ahead next(long k, long m, long n, long t) const {
        if (K <= depth) return n + COLS < N ? tile_of_c(m, n + COLS) : tile_of_c(m + ROWS, 0);
        if (n == 0) {
            const float* rows = m + ROWS < M ? a.at(m + ROWS, k) : a.at(0, k + depth);
            return a.across == 1 ? Ahead{rows, a.down, 4} : Ahead{rows, a.across, 0};
        }
        if (b.across != 1) return {b.at(k + depth, std::min(t * CACHE_LINE, N)), b.across, 4};
        const int shift = depth == DEPTH ? 4 : 6;  // so many lines are a row of all panels
        return {b.at(k + depth + std::min(t * (depth >> shift), depth), 0), b.down, shift};
    }

    // Nothing beyond this task's part of C: other cores write there.
    Ahead tile_of_c(long m, long n) const {
        const long rows = std::min<long>(ROWS, M - m);
        if (rows <= 0) return {c.at(0, 0), 0, 0, false, 0};
        const bool two = COLS > CACHE_LINE;  // lines of a row
        return {c.at(m, n), c.down, two, true, two ? 2 * rows - 1 : rows - 1};
    }

    // The tiles from row m on, for the d values of k from k on.
    template <class A>
    void multiply_rows(const A& lines, long k, long d, long m, const float* panels) const {
        const long rows = std::min<long>(ROWS, M - m);
        const long end = lower ? std::min(N, m + ROWS) : N;
        for (long n = 0; n < end; n += COLS, panels += panel_size(d)) {
            const auto tile = N - n > LANES ? tile_for<2, A>(rows) : tile_for<1, A>(rows);
            const Ahead ahead = next(k, m, n, (m / ROWS * N + n) / COLS);
            const bool add = accumulate || k > 0;
            const long taken = std::min(d, reach + n + COLS - k);
            if (taken >= 0) tile(lines, ahead, taken, panels, c.at(m, n), c.down, rows, N - n, add);
        }
    }

    void multiply() const {
        float* panels = buffer(COLUMNS, panel_size(depth), parts(N, COLS));
        alignas(64) float rows[ROWS * ROW_STEP] = {};
        for (long k = 0; k < K || k == 0; k += depth) {
            const long d = std::min(depth, K - k);
            pack_columns(b.from(k, 0), d, N, panels);
            for (long m = 0; m < M; m += ROWS) {
                pack_rows(a.from(m, k), std::min<long>(ROWS, M - m), d, rows);
                if (a.across == 1) multiply_rows(RowPanel{rows}, k, d, m, panels);
                else multiply_rows(Panel{rows}, k, d, m, panels);
            }
        }
    }
};

}  // namespace product
}  // namespace ISA
