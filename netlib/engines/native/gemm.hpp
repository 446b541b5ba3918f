// The matrix product C = or += A B, in blocks that fit into the caches.
//
// A task owns a block of C. For DEPTH values of k at a time it packs its part of B as panels of COLS columns, which
// stay in the second-level cache, and, one after the other, panels of ROWS rows of A, which stay in the first.

// A matrix in memory: the number (i, j) lies at i * down + j * across.
struct Matrix {
    float* numbers;
    long down, across;
    float* at(long i, long j) const { return numbers + i * down + j * across; }
    Matrix transposed() const { return {numbers, across, down}; }
};

namespace gemm_blocks {

constexpr long DEPTH = 256, DOWN = 20 * ROWS, ACROSS = 256, ROW_STEP = DEPTH + LANES;

// b's rows k0 .. k0 + depth and columns n0 .. n0 + across, as panels (across / COLS, depth, COLS) filled up with zeros.
inline void pack_columns(const Matrix& b, long k0, long depth, long n0, long across, float* to) {
    for (long n = n0; n < n0 + across; n += COLS, to += depth * COLS) {
        const long width = std::min<long>(COLS, n0 + across - n);
        if (width < COLS) std::memset(to, 0, sizeof(float) * depth * COLS);
        if (b.across == 1)
            for (long k = 0; k < depth; ++k)
                copy(to + k * COLS, b.at(k0 + k, n), width);
        else
            for (long j = 0; j < width; ++j)
                for (long k = 0; k < depth; ++k)
                    to[k * COLS + j] = *b.at(k0 + k, n + j);
    }
}

// The product of a panel of a, `rows` rows from m on, with all panels of B; `sums` holds a tile for each.
inline void multiply_panel(const Matrix& a, long m, long rows, long k0, long depth, const float* panels, long across,
                           float* sums) {
    alignas(64) float near[ROWS * ROW_STEP];
    const bool by_rows = a.across == 1;
    Rows lines;
    for (int i = 0; i < ROWS; ++i)
        lines.row[i] = near + i * ROW_STEP;
    if (by_rows)                                            // in A rows may lie a power of two apart; here they do not
        for (long i = 0; i < rows; ++i)
            copy(near + i * ROW_STEP, a.at(m + i, k0), depth);
    else
        for (long k = 0; k < depth; ++k)
            copy(near + k * ROWS, a.at(m, k0 + k), rows);
    for (long n = 0; n < across; n += COLS, panels += depth * COLS, sums += TILE_SIZE) {
        const Run run{1, depth, 0};
        if (by_rows) multiply(rows, across - n, lines, run, panels, sums, k0 == 0);
        else multiply(rows, across - n, Panel{near}, run, panels, sums, k0 == 0);
    }
}

inline void deliver(const float* tile, const Matrix& c, long m, long rows, long n, long cols, bool accumulate) {
    if (c.across == 1)
        for (long i = 0; i < rows; ++i)
            (accumulate ? add : copy)(c.at(m + i, n), tile + i * COLS, cols);
    else
        for (long j = 0; j < cols; ++j)
            for (long i = 0; i < rows; ++i)
                *c.at(m + i, n + j) = tile[i * COLS + j] + (accumulate ? *c.at(m + i, n + j) : 0);
}

}  // namespace gemm_blocks

// c (M, N) = or += a (M, K) b (K, N). Either step of each matrix is 1.
inline void gemm(const Matrix& a, const Matrix& b, const Matrix& c, long M, long N, long K, bool accumulate) {
    using namespace gemm_blocks;
    // Columns of B want to lie side by side. Where they do not, the transposed product may be the better one; where
    // both matrices run along k, the smaller one is transposed while it is packed.
    if (b.across != 1 && (a.across != 1 || N > M))
        return gemm(b.transposed(), a.transposed(), c.transposed(), N, M, K, accumulate);
    const long down = parts(M, DOWN);
    share_out(down * parts(N, ACROSS), [&](long task) {
        const long m0 = task % down * DOWN, m1 = std::min(M, m0 + DOWN);
        const long n0 = task / down * ACROSS, across = std::min(ACROSS, N - n0), tiles = parts(across, COLS);
        float* panels = buffer(COLUMNS, DEPTH * tiles * COLS);
        float* sums = buffer(SUMS, parts(DOWN, ROWS) * tiles * TILE_SIZE);
        for (long k0 = 0; k0 < K || k0 == 0; k0 += DEPTH) {
            const long depth = std::min(DEPTH, K - k0);
            pack_columns(b, k0, depth, n0, across, panels);
            for (long m = m0; m < m1; m += ROWS)
                multiply_panel(a, m, std::min<long>(ROWS, m1 - m), k0, depth, panels, across,
                               sums + (m - m0) / ROWS * tiles * TILE_SIZE);
        }
        for (long m = m0; m < m1; m += ROWS)
            for (long n = 0; n < across; n += COLS, sums += TILE_SIZE)
                deliver(sums, c, m, std::min<long>(ROWS, m1 - m), n0 + n, std::min<long>(COLS, across - n), accumulate);
    });
}

EXPORT(gemm)(float* a, float* b, float* c, long M, long N, long K, long transpose_a, long transpose_b,
             long accumulate) {
    gemm(transpose_a ? Matrix{a, 1, M} : Matrix{a, K, 1}, transpose_b ? Matrix{b, 1, K} : Matrix{b, N, 1},
         Matrix{c, N, 1}, M, N, K, accumulate);
}
