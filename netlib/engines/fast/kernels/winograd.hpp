// Winograd's minimal filtering: a convolution of stride 1 with fewer multiplications, F(4x4, 3x3)
// and F(4x4, 5x5).
//
// As polynomials, y = g d takes a product for every pair of coefficients. But a polynomial is also
// determined by its values at as many points as it has coefficients, and values multiply one by
// one. So let E(n) be the matrix that evaluates n coefficients at p points, of which the last is
// infinity (where the value is the leading coefficient), and let S and B be the factors of
// Lagrange's interpolation, which leads back. A convolution is the transpose of such a product. For
// a cell y of 4x4 outputs (a "tile" in the source), the patch d of pxp inputs that it reads and the
// filter g of rxr, and with * elementwise, it is
//
//     y = E(4)' [ (S E(r) g E(r)' S) * (B' d B) ] E(4),        p = r + 3
//
// Summed over channels, each of the p^2 places of the transformed cells is a matrix product of its
// own. So 3x3 filters take 36 products for 16 outputs instead of 144, and 5x5 filters take 64
// instead of 400. The gradient by the filter is
//
//     dg = E(r)' S [ (E(4) dy E(4)') * (B' d B) ] S E(r)
//
// The sums differ from those of the definition: in float32 by about 1e-5 of the largest value.
//
// Source: Lavin, Gray, Fast algorithms for convolutional neural networks, 2016, section 4.
#pragma once

#include "isa.hpp"
#include "simd.hpp"

namespace ISA {
namespace winograd {

constexpr int CELL = 4;  // rows and columns of outputs

// The points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity, or the first five and infinity, for the
// places along one axis of a patch.
template <int PATCH>
struct Points {
    static constexpr int PAIRS = PATCH / 2 - 1;
    static constexpr float a[] = {1, 2, .5f};

    // The coefficient of x^(2 k) in the product of (x^2 - b^2) over all pairs b, except for the
    // pair numbered `without`.
    static constexpr float coefficient(int k, int without = -1) {
        float c[PAIRS + 2] = {1};
        int n = 1;  // coefficients so far
        for (int pair = 0; pair < PAIRS; ++pair) {
            if (pair == without) continue;
            for (int i = n; i >= 0; --i) {
                const float shifted = i ? c[i - 1] : 0;
                c[i] = shifted - a[pair] * a[pair] * c[i];
            }
            ++n;
        }
        return c[k];
    }

    // One over the product of the differences between a point and all others.
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

// S on both sides: the factor for the place (i, j).
template <int PATCH>
constexpr float scale(int i, int j) {
    return Points<PATCH>::scale(i) * Points<PATCH>::scale(j);
}

constexpr float power(float x, int n) { return n ? x * power(x, n - 1) : 1; }

// The matrices B', E(N) and E(N)' along one axis, for `transform`: each reads numbers in(k) and
// passes its results to put(k, number).

// B': from a patch to its transform.
template <int PATCH>
struct PatchTransform {
    static constexpr int FROM = PATCH;
    static constexpr int TO = PATCH;
    template <class In, class Put>
    static void apply(const In& in, const Put& put) {
        using P = Points<PATCH>;
        vec first = in(PATCH - 2);
        vec last = in(PATCH - 1);
        UNROLLED
        for (int k = 0; k < P::PAIRS; ++k) {
            first += P::coefficient(k) * in(2 * k);
            last += P::coefficient(k) * in(2 * k + 1);
        }
        put(0, first);
        put(PATCH - 1, last);
        UNROLLED
        for (int pair = 0; pair < P::PAIRS; ++pair) {
            vec even = in(PATCH - 2);
            vec odd = in(PATCH - 3);
            UNROLLED
            for (int k = 0; k < P::PAIRS - 1; ++k) {
                even += P::coefficient(k, pair) * in(2 * k + 2);
                odd += P::coefficient(k, pair) * in(2 * k + 1);
            }
            put(2 * pair + 1, even + P::a[pair] * odd);
            put(2 * pair + 2, even - P::a[pair] * odd);
        }
    }
};

// E(N): from N coefficients to their values at all points.
template <int N, int PATCH>
struct Evaluate {
    static constexpr int FROM = N;
    static constexpr int TO = PATCH;
    template <class In, class Put>
    static void apply(const In& in, const Put& put) {
        using P = Points<PATCH>;
        put(0, in(0));
        put(PATCH - 1, in(N - 1));
        UNROLLED
        for (int pair = 0; pair < P::PAIRS; ++pair) {
            vec even = in(0);
            vec odd{};
            UNROLLED
            for (int k = 1; k < N; ++k)
                (k % 2 ? odd : even) += power(P::a[pair], k) * in(k);
            put(2 * pair + 1, even + odd);
            put(2 * pair + 2, even - odd);
        }
    }
};

// E(N)': from a number for each point to N results.
template <int N, int PATCH>
struct Collect {
    static constexpr int FROM = PATCH;
    static constexpr int TO = N;
    template <class In, class Put>
    static void apply(const In& in, const Put& put) {
        using P = Points<PATCH>;
        vec sums[N] = {in(0)};
        sums[N - 1] = in(PATCH - 1);
        UNROLLED
        for (int pair = 0; pair < P::PAIRS; ++pair) {
            const vec even = in(2 * pair + 1) + in(2 * pair + 2);
            const vec odd = in(2 * pair + 1) - in(2 * pair + 2);
            UNROLLED
            for (int k = 0; k < N; ++k)
                sums[k] += power(P::a[pair], k) * (k % 2 ? odd : even);
        }
        UNROLLED
        for (int k = 0; k < N; ++k)
            put(k, sums[k]);
    }
};

// T in T', from numbers in(row, column) to put(row, column, number).
template <class T, class In, class Put>
void transform(const In& in, const Put& put) {
    vec half[T::TO * T::FROM];
    UNROLLED
    for (int j = 0; j < T::FROM; ++j) {
        const auto column = [&](int i) { return in(i, j); };
        T::apply(column, [&](int i, vec number) { half[i * T::FROM + j] = number; });
    }
    UNROLLED
    for (int i = 0; i < T::TO; ++i) {
        const auto row = [&](int j) { return half[i * T::FROM + j]; };
        T::apply(row, [&](int j, vec number) { put(i, j, number); });
    }
}

}  // namespace winograd
}  // namespace ISA
