// The tile of a matrix product: C (ROWS, COLS) += A (ROWS, K) B (K, COLS), all sums in registers.
//
// Every convolution ends here (gemm.hpp has a tile of its own, which fetches ahead). For each k it multiplies one row
// of B, two vectors, by ROWS single numbers of A; so 2 ROWS multiply-adds go with 2 + ROWS loads, and there are
// registers enough for all of C.
#if LANES == 16 || defined(__aarch64__)
constexpr int ROWS = 12;                                    // of 32 registers 24 hold C
#else
constexpr int ROWS = 6;                                     // of 16 registers 12 hold C
#endif
constexpr int COLS = 2 * LANES, TILE_SIZE = ROWS * COLS;

// A as a panel: ROWS numbers side by side for each k, one k `step` after the other.
struct Panel {
    const float* numbers;
    long step = ROWS;
    float operator()(int row, long k) const { return numbers[k * step + row]; }
};

// A as ROWS places in memory with k running on from each.
struct Rows {
    const float* row[ROWS];
    float operator()(int i, long k) const { return row[i][k]; }
};

// What k runs over: `lines` times `length` numbers, where a line of A starts `step` after the one before.
struct Run { long lines, length, step; };

template <int M, int V, class A> void multiply(const A& a, Run run, const float* b, float* c, bool fresh) {
    vec sum[M][V];
    #pragma GCC unroll 16
    for (int i = 0; i < M; ++i)
        #pragma GCC unroll 2
        for (int v = 0; v < V; ++v)
            sum[i][v] = fresh ? vec{} : load(c + i * COLS + v * LANES);
    const A lines = a;
    for (long line = 0; line < run.lines; ++line)
        for (long k = line * run.step, end = k + run.length; k < end; ++k, b += COLS)
            #pragma GCC unroll 16
            for (int i = 0; i < M; ++i)
                #pragma GCC unroll 2
                for (int v = 0; v < V; ++v)
                    sum[i][v] += lines(i, k) * load(b + v * LANES);
    #pragma GCC unroll 16
    for (int i = 0; i < M; ++i)
        #pragma GCC unroll 2
        for (int v = 0; v < V; ++v)
            store(c + i * COLS + v * LANES, sum[i][v]);
}

// c (ROWS, COLS) = or += the first `rows` rows and `cols` columns of a b; the rest of c is undefined.
// b has COLS numbers for each k.
template <class A>
void multiply(long rows, long cols, const A& a, Run run, const float* b, float* c, bool fresh) {
    constexpr int THIRD = ROWS / 3;
    const bool wide = cols > LANES;
    if (rows > 2 * THIRD)
        wide ? multiply<ROWS, 2>(a, run, b, c, fresh) : multiply<ROWS, 1>(a, run, b, c, fresh);
    else if (rows > THIRD)
        wide ? multiply<2 * THIRD, 2>(a, run, b, c, fresh) : multiply<2 * THIRD, 1>(a, run, b, c, fresh);
    else
        wide ? multiply<THIRD, 2>(a, run, b, c, fresh) : multiply<THIRD, 1>(a, run, b, c, fresh);
}
