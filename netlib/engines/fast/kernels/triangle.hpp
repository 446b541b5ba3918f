// Products of rows x (rows, size) of which half follows from the rest:
//
//     x^T x    is symmetric
//     x U      for an upper triangular U: number j takes only those up to j of a row
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "brick_gemm.hpp"
#include "buffer.hpp"
#include "copy.hpp"
#include "gemm_task.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "threads.hpp"

namespace ISA {
namespace triangle {

constexpr long SIDE = 480;      // rows and columns of a block of x^T x
constexpr long PORTION = 4096;  // rows of x that are summed as floats
constexpr long ENOUGH = 16;     // tasks
constexpr long BAND = 480;      // rows that are multiplied by U at a time
constexpr long ACROSS = 256;    // columns of U

// c (M, N) = a (M, K) b (K, N) by one thread, with `reach` and `lower` as product::Task has them.
inline void multiply(const Matrix& a, const Matrix& b, const Matrix& c, long M, long N, long K,
                     long reach, bool lower) {
#ifdef MATRIX_UNIT
    if (bricks::pay(M, N, K)) {
        return bricks::Task{a, b, c, M, N, K, false, reach, lower}.multiply();
    }
#endif
    const long depth = std::min(K, product::DEPTH);
    product::Task{a, b, c, M, N, K, depth, false, reach, lower}.multiply();
}

// A part of x^T x: rows `first` and columns `other` <= `first` of it, so many of each.
struct Block {
    long first, other, height, width;

    bool on_diagonal() const { return first == other; }
};

// The blocks of the lower half.
inline std::vector<Block> blocks_of(long size) {
    std::vector<Block> found;
    for (long i = 0; i < size; i += SIDE)
        for (long j = 0; j <= i; j += SIDE)
            found.push_back({i, j, std::min(SIDE, size - i), std::min(SIDE, size - j)});
    return found;
}

// sums (height, width) = the block for some rows of x.
inline void multiply_block(const Block& block, const Matrix& x, long rows, const Matrix& sums) {
    const auto [first, other, height, width] = block;
    const Matrix left = x.from(0, first).transposed();
    const bool lower = block.on_diagonal();
    multiply(left, x.from(0, other), sums, height, width, rows, product::FULL, lower);
}

// totals (height, width) += sums
inline void add_block(const Block& block, const Matrix& sums, double* totals) {
    for (long i = 0; i < block.height; ++i)
        for (long j = 0; j < block.width; ++j)
            totals[i * block.width + j] += *sums.at(i, j);
}

// out (size, size) = the totals, in a block and in the one opposite to it.
inline void place_block(const Block& block, const double* totals, double* out, long size) {
    for (long i = 0; i < block.height; ++i) {
        const long wide = block.on_diagonal() ? i + 1 : block.width;
        for (long j = 0; j < wide; ++j) {
            const long row = block.first + i;
            const long column = block.other + j;
            out[row * size + column] = out[column * size + row] = totals[i * block.width + j];
        }
    }
}

}  // namespace triangle

// out (size, size) = x^T x, with floats within a portion of the rows and doubles over several. How
// the rows are shared out depends on the shapes alone, so that the sums do not depend on the number
// of threads.
EXPORT(scatter_matrix)(float* x, double* out, long rows, long size) try {
    using namespace triangle;
    const std::vector<Block> blocks = blocks_of(size);
    const long count = blocks.size();
    const long portions = parts(rows, PORTION);
    const long shares = std::clamp(parts(ENOUGH, std::max(count, 1L)), 1L, std::max(portions, 1L));
    std::vector<std::vector<double>> totals(count * shares);
    share_out_singly(count * shares, [&](long i) {
        const Block& block = blocks[i / shares];
        float* numbers = buffer(PRODUCTS, SIDE, SIDE);
        const Matrix sums{numbers, block.width, 1};
        std::fill_n(numbers, SIDE * SIDE, 0.f);
        totals[i].assign(block.height * block.width, 0);
        for (long portion = i % shares; portion < portions; portion += shares) {
            const long begin = portion * PORTION;
            const Matrix some{x + begin * size, size, 1};
            multiply_block(block, some, std::min(PORTION, rows - begin), sums);
            add_block(block, sums, totals[i].data());
        }
    });
    share_out_singly(count, [&](long i) {
        std::vector<double>& total = totals[i * shares];
        for (long share = 1; share < shares; ++share)
            for (std::size_t j = 0; j < total.size(); ++j)
                total[j] += totals[i * shares + share][j];
        place_block(blocks[i], total.data(), out, size);
    });
} REFUSED

// x = x U for an upper triangular U (size, size). The last numbers of a row take all of it, so they
// are computed first.
EXPORT(project_rows)(float* x, float* U, long rows, long size) try {
    using namespace triangle;
    const Matrix right{U, size, 1};
    share_out_singly(parts(rows, BAND), [&](long i) {
        const long height = std::min(BAND, rows - i * BAND);
        const Matrix band{x + i * BAND * size, size, 1};
        const Matrix made{buffer(PRODUCTS, BAND, ACROSS), ACROSS, 1};
        for (long j = (parts(size, ACROSS) - 1) * ACROSS; j >= 0; j -= ACROSS) {
            const long width = std::min(ACROSS, size - j);
            multiply(band, right.from(0, j), made, height, width, j + width, j, false);
            deliver(made, band.from(0, j), height, width, false);
        }
    });
} REFUSED

}  // namespace ISA
