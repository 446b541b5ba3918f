// Winograd's minimal filtering: a convolution of stride 1 with fewer multiplications, F(4x4, 3x3) and F(2x2, 5x5).
//
// As polynomials, y = g * d needs a product for every pair of coefficients; but a polynomial of degree 5 is known by its
// values at five points and its leading coefficient, and values multiply one by one. So with E(n) the matrix (6, n)
// that evaluates n coefficients at the points 0, 1, -1, 2, -2 and infinity, S the scales of Lagrange's interpolation
// and B the one matrix that is left to find (a convolution being the transpose of a product of polynomials), a tile of
// outputs y with 6x6 inputs d and the filter g is, * elementwise,
//
//     y = E(m)' [ (S E(r) g E(r)' S) * (B' d B) ] E(m),        m + r = 7
//
// Summed over channels, each of the 36 places of the transformed tiles is a matrix product of its own. 36 products make
// 16 outputs of 3x3 filters, or 4 of 5x5, instead of 144 or 100. The gradient by the filter is the transpose:
//
//     dg = E(r)' S [ (E(m) dy E(m)') * (B' d B) ] S E(r)
//
// The sums are other ones than those of the definition: in float32 they are off by about 1e-5 of the largest value.
//
// Source: Lavin, Gray, Fast algorithms for convolutional neural networks, 2016, section 4.

constexpr int PATCH = 6, PLACES = PATCH * PATCH;
constexpr float SCALES[PATCH] = {1 / 4.f, -1 / 6.f, -1 / 6.f, 1 / 24.f, 1 / 24.f, 1};       // S

// B', E(N) and E(N)' along one axis, from numbers in(k) to put(k, number).
struct PatchTransform {
    static constexpr int FROM = PATCH, TO = PATCH;
    template <class In, class Put> static void apply(const In& in, const Put& put) {
        const vec d0 = in(0), d1 = in(1), d2 = in(2), d3 = in(3), d4 = in(4), d5 = in(5);
        const vec even = d4 - 4 * d2, odd = d3 - 4 * d1, near = d4 - d2, far = 2 * (d3 - d1);
        put(0, 4 * d0 - 5 * d2 + d4);
        put(1, even + odd);
        put(2, even - odd);
        put(3, near + far);
        put(4, near - far);
        put(5, 4 * d1 - 5 * d3 + d5);
    }
};

template <int N> struct Evaluate {
    static constexpr int FROM = N, TO = PATCH;
    template <class In, class Put> static void apply(const In& in, const Put& put) {
        vec even = in(0), odd{}, far_even = even, far_odd{};
        #pragma GCC unroll 6
        for (int k = 1; k < N; ++k) {
            (k % 2 ? odd : even) += in(k);
            (k % 2 ? far_odd : far_even) += static_cast<float>(1 << k) * in(k);
        }
        put(0, in(0));
        put(1, even + odd);
        put(2, even - odd);
        put(3, far_even + far_odd);
        put(4, far_even - far_odd);
        put(5, in(N - 1));
    }
};

template <int N> struct Collect {
    static constexpr int FROM = PATCH, TO = N;
    template <class In, class Put> static void apply(const In& in, const Put& put) {
        const vec even = in(1) + in(2), odd = in(1) - in(2), far_even = in(3) + in(4), far_odd = in(3) - in(4);
        put(0, in(0) + even + far_even);
        #pragma GCC unroll 6
        for (int k = 1; k < N - 1; ++k)
            put(k, (k % 2 ? odd : even) + static_cast<float>(1 << k) * (k % 2 ? far_odd : far_even));
        put(N - 1, (N % 2 ? even : odd) + static_cast<float>(1 << (N - 1)) * (N % 2 ? far_even : far_odd) + in(5));
    }
};

// T in T', from numbers in(row, column) to put(row, column, number).
template <class T, class In, class Put> void transform(const In& in, const Put& put) {
    vec half[T::TO * T::FROM];
    #pragma GCC unroll 6
    for (int j = 0; j < T::FROM; ++j)
        T::apply([&](int i) { return in(i, j); }, [&](int i, vec number) { half[i * T::FROM + j] = number; });
    #pragma GCC unroll 6
    for (int i = 0; i < T::TO; ++i)
        T::apply([&](int j) { return half[i * T::FROM + j]; }, [&](int j, vec number) { put(i, j, number); });
}
