// The matrix product C = or += A B, in blocks that fit into the caches.
//
// A task owns a block of C. For some values of k at a time it packs its part of B as panels of COLS columns, which stay
// in the second-level cache, and, one after the other, panels of ROWS rows of A, which stay in the first. While a tile
// is computed it fetches what a later one needs: memory and multiply-adds take their time side by side.

namespace product {

constexpr long DEPTH = 256, SHALLOW = 64;                   // values of k at a time; for matrices A of few rows
constexpr long LOW = 96, DOWN = 40 * ROWS;                  // rows of such a matrix, and of a task, at most
constexpr long PANELS = DEPTH * 256;                        // floats of B that stay near
constexpr long ROW_STEP = DEPTH + CACHE_LINE;               // no power of two: its multiples share places in the caches

// A as ROWS rows that are ROW_STEP apart.
struct Near {
    const float* numbers;
    float operator()(int row, long k) const { return numbers[row * ROW_STEP + k]; }
};

// What to fetch: a line of the caches for each k, 2^shift of them side by side and the others `step` further on.
struct Ahead {
    const float* from;
    long step;
    int shift;
    void fetch(long k) const {
        __builtin_prefetch(from + (k >> shift) * step + (k & ((1L << shift) - 1)) * CACHE_LINE);
    }
};

// c, rows `step` apart, = or += the first `rows` rows and `cols` columns of the product of a and a panel of B.
template <int M, int V, class A>
void tile(const A& a, const Ahead& ahead, long depth, const float* b, float* c, long step, long rows, long cols,
          bool add) {
    vec sum[M][V] = {};
    const A lines = a;
    const Ahead next = ahead;
    for (long k = 0; k < depth; ++k, b += COLS) {
        next.fetch(k);
        #pragma GCC unroll 16
        for (int i = 0; i < M; ++i)
            #pragma GCC unroll 2
            for (int v = 0; v < V; ++v)
                sum[i][v] += lines(i, k) * load(b + v * LANES);
    }
    #pragma GCC unroll 16
    for (int i = 0; i < M; ++i, c += step)
        if (i < rows)
            #pragma GCC unroll 2
            for (int v = 0; v < V; ++v) {
                float* to = c + v * LANES;
                const long n = cols - v * LANES;
                if (n >= LANES) store(to, add ? load(to) + sum[i][v] : sum[i][v]);
                else store_part(to, add ? load_part(to, n) + sum[i][v] : sum[i][v], n);
            }
}

template <int V, class A> auto tile_of(long rows) {
    constexpr int THIRD = ROWS / 3;
    return rows > 2 * THIRD ? tile<ROWS, V, A> : rows > THIRD ? tile<2 * THIRD, V, A> : tile<THIRD, V, A>;
}

constexpr long panel_size(long depth) { return depth * COLS + CACHE_LINE; }

// b (depth, n) as panels (depth, COLS), panel_size apart, filled up with zeros.
inline void pack_columns(const Matrix& b, long depth, long n, float* to) {
    const auto panel = [=](long j) { return to + j / COLS * panel_size(depth) + j % COLS; };
    if (b.across != 1) {
        vec v[LANES];
        for (long j = 0; j < parts(n, COLS) * COLS; j += LANES)
            for (long k = 0; k < depth; k += LANES) {
                load_across(b.at(k, j), b.across, n - j, depth - k, v);
                for (long i = 0; i < std::min<long>(LANES, depth - k); ++i)
                    store(panel(j) + (k + i) * COLS, v[i]);
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

// `rows` rows of a, as Near or as Panel has them.
inline void pack_rows(const Matrix& a, long rows, long depth, float* near) {
    if (a.across == 1)
        for (long i = 0; i < rows; ++i)
            copy(near + i * ROW_STEP, a.at(i, 0), depth);
    else
        for (long k = 0; k < depth; ++k)
            copy(near + k * ROWS, a.at(0, k), rows);
}

// A task: c (M, N) = or += a (M, K) b (K, N), with c by rows.
struct Block {
    Matrix a, b, c;
    long M, N, K, depth;
    bool accumulate;

    // What the tile at (m, n), the t-th for this k, fetches. Where all of k is one step: C, to the right of it. Else
    // the first tile of a row fetches the next rows of A, and each of the others some of B for the next step.
    Ahead next(long k, long m, long n, long t) const {
        if (K <= depth) return {n + COLS < N ? c.at(m, n + COLS) : c.at(m + ROWS, 0), c.down, 1};
        if (n == 0) {
            const float* rows = m + ROWS < M ? a.at(m + ROWS, k) : a.at(0, k + depth);
            return a.across == 1 ? Ahead{rows, a.down, 4} : Ahead{rows, a.across, 0};
        }
        if (b.across != 1) return {b.at(k + depth, std::min(t * CACHE_LINE, N)), b.across, 4};
        const int shift = depth == DEPTH ? 4 : 6;           // a row of panels has as many lines
        return {b.at(k + depth + std::min(t * (depth >> shift), depth), 0), b.down, shift};
    }

    template <class A> void multiply_rows(const A& lines, long k, long d, long m, const float* panels) const {
        const long rows = std::min<long>(ROWS, M - m);
        for (long n = 0; n < N; n += COLS, panels += panel_size(d)) {
            const auto tile = N - n > LANES ? tile_of<2, A>(rows) : tile_of<1, A>(rows);
            tile(lines, next(k, m, n, (m / ROWS * N + n) / COLS), d, panels, c.at(m, n), c.down, rows, N - n,
                 accumulate || k > 0);
        }
    }

    void multiply() const {
        float* panels = buffer(COLUMNS, panel_size(depth) * parts(N, COLS));
        alignas(64) float near[ROWS * ROW_STEP] = {};
        for (long k = 0; k < K || k == 0; k += depth) {
            const long d = std::min(depth, K - k);
            pack_columns(b.from(k, 0), d, N, panels);
            for (long m = 0; m < M; m += ROWS) {
                pack_rows(a.from(m, k), std::min<long>(ROWS, M - m), d, near);
                if (a.across == 1) multiply_rows(Near{near}, k, d, m, panels);
                else multiply_rows(Panel{near}, k, d, m, panels);
            }
        }
    }
};

}  // namespace product

// c (M, N) = or += a (M, K) b (K, N). Either step of each matrix is 1.
inline void gemm(const Matrix& a, const Matrix& b, const Matrix& c, long M, long N, long K, bool accumulate) {
    using namespace product;
    if (!M || !N) return;
    // Columns of B want to lie side by side. Where they do not, the transposed product may be the better one; where
    // both matrices run along k, the smaller one is turned over while it is packed.
    const bool is_narrow = std::min(M, N) <= narrow::MOST && K > narrow::MOST;
    if (is_narrow ? M < N : b.across != 1 && (a.across != 1 || N > M))
        return gemm(b.transposed(), a.transposed(), c.transposed(), N, M, K, accumulate);
    if (is_narrow) return narrow::gemm(a, b, c, M, N, K, accumulate);
    const long depth = std::clamp(K, 1L, M <= LOW && b.across == 1 ? SHALLOW : DEPTH);
    const long tasks = tasks_for(1. * M * N * K);
    const long widest = std::max<long>(COLS, PANELS / std::max(depth, 32L));
    const long across = share(N, widest, COLS, parts(tasks, parts(M, DOWN)));
    const long down = share(M, DOWN, ROWS, parts(tasks, parts(N, across))), blocks = parts(M, down);
    share_out(blocks * parts(N, across), [&](long task) {
        const long m = task % blocks * down, n = task / blocks * across;
        Block block{a.from(m, 0), b.from(0, n), c.from(m, n), std::min(down, M - m), std::min(across, N - n), K, depth,
                    accumulate};
        if (c.across == 1) return block.multiply();
        block.c = {buffer(SUMS, block.M * block.N), block.N, 1};
        block.accumulate = false;
        block.multiply();
        deliver(block.c, c.from(m, n), block.M, block.N, accumulate);
    });
}

EXPORT(gemm)(float* a, float* b, float* c, long M, long N, long K, long transpose_a, long transpose_b,
             long accumulate) {
    gemm(transpose_a ? Matrix{a, 1, M} : Matrix{a, K, 1}, transpose_b ? Matrix{b, 1, K} : Matrix{b, N, 1},
         Matrix{c, N, 1}, M, N, K, accumulate);
}
