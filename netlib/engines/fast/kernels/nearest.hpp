// An iteration of spherical k-means: the center nearest to each row, that is the one with the
// greatest inner product, and the sums of rows by center. Rows x are of length 1 or 0.
//
// For each row and each center there is a bound, a number that their product does not exceed. When
// a center c becomes c',
//
//     x c' = x c + x (c' - c) <= x c + |c' - c|
//
// so that the bound grows by how far the center has moved (Elkan 2003). A center whose bound is
// below the product with the one that was nearest need not be multiplied. Once centers move little,
// that leaves some percent of them, which are multiplied one by one. Rows with many of them are
// collected, and multiplied by all centers as a matrix product, where a multiply-add takes a
// quarter of the time.
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "copy.hpp"
#include "gemm_task.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "narrow_gemm.hpp"
#include "simd.hpp"
#include "threads.hpp"
#include "tile.hpp"

namespace ISA {

// Some rows of a matrix (any, size), every step-th from the first on; and the number of centers.
struct Clustered {
    long first, step, rows, size, centers;

    long row(long i) const { return first + i * step; }
};

namespace clusters {

constexpr long ROWS_OF_A_TASK = 20 * ROWS;
constexpr long CENTERS_OF_A_TASK = 16;
constexpr long ROOM = 1 << 20;  // floats of the rows of all tasks, which stay in the last cache
constexpr long AHEAD = 2;       // rows
constexpr long MANY = 4;        // more than one of so many centers

// Rows that lie far apart are fetched before they are needed: the processor foresees none of it.
inline void fetch(const float* from, long n) {
    for (long i = 0; i < n; i += CACHE_LINE)
        __builtin_prefetch(from + i);
}

inline float inner_product(const float* a, const float* b, long n) {
    constexpr int SIDE = 4;
    vec sum[SIDE] = {};
    long i = 0;
    for (; i + SIDE * LANES <= n; i += SIDE * LANES) {
        UNROLLED
        for (int j = 0; j < SIDE; ++j)
            sum[j] += load(a + i + j * LANES) * load(b + i + j * LANES);
    }
    for (; i < n; i += LANES)
        sum[0] += load_part(a + i, n - i) * load_part(b + i, n - i);
    return narrow::total((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

// The number of the largest of n products, the first one of several.
inline long largest(const float* products, long n) {
    vec most = products[0] + vec{};
    long i = 0;
    for (; i + LANES <= n; i += LANES) {
        const vec some = load(products + i);
        most = some > most ? some : most;
    }
    float best = most[0];
    for (int lane = 1; lane < LANES; ++lane)
        best = std::max(best, most[lane]);
    for (; i < n; ++i)
        best = std::max(best, products[i]);
    long found = 0;
    while (found < n - 1 && products[found] != best)
        ++found;
    return found;
}

struct Assignment {
    const Clustered& c;
    const float *x, *centers;
    const float* panels;  // the centers, packed as columns
    const float* moved;   // (centers); null: there are no bounds yet
    float* bounds;        // (any, centers); null: none are kept
    long* nearest;        // (any)

    // The bounds of a row that still hold; returns how many are above the product with the center
    // that was nearest, which becomes `best`.
    long renew(long row, float& best) const {
        float* bound = bounds + row * c.centers;
        vec above{};
        best = inner_product(x + row * c.size, centers + nearest[row] * c.size, c.size);
        for (long j = 0; j < c.centers; j += LANES) {
            const long n = c.centers - j;
            const vec now = load_part(bound + j, n) + load_part(moved + j, n);
            store_part(bound + j, now, n);
            above += now > best ? 1 + vec{} : vec{};
        }
        return narrow::total(above);
    }

    // The nearest center of a row, by the products with the few centers that come into question.
    void choose(long row, float best) const {
        float* bound = bounds + row * c.centers;
        long found = nearest[row];
        bound[found] = best;
        for (long j = 0; j < c.centers; ++j) {
            if (!(bound[j] > best) || j == found) continue;
            bound[j] = inner_product(x + row * c.size, centers + j * c.size, c.size);
            if (!(bound[j] > best)) continue;
            best = bound[j];
            found = j;
        }
        nearest[row] = found;
    }

    // tiles (parts of rows, panels) = the products of some rows with all centers.
    void multiply_all(const long* rows, long count, float* tiles) const {
        using product::DEPTH, product::ROW_STEP;
        const long across = parts(c.centers, COLS);
        alignas(64) float packed[ROWS * ROW_STEP] = {};
        const EvenRows lines{packed, ROW_STEP};
        for (long k = 0; k < c.size; k += DEPTH) {
            const long depth = std::min(DEPTH, c.size - k);
            for (long m = 0; m < count; m += ROWS) {
                for (long i = 0; i < std::min<long>(ROWS, count - m); ++i) {
                    copy(packed + i * ROW_STEP, x + rows[m + i] * c.size + k, depth);
                    const long ahead = std::min(m + i + ROWS, count - 1);
                    fetch(x + rows[ahead] * c.size + k, depth);
                }
                for (long p = 0; p < across; ++p) {
                    const float* panel = panels + p * product::panel_size(c.size) + k * COLS;
                    multiply(count - m, c.centers - p * COLS, lines, Run{1, depth, 0}, panel,
                             tiles + (m / ROWS * across + p) * TILE_SIZE, k == 0);
                }
            }
        }
    }

    // The nearest centers of some rows, by the products with all centers.
    void choose_of_all(const long* rows, long count) const {
        const long across = parts(c.centers, COLS);
        float* tiles = buffer(SUMS, parts(count, ROWS), across, TILE_SIZE);
        float* line = buffer(LINE, across, COLS);
        multiply_all(rows, count, tiles);
        for (long i = 0; i < count; ++i) {
            float* products = bounds ? bounds + rows[i] * c.centers : line;
            const float* from = tiles + (i / ROWS * across * ROWS + i % ROWS) * COLS;
            for (long p = 0; p < across; ++p, from += TILE_SIZE)
                copy(products + p * COLS, from, std::min<long>(COLS, c.centers - p * COLS));
            nearest[rows[i]] = largest(products, c.centers);
        }
    }

    // The nearest centers of the rows begin .. end - 1 of the chosen ones, no more than a task's.
    void assign(long begin, long end) const {
        long left[ROWS_OF_A_TASK];
        long count = 0;
        for (long i = begin; i < end; ++i) {
            const long row = c.row(i);
            if (moved && i + AHEAD < end) {
                fetch(x + c.row(i + AHEAD) * c.size, c.size);
                fetch(bounds + c.row(i + AHEAD) * c.centers, c.centers);
            }
            float best = 0;
            if (!moved || renew(row, best) * MANY > c.centers) left[count++] = row;
            else choose(row, best);
        }
        choose_of_all(left, count);
    }

    // sums (centers, size) += the chosen rows begin .. end - 1 nearest to centers from .. to - 1.
    void add_to(float* sums, long from, long to, long begin, long end) const {
        for (long i = begin; i < end; ++i) {
            const long row = c.row(i);
            const long center = nearest[row];
            if (from <= center && center < to)
                add(sums + center * c.size, x + row * c.size, c.size);
        }
    }
};

}  // namespace clusters

// For the chosen rows of x (any, size):
//
//     nearest (any)         the number of the nearest center
//     bounds (any, centers) on the products; null: none are kept
//     sums (centers, size)  of the rows that are nearest to each center
//
// moved (centers) is how far centers have moved since `nearest` and `bounds` were found; null: this
// is the first time.
EXPORT(cluster)(const float* x, const float* centers, const float* moved, float* bounds,
                long* nearest, float* sums, const Clustered* clustered) try {
    using namespace clusters;
    const Clustered& c = *clustered;
    std::fill_n(sums, c.centers * c.size, 0.f);
    float* panels = buffer(COLUMNS, product::panel_size(c.size), parts(c.centers, COLS));
    const Matrix columns{const_cast<float*>(centers), 1, c.size};
    product::pack_columns(columns, c.size, c.centers, panels);
    const Assignment work{c, x, centers, panels, moved, bounds, nearest};
    const long of_all = ROWS_OF_A_TASK * threads();  // as many tasks for each
    const long rows = parts(ROOM / c.size, of_all) * of_all;
    for (long begin = 0; begin < c.rows; begin += rows) {
        const long end = std::min(c.rows, begin + rows);
        share_out_ranges(end - begin, ROWS_OF_A_TASK,
                         [&](long from, long to) { work.assign(begin + from, begin + to); });
        share_out_ranges(c.centers, CENTERS_OF_A_TASK,
                         [&](long from, long to) { work.add_to(sums, from, to, begin, end); });
    }
}
REFUSED

}  // namespace ISA
