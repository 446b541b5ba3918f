// Products with a matrix of few columns: C (M, N) = or += A (M, K) B (K, N) for N so small that reading A is the work.
//
// A is read once, in place, as it lies in memory. Where numbers with successive k are neighbours, vectors run along k
// and each number of C is a sum of vectors, some of them side by side. Where numbers with successive rows are
// neighbours, vectors run down the rows and C is added to, for some k at a time.

namespace narrow {

constexpr int MOST = 8, LINES = 8;                           // columns of B; rows or columns of A side by side

// The sum of a vector's numbers, in pairs.
inline float total(vec v) {
    #pragma GCC unroll 4
    for (int half = LANES / 2; half; half /= 2) {
        lanes other;
        for (int i = 0; i < LANES; ++i)
            other[i] = i ^ half;
        v += __builtin_shuffle(v, other);
    }
    return v[0];
}

// b's n columns as N rows, filled up with zeros. They are K + CACHE_LINE apart: a power of two apart they would share
// places in the caches.
inline void pack(const Matrix& b, long K, long n, long N, float* to) {
    for (long j = 0; j < N; ++j, to += K + CACHE_LINE)
        for (long k = 0; k < K; ++k)
            to[k] = j < n ? *b.at(k, j) : 0;
}

// sums (N, rows) = the products of the N packed columns with rows of A that are `step` apart.
template <int N> void along(const float* a, long step, long rows, long K, const float* b, float* sums) {
    constexpr int SIDE = std::clamp(2 * ROWS / N, 1, LINES);    // rows of A: registers can hold so many sums
    for (long m = 0; m < rows; m += SIDE, a += SIDE * step) {
        const long last = std::min<long>(SIDE, rows - m) - 1;
        const float* line[SIDE];
        for (int i = 0; i < SIDE; ++i)
            line[i] = a + std::min<long>(i, last) * step;
        vec sum[N][SIDE] = {};
        const auto add = [&](auto part, long k) {
            vec numbers[SIDE];
            #pragma GCC unroll 8
            for (int i = 0; i < SIDE; ++i)
                numbers[i] = part(line[i] + k);
            #pragma GCC unroll 8
            for (int n = 0; n < N; ++n) {
                const vec factor = part(b + n * (K + CACHE_LINE) + k);
                #pragma GCC unroll 8
                for (int i = 0; i < SIDE; ++i)
                    sum[n][i] += factor * numbers[i];
            }
        };
        long k = 0;
        for (; k + LANES <= K; k += LANES)
            add(load, k);
        if (k < K)
            add([=](const float* p) { return load_part(p, K - k); }, k);
        for (int n = 0; n < N; ++n)
            for (long i = 0; i <= last; ++i)
                sums[n * rows + m + i] = total(sum[n][i]);
    }
}

// The same where the numbers of A for one k lie side by side, `step` before those for the next.
template <int N> void down(const float* a, long step, long rows, long K, const float* b, float* sums) {
    std::memset(sums, 0, sizeof(float) * N * rows);
    const auto add = [&](auto lines, long k) {
        const auto rows_from = [&](auto part, auto keep, long m) {
            vec numbers[lines.value];
            #pragma GCC unroll 8
            for (int i = 0; i < lines.value; ++i)
                numbers[i] = part(a + (k + i) * step + m);
            #pragma GCC unroll 8
            for (int n = 0; n < N; ++n) {
                vec sum = part(sums + n * rows + m);
                #pragma GCC unroll 8
                for (int i = 0; i < lines.value; ++i)
                    sum += b[n * (K + CACHE_LINE) + k + i] * numbers[i];
                keep(sums + n * rows + m, sum);
            }
        };
        long m = 0;
        for (; m + LANES <= rows; m += LANES)
            rows_from(load, store, m);
        if (m < rows)
            rows_from([=](const float* p) { return load_part(p, rows - m); },
                      [=](float* p, vec v) { store_part(p, v, rows - m); }, m);
    };
    long k = 0;
    for (; k + LINES <= K; k += LINES)
        add(std::integral_constant<int, LINES>(), k);
    for (; k < K; ++k)
        add(std::integral_constant<int, 1>(), k);
}

template <int N> void multiply(const Matrix& a, const Matrix& b, const Matrix& c, long M, long n, long K,
                               bool accumulate) {
    float* columns = buffer(COLUMNS, N * (K + CACHE_LINE));
    pack(b, K, n, N, columns);
    const long block = share(M, 2048, COLS, tasks_for(1. * M * K * N));
    share_out_blocks(M, block, [&](long m0, long m1) {
        float* sums = buffer(SUMS, N * (m1 - m0));
        if (a.across == 1) along<N>(a.at(m0, 0), a.down, m1 - m0, K, columns, sums);
        else down<N>(a.at(m0, 0), a.across, m1 - m0, K, columns, sums);
        deliver({sums, 1, m1 - m0}, c.from(m0, 0), m1 - m0, n, accumulate);
    });
}

inline void gemm(const Matrix& a, const Matrix& b, const Matrix& c, long M, long N, long K, bool accumulate) {
    (N > 4 ? multiply<8> : N > 2 ? multiply<4> : N > 1 ? multiply<2> : multiply<1>)(a, b, c, M, N, K, accumulate);
}

}  // namespace narrow
