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
#include <cstring>

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

// What to fetch, to be read or to be written: cache lines from `first` to `end`. Of these 2^shift
// lie side by side; the next ones lie `step` further on. Always inline: a compiler that sees no
// effect in a call leaves it out.
struct Ahead {
    const float* from;
    long step;
    int shift;
    long first, end;
    bool written = false;
    [[gnu::always_inline]] void fetch(long i) const {
        const long line = i & ((1L << shift) - 1);
        const float* at = from + (i >> shift) * step + line * CACHE_LINE;
        if (written) __builtin_prefetch(at, 1);
        else __builtin_prefetch(at);
    }
};

// 2 to this power is a number of lines that hold n floats.
inline int lines(long n) {
    int power = 0;
    while (CACHE_LINE << power < n)
        ++power;
    return power;
}

// c, whose rows lie `step` apart, = or += the first `rows` rows and `cols` columns of the product
// of a panel a and a panel b.
template <int M, int V, class A>
void multiply_tile(const A& a, const Ahead& ahead, long depth, const float* b, float* c, long step,
                   long rows, long cols, bool add) {
    vec sum[M][V] = {};
    const A lines = a;
    const Ahead next = ahead;
    const auto add_products = [&](long k) {
        UNROLLED
        for (int i = 0; i < M; ++i) {
            UNROLLED
            for (int v = 0; v < V; ++v)
                sum[i][v] += lines(i, k) * load(b + v * LANES);
        }
        b += COLS;
    };
    long k = 0;
    for (const long fetched = std::min(depth, next.end - next.first); k < fetched; ++k) {
        next.fetch(next.first + k);
        add_products(k);
    }
    for (; k < depth; ++k)
        add_products(k);
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
    } else if (rows == ROWS) {
        for (long k = 0; k < depth; ++k)
            std::memcpy(panel + k * ROWS, a.at(0, k), ROWS * sizeof(float));  // faster than `copy`
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

    // The lines of B that a step takes: `rows` times 2^shift. While a step computes, each tile but
    // the first of a row fetches `each` of the lines for the next step.
    struct LinesOfB {
        long rows, step;
        int shift;
        long each;
    };

    long others_of_a_row() const { return parts(N, COLS) - 1; }

    LinesOfB lines_of_b() const {
        const bool along_k = b.across != 1;
        const long rows = along_k ? N : depth;
        const int shift = lines(along_k ? depth : N);
        const long tiles = std::max(parts(M, ROWS) * others_of_a_row(), 1L);
        return {rows, along_k ? b.across : b.down, shift, parts(rows << shift, tiles)};
    }

    // What the tile at (m, n) fetches. Where one step takes all of k, it is the next tile of C.
    // Else the first tile of a row fetches the next rows of A, and the others their parts of B: no
    // more, for it would take the place of what this step needs.
    Ahead next(long k, long m, long n, const LinesOfB& of_b) const {
        if (K <= depth) return n + COLS < N ? tile_of_c(m, n + COLS) : tile_of_c(m + ROWS, 0);
        if (n == 0) return rows_of_a(m + ROWS < M ? a.from(m + ROWS, k) : a.from(0, k + depth));
        const long first = (m / ROWS * others_of_a_row() + n / COLS - 1) * of_b.each;
        const long end = std::min(first + of_b.each, of_b.rows << of_b.shift);
        return {b.at(k + depth, 0), of_b.step, of_b.shift, first, end};
    }

    Ahead rows_of_a(const Matrix& rows) const {
        if (rows.across != 1) return {rows.at(0, 0), rows.across, 0, 0, depth};
        const int shift = lines(depth);
        return {rows.at(0, 0), rows.down, shift, 0, ROWS << shift};
    }

    // Nothing beyond this task's part of C: other cores write there.
    Ahead tile_of_c(long m, long n) const {
        const long rows = std::min<long>(ROWS, M - m);
        if (rows <= 0) return {c.at(0, 0), 0, 0, 0, 0};
        const int shift = lines(COLS);
        return {c.at(m, n), c.down, shift, 0, rows << shift, true};
    }

    // The tiles from row m on, for the d values of k from k on.
    template <class A>
    void multiply_rows(const A& left, long k, long d, long m, const float* panels,
                       const LinesOfB& of_b) const {
        const long rows = std::min<long>(ROWS, M - m);
        const long end = lower ? std::min(N, m + ROWS) : N;
        for (long n = 0; n < end; n += COLS, panels += panel_size(d)) {
            const auto tile = N - n > LANES ? tile_for<2, A>(rows) : tile_for<1, A>(rows);
            const Ahead ahead = next(k, m, n, of_b);
            const bool add = accumulate || k > 0;
            const long taken = std::min(d, reach + n + COLS - k);
            if (taken >= 0) tile(left, ahead, taken, panels, c.at(m, n), c.down, rows, N - n, add);
        }
    }

    void multiply() const {
        float* panels = buffer(COLUMNS, panel_size(depth), parts(N, COLS));
        alignas(64) float rows[ROWS * ROW_STEP] = {};
        const LinesOfB of_b = lines_of_b();
        for (long k = 0; k < K || k == 0; k += depth) {
            const long d = std::min(depth, K - k);
            pack_columns(b.from(k, 0), d, N, panels);
            for (long m = 0; m < M; m += ROWS) {
                pack_rows(a.from(m, k), std::min<long>(ROWS, M - m), d, rows);
                if (a.across == 1) multiply_rows(RowPanel{rows}, k, d, m, panels, of_b);
                else multiply_rows(Panel{rows}, k, d, m, panels, of_b);
            }
        }
    }
};

}  // namespace product
}  // namespace ISA
