// The matrix product C = or += A B, shared out as tasks that own a part of C.
#pragma once

#include <algorithm>

#include "brick_gemm.hpp"
#include "buffer.hpp"
#include "gemm_task.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "narrow_gemm.hpp"
#include "threads.hpp"
#include "tile.hpp"

namespace ISA {
namespace product {

constexpr long SHALLOW = 64;   // the depth for an A of few rows
constexpr long FEW_ROWS = 96;  // those

constexpr long TASK_ROWS = 480;           // of a task, at most: a multiple of ROWS
constexpr long PANEL_ROOM = DEPTH * 256;  // floats of B's panels that stay in the cache

// Whether b^T a^T is the better product than a b. Columns of b want to lie side by side; where both
// matrices run along k, the smaller one is to be transposed while it is packed.
inline bool better_transposed(const Matrix& a, const Matrix& b, long M, long N, bool is_narrow) {
    if (is_narrow) return M < N;
    return b.across != 1 && (a.across != 1 || N > M);
}

}  // namespace product

// c (M, N) = or += a (M, K) b (K, N). Of each matrix either step is 1.
inline void gemm(const Matrix& a, const Matrix& b, const Matrix& c, long M, long N, long K,
                 bool accumulate) {
    using namespace product;
    if (!M || !N) return;
#ifdef MATRIX_UNIT
    if (bricks::pay(M, N, K)) return bricks::gemm(a, b, c, M, N, K, accumulate);
#endif
    const bool is_narrow = std::min(M, N) <= narrow::MOST && K > narrow::MOST;
    if (better_transposed(a, b, M, N, is_narrow))
        return gemm(b.transposed(), a.transposed(), c.transposed(), N, M, K, accumulate);
    if (is_narrow) return narrow::gemm(a, b, c, M, N, K, accumulate);
    const bool shallow = M <= FEW_ROWS && b.across == 1;
    const long depth = std::clamp(K, 1L, shallow ? SHALLOW : DEPTH);
    const Limit of_rows{TASK_ROWS, ROWS};
    const Limit of_columns{std::max<long>(COLS, PANEL_ROOM / std::max(depth, 32L)), COLS};
    const auto multiply = [&](long m, long n, long rows, long cols) {
        const Matrix out = c.from(m, n);
        Task task{a.from(m, 0), b.from(0, n), out, rows, cols, K, depth, accumulate};
        if (c.across == 1) return task.multiply();
        task.c = {buffer(SUMS, rows, cols), cols, 1};
        task.accumulate = false;
        task.multiply();
        deliver(task.c, out, rows, cols, accumulate);
    };
    share_out_product(M, N, K, of_rows, of_columns, multiply);
}

EXPORT(gemm)(float* a, float* b, float* c, long M, long N, long K, long transpose_a,
             long transpose_b, long accumulate) try {
    const Matrix left = transpose_a ? Matrix{a, 1, M} : Matrix{a, K, 1};
    const Matrix right = transpose_b ? Matrix{b, 1, K} : Matrix{b, N, 1};
    gemm(left, right, Matrix{c, N, 1}, M, N, K, accumulate);
} REFUSED

}  // namespace ISA
