// The matrix product C = or += A B by the matrix unit.
//
// A task owns a part of C. It takes TASK_DEPTH values of k at a time. For these it packs its part
// of B, which stays in the second-level cache, and then, one after the other, BLOCK rows of A. The
// sums for each BLOCK x BLOCK numbers of C are added to it. If one of them is not finite, all are
// computed again by multiply-adds: they shall be what floats give.
#pragma once

#include <algorithm>

#include "bricks.hpp"
#include "buffer.hpp"
#include "gemm_task.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "matrix_unit.hpp"
#include "threads.hpp"

#ifdef MATRIX_UNIT
namespace ISA {
namespace bricks {

constexpr long TASK_DEPTH = 512;   // values of k at a time
constexpr long TASK_ROWS = 512;    // of a task, at most
constexpr long TASK_COLUMNS = 256;

// A task: c (M, N) = or += a (M, K) b (K, N), as product::Task has it.
struct Task {
    Matrix a, b, c;
    long M, N, K;
    bool accumulate;
    long reach = product::FULL;
    bool lower = false;

    // So many values of k; and how many were packed.
    struct Depth {
        long taken, packed;
    };

    // The block at (m, n), for values of k from k on.
    void multiply_block(long m, long n, long k, Depth depth, const float* left,
                        const float* right) const {
        alignas(64) float sums[BLOCK_SIZE];
        const Matrix made{sums, BLOCK, 1};
        const long rows = std::min(BLOCK, M - m);
        const long cols = std::min(BLOCK, N - n);
        const long step = deep(depth.packed) * BRICK;
        bricks::multiply(rows, cols, {left, step}, {right, step}, deep(depth.taken), sums, true);
        if (!finite(sums, rows, cols)) {
            const long d = depth.taken;
            const long at_once = std::min(d, product::DEPTH);
            product::Task{a.from(m, k), b.from(k, n), made, rows, cols, d, at_once, false}
                .multiply();
        }
        deliver(made, c.from(m, n), rows, cols, accumulate || k > 0);
    }

    void multiply() const {
        const MatrixUnit unit;
        float* left = buffer(LEFT_BRICKS, BLOCK, TASK_DEPTH);
        float* right = buffer(RIGHT_BRICKS, parts(N, SIDE) * SIDE, TASK_DEPTH);
        for (long k = 0; k < K; k += TASK_DEPTH) {
            const long d = std::min(TASK_DEPTH, K - k);
            pack(b.from(k, 0).transposed(), N, d, Operand::RIGHT, right);
            for (long m = 0; m < M; m += BLOCK) {
                pack(a.from(m, k), std::min(BLOCK, M - m), d, Operand::LEFT, left);
                const long end = lower ? std::min(N, m + BLOCK) : N;
                for (long n = 0; n < end; n += BLOCK) {
                    const long taken = std::min(d, reach + n + BLOCK - k);
                    const float* columns = right + n / SIDE * deep(d) * BRICK;
                    if (taken > 0) multiply_block(m, n, k, {taken, d}, left, columns);
                }
            }
        }
    }
};

// c (M, N) = or += a (M, K) b (K, N). Of each matrix either step is 1.
inline void gemm(const Matrix& a, const Matrix& b, const Matrix& c, long M, long N, long K,
                 bool accumulate) {
    const auto multiply = [&](long m, long n, long rows, long cols) {
        Task{a.from(m, 0), b.from(0, n), c.from(m, n), rows, cols, K, accumulate}.multiply();
    };
    share_out_product(M, N, K, {TASK_ROWS, BLOCK}, {TASK_COLUMNS, BLOCK}, multiply);
}

}  // namespace bricks
}  // namespace ISA
#endif
