// Matrices in memory, and how the work on one is cut into tasks.
#pragma once

#include <algorithm>

#include "copy.hpp"
#include "isa.hpp"
#include "threads.hpp"

namespace ISA {

// The number (i, j) of a matrix lies at i * down + j * across.
struct Matrix {
    float* numbers;
    long down, across;
    float* at(long i, long j) const { return numbers + i * down + j * across; }
    Matrix from(long i, long j) const { return {at(i, j), down, across}; }
    Matrix transposed() const { return {numbers, across, down}; }
};

// The size, a multiple of `step`, of tasks of at most `most` that n things are cut into. Where
// several tasks are `wanted`, there are at least so many, and the same number for each thread.
inline long share(long n, long most, long step, long wanted) {
    long tasks = std::max(parts(n, most), wanted);
    if (wanted > 1) tasks = parts(tasks, threads()) * threads();
    return parts(parts(n, tasks), step) * step;
}

// How many tasks so many multiply-adds are worth: several for each thread, but none so short that
// handing it over takes longer.
inline long tasks_for(double work) { return std::clamp<long>(work / (1 << 18), 1, 2 * threads()); }

// How much of one axis of a product a task takes: at most `most`, a multiple of `step`.
struct Limit {
    long most, step;
};

// Cuts a product (M, N) of length K into tasks and calls work(m, n, rows, cols) for each: the
// columns first, so that a task packs few of them, then the rows.
template <class Work>
void share_out_product(long M, long N, long K, Limit of_rows, Limit of_columns, const Work& work) {
    const long tasks = tasks_for(1. * M * N * K);
    const long tall = parts(tasks, parts(M, of_rows.most));
    const long across = share(N, of_columns.most, of_columns.step, tall);
    const long down = share(M, of_rows.most, of_rows.step, parts(tasks, parts(N, across)));
    const long tasks_down = parts(M, down);
    share_out_singly(tasks_down * parts(N, across), [&](long i) {
        const long m = i % tasks_down * down;
        const long n = i / tasks_down * across;
        work(m, n, std::min(down, M - m), std::min(across, N - n));
    });
}

// c (M, N) = or += sums.
inline void deliver(const Matrix& sums, const Matrix& c, long M, long N, bool accumulate) {
    if (c.down == 1 && (c.across != 1 || sums.across != 1))
        return deliver(sums.transposed(), c.transposed(), N, M, accumulate);
    for (long i = 0; i < M; ++i) {
        if (c.across == 1 && sums.across == 1) {
            (accumulate ? add : copy)(c.at(i, 0), sums.at(i, 0), N);
            continue;
        }
        for (long j = 0; j < N; ++j) {
            const float old = accumulate ? *c.at(i, j) : 0;
            *c.at(i, j) = *sums.at(i, j) + old;
        }
    }
}

}  // namespace ISA
