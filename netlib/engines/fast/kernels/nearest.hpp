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

#include "bricks.hpp"
#include "buffer.hpp"
#include "clustered.hpp"
#include "copy.hpp"
#include "isa.hpp"
#include "narrow_gemm.hpp"
#include "nearest_bricks.hpp"
#include "nearest_tiles.hpp"
#include "simd.hpp"
#include "threads.hpp"

namespace ISA {
namespace clusters {

constexpr long ROWS_OF_A_TASK = 20 * ROWS;
constexpr long CENTERS_OF_A_TASK = 16;
constexpr long ROOM = 1 << 20;  // floats of the rows of all tasks, which stay in the last cache
constexpr long AHEAD = 2;       // rows
constexpr long MANY = 4;        // more than one of so many centers

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

// Way: how rows are multiplied by all centers (nearest_tiles.hpp, nearest_bricks.hpp).
template <class Way>
struct Assignment {
    const Clustered& c;
    const float *x, *centers;
    const float* packed;  // the centers
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

    // The nearest centers of some rows, by the products with all centers.
    void choose_of_all(const long* rows, long count) const {
        const long across = parts(c.centers, Way::WIDE);
        float* tiles = buffer(SUMS, parts(count, Way::HIGH), across, Way::TILE);
        float* line = buffer(LINE, across, Way::WIDE);
        Way::multiply(c, x, rows, count, packed, tiles);
        for (long i = 0; i < count; ++i) {
            float* products = bounds ? bounds + rows[i] * c.centers : line;
            const long row = i / Way::HIGH * across * Way::TILE + i % Way::HIGH * Way::WIDE;
            for (long n = 0; n < c.centers; n += Way::WIDE) {
                const float* from = tiles + row + n / Way::WIDE * Way::TILE;
                copy(products + n, from, std::min<long>(Way::WIDE, c.centers - n));
            }
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

// An iteration: `nearest`, `bounds` and `sums`.
template <class Way>
void cluster(const Clustered& c, const float* x, const float* centers, const float* moved,
             float* bounds, long* nearest, float* sums) {
    const Assignment<Way> work{c, x, centers, Way::pack(c, centers), moved, bounds, nearest};
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
#ifdef MATRIX_UNIT
    if (bricks::pay(ROWS_OF_A_TASK, c.centers, c.size))
        return cluster<Bricks>(c, x, centers, moved, bounds, nearest, sums);
#endif
    cluster<Tiles>(c, x, centers, moved, bounds, nearest, sums);
} REFUSED

}  // namespace ISA
