// Winograd's minimal filtering: a convolution of stride 1 with fewer multiplications, F(4x4, 3x3) and F(4x4, 5x5).
//
// As polynomials, y = g d takes a product for every pair of coefficients; but a polynomial is also known by its values
// at as many points as it has coefficients, and values multiply one by one. So be E(n) the matrix that evaluates n
// coefficients at p points, of which the last is infinity (where the value is the leading coefficient), and S and B
// what Lagrange's interpolation takes to come back. A convolution is the transpose of such a product: a tile y of 4x4
// outputs with pxp inputs d, the filter g of rxr and * elementwise is
//
//     y = E(4)' [ (S E(r) g E(r)' S) * (B' d B) ] E(4),        p = r + 3
//
// Summed over channels, each of the p^2 places of the transformed tiles is a matrix product of its own. So 3x3 filters
// take 36 products for 16 outputs instead of 144, and 5x5 ones 64 instead of 400. The gradient by the filter is
//
//     dg = E(r)' S [ (E(4) dy E(4)') * (B' d B) ] S E(r)
//
// The sums are other ones than those of the definition: in float32 they are off by about 1e-5 of the largest value.
//
// Source: Lavin, Gray, Fast algorithms for convolutional neural networks, 2016, section 4.

constexpr int TILE = 4;

// The points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity, or without the halves, for the places along one axis.
template <int PATCH> struct Points {
    static constexpr int PAIRS = PATCH / 2 - 1;
    static constexpr float a[] = {1, 2, .5f};

    // The coefficient of x^(2 k) in the product of (x^2 - b^2) over all pairs b, but for the one numbered `without`.
    static constexpr float coefficient(int k, int without = -1) {
        float c[PAIRS + 2] = {1};
        for (int pair = 0, n = 1; pair < PAIRS; ++pair)
            if (pair != without) {
                for (int i = n++; i >= 0; --i)
                    c[i] = (i ? c[i - 1] : 0) - a[pair] * a[pair] * c[i];
            }
        return c[k];
    }

    // One over the product of the differences of a point to all others.
    static constexpr float scale(int point) {
        if (point == PATCH - 1) return 1;
        if (point == 0) return 1 / coefficient(0);
        const int pair = (point - 1) / 2;
        float product = 2 * a[pair] * a[pair];
        for (int other = 0; other < PAIRS; ++other)
            if (other != pair) product *= a[pair] * a[pair] - a[other] * a[other];
        return 1 / product;
    }
};

// S at a place (row, column).
template <int PATCH> constexpr float scale(int i, int j) { return Points<PATCH>::scale(i) * Points<PATCH>::scale(j); }

constexpr float power(float x, int n) { return n ? x * power(x, n - 1) : 1; }

// B', E(N) and E(N)' along one axis, from numbers in(k) to put(k, number).
template <int PATCH> struct PatchTransform {
    static constexpr int FROM = PATCH, TO = PATCH;
    template <class In, class Put> static void apply(const In& in, const Put& put) {
        using P = Points<PATCH>;
        vec first = in(PATCH - 2), last = in(PATCH - 1);
        #pragma GCC unroll 8
        for (int k = 0; k < P::PAIRS; ++k) {
            first += P::coefficient(k) * in(2 * k);
            last += P::coefficient(k) * in(2 * k + 1);
        }
        put(0, first);
        put(PATCH - 1, last);
        #pragma GCC unroll 8
        for (int pair = 0; pair < P::PAIRS; ++pair) {
            vec even = in(PATCH - 2), odd = in(PATCH - 3);
            #pragma GCC unroll 8
            for (int k = 0; k < P::PAIRS - 1; ++k) {
                even += P::coefficient(k, pair) * in(2 * k + 2);
                odd += P::coefficient(k, pair) * in(2 * k + 1);
            }
            put(2 * pair + 1, even + P::a[pair] * odd);
            put(2 * pair + 2, even - P::a[pair] * odd);
        }
    }
};

template <int N, int PATCH> struct Evaluate {
    static constexpr int FROM = N, TO = PATCH;
    template <class In, class Put> static void apply(const In& in, const Put& put) {
        using P = Points<PATCH>;
        put(0, in(0));
        put(PATCH - 1, in(N - 1));
        #pragma GCC unroll 8
        for (int pair = 0; pair < P::PAIRS; ++pair) {
            vec even = in(0), odd{};
            #pragma GCC unroll 8
            for (int k = 1; k < N; ++k)
                (k % 2 ? odd : even) += power(P::a[pair], k) * in(k);
            put(2 * pair + 1, even + odd);
            put(2 * pair + 2, even - odd);
        }
    }
};

template <int N, int PATCH> struct Collect {
    static constexpr int FROM = PATCH, TO = N;
    template <class In, class Put> static void apply(const In& in, const Put& put) {
        using P = Points<PATCH>;
        vec sums[N] = {in(0)};
        sums[N - 1] = in(PATCH - 1);
        #pragma GCC unroll 8
        for (int pair = 0; pair < P::PAIRS; ++pair) {
            const vec even = in(2 * pair + 1) + in(2 * pair + 2), odd = in(2 * pair + 1) - in(2 * pair + 2);
            #pragma GCC unroll 8
            for (int k = 0; k < N; ++k)
                sums[k] += power(P::a[pair], k) * (k % 2 ? odd : even);
        }
        #pragma GCC unroll 8
        for (int k = 0; k < N; ++k)
            put(k, sums[k]);
    }
};

// T in T', from numbers in(row, column) to put(row, column, number).
template <class T, class In, class Put> void transform(const In& in, const Put& put) {
    vec half[T::TO * T::FROM];
    #pragma GCC unroll 8
    for (int j = 0; j < T::FROM; ++j)
        T::apply([&](int i) { return in(i, j); }, [&](int i, vec number) { half[i * T::FROM + j] = number; });
    #pragma GCC unroll 8
    for (int i = 0; i < T::TO; ++i)
        T::apply([&](int j) { return half[i * T::FROM + j]; }, [&](int j, vec number) { put(i, j, number); });
}
