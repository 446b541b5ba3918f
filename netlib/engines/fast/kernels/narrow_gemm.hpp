// Products with a matrix of few columns: C (M, N) = or += A (M, K) B (K, N), for N so small that
// reading A is the work.
//
// A is read once, where it lies. Where the numbers for successive k are neighbors in memory,
// vectors run along k: each number of C is the sum over a vector, and several vectors are summed
// side by side. Where the numbers of successive rows are neighbors, vectors run down the rows, and
// some k at a time are added to C.
#pragma once

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "buffer.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "simd.hpp"
#include "threads.hpp"
#include "tile.hpp"

namespace ISA {
namespace narrow {

constexpr int MOST = 8;   // columns of B
constexpr int LINES = 8;  // rows or columns of A side by side

// The sum of a vector's numbers, in pairs.
inline float total(vec v) {
    UNROLLED
    for (int half = LANES / 2; half; half /= 2) {
        lanes other;
        for (int i = 0; i < LANES; ++i)
            other[i] = i ^ half;
        v += shuffle(v, v, other);
    }
    return v[0];
}

// Copies b's n columns as N rows, of which the last ones are zeros. The rows lie K + CACHE_LINE
// apart: a power of two apart they would compete for the same places in the caches.
inline void pack(const Matrix& b, long K, long n, long N, float* to) {
    for (long j = 0; j < N; ++j, to += K + CACHE_LINE)
        for (long k = 0; k < K; ++k)
            to[k] = j < n ? *b.at(k, j) : 0;
}

// sums (N, rows) = the products of the N packed columns with rows of A that lie `step` apart.
template <int N>
void along(const float* a, long step, long rows, long K, const float* b, float* sums) {
    constexpr int SIDE = std::clamp(2 * ROWS / N, 1, LINES);  // rows of A whose sums fit registers
    for (long m = 0; m < rows; m += SIDE, a += SIDE * step) {
        const long last = std::min<long>(SIDE, rows - m) - 1;
        const float* line[SIDE];
        for (int i = 0; i < SIDE; ++i)
            line[i] = a + std::min<long>(i, last) * step;
        vec sum[N][SIDE] = {};
        const auto add = [&](auto part, long k) {
            vec numbers[SIDE];
            UNROLLED
            for (int i = 0; i < SIDE; ++i)
                numbers[i] = part(line[i] + k);
            UNROLLED
            for (int n = 0; n < N; ++n) {
                const vec factor = part(b + n * (K + CACHE_LINE) + k);
                UNROLLED
                for (int i = 0; i < SIDE; ++i)
                    sum[n][i] += factor * numbers[i];
            }
        };
        long k = 0;
        for (; k + LANES <= K; k += LANES)
            add(load, k);
        if (k < K) add([=](const float* p) { return load_part(p, K - k); }, k);
        for (int n = 0; n < N; ++n)
            for (long i = 0; i <= last; ++i)
                sums[n * rows + m + i] = total(sum[n][i]);
    }
}

// The same for an A whose rows lie side by side: the numbers for one k are neighbors, and begin
// `step` after those for k - 1.
template <int N>
void down(const float* a, long step, long rows, long K, const float* b, float* sums) {
    std::memset(sums, 0, sizeof(float) * N * rows);
    const auto add = [&](auto lines, long k) {
        const auto rows_from = [&](auto part, auto keep, long m) {
            vec numbers[lines.value];
            UNROLLED
            for (int i = 0; i < lines.value; ++i)
                numbers[i] = part(a + (k + i) * step + m);
            UNROLLED
            for (int n = 0; n < N; ++n) {
                vec sum = part(sums + n * rows + m);
                UNROLLED
                for (int i = 0; i < lines.value; ++i)
                    sum += b[n * (K + CACHE_LINE) + k + i] * numbers[i];
                keep(sums + n * rows + m, sum);
            }
        };
        long m = 0;
        for (; m + LANES <= rows; m += LANES)
            rows_from(load, store, m);
        if (m < rows) {
            const auto load_rest = [=](const float* p) { return load_part(p, rows - m); };
            const auto store_rest = [=](float* p, vec v) { store_part(p, v, rows - m); };
            rows_from(load_rest, store_rest, m);
        }
    };
    long k = 0;
    for (; k + LINES <= K; k += LINES)
        add(std::integral_constant<int, LINES>(), k);
    for (; k < K; ++k)
        add(std::integral_constant<int, 1>(), k);
}

// c = or += a b for n <= N columns of b.
template <int N>
void multiply(const Matrix& a, const Matrix& b, const Matrix& c, long M, long n, long K,
              bool accumulate) {
    float* columns = buffer(COLUMNS, N, K + CACHE_LINE);
    pack(b, K, n, N, columns);
    // Reading a number takes as long as MOST multiply-adds.
    const long rows_of_a_task = share(M, 2048, COLS, tasks_for(1. * M * K * MOST));
    share_out_ranges(M, rows_of_a_task, [&](long begin, long end) {
        const long rows = end - begin;
        float* sums = buffer(SUMS, N, rows);
        if (a.across == 1) along<N>(a.at(begin, 0), a.down, rows, K, columns, sums);
        else down<N>(a.at(begin, 0), a.across, rows, K, columns, sums);
        deliver({sums, 1, rows}, c.from(begin, 0), rows, n, accumulate);
    });
}

inline void gemm(const Matrix& a, const Matrix& b, const Matrix& c, long M, long N, long K,
                 bool accumulate) {
    if (N > 4) multiply<8>(a, b, c, M, N, K, accumulate);
    else if (N > 2) multiply<4>(a, b, c, M, N, K, accumulate);
    else if (N > 1) multiply<2>(a, b, c, M, N, K, accumulate);
    else multiply<1>(a, b, c, M, N, K, accumulate);
}

}  // namespace narrow
}  // namespace ISA
