// Softmax along the middle axis of (outer, pieces, inner): y = exp(x) / the sum of exp(x) over the
// pieces.
//
// Scores less the largest have the same softmax, and cannot overflow. Positions side by side are
// computed together; where inner is 1, the pieces of a row are.
#pragma once

#include <algorithm>
#include <cmath>

#include "functions.hpp"
#include "isa.hpp"
#include "map.hpp"
#include "reduction.hpp"
#include "simd.hpp"

namespace ISA {

// The largest number of the lanes; NaN where one is NaN.
inline float largest_lane(vec v) {
    float top = v[0];
    for (int lane = 1; lane < LANES; ++lane)
        if (v[lane] > top || v[lane] != v[lane]) top = v[lane];
    return top;
}

// A row of n pieces.
inline void softmax_row(const float* x, float* y, long n) {
    vec best = all(-INFINITY);
    each_vector(n,
                [&](long i, auto some) { best = larger(some.load(x + i, all(-INFINITY)), best); });
    const float top = largest_lane(best);
    vec sum{};
    each_vector(n, [&](long i, auto some) {
        const vec e = exponential(some.load(x + i, all(-INFINITY)) - top);
        sum += e;
        some.store(y + i, e);
    });
    const float scale = 1 / sum_lanes(sum);
    each_vector(n, [&](long i, auto some) { some.store(y + i, some.load(y + i) * scale); });
}

// A strip of n positions, whose pieces lie `inner` apart.
inline void softmax_strip(const float* x, float* y, long pieces, long inner, long n) {
    alignas(vec) float top[STRIP];
    alignas(vec) float sum[STRIP] = {};
    std::fill_n(top, STRIP, -INFINITY);
    for (long p = 0; p < pieces; ++p)
        each_vector(n, [&](long i, auto some) {
            store(top + i, larger(some.load(x + p * inner + i), load(top + i)));
        });
    for (long p = 0; p < pieces; ++p)
        each_vector(n, [&](long i, auto some) {
            const vec e = exponential(some.load(x + p * inner + i) - load(top + i));
            store(sum + i, load(sum + i) + e);
            some.store(y + p * inner + i, e);
        });
    for (long p = 0; p < pieces; ++p)
        each_vector(n, [&](long i, auto some) {
            some.store(y + p * inner + i, some.load(y + p * inner + i) / load(sum + i));
        });
}

EXPORT(softmax_forward)(const float* x, float* y, long outer, long pieces, long inner) try {
    each_strip(outer, pieces, inner, [&](long o, long start, long n) {
        const long at = o * pieces * inner + start;
        if (inner == 1) softmax_row(x + at, y + at, pieces);
        else softmax_strip(x + at, y + at, pieces, inner, n);
    });
} REFUSED

// dx = y (dy - the sum of dy y)
inline void softmax_backward_row(const float* y, const float* dy, float* dx, long n) {
    const float total = sum_lanes(sum_row(Product{y, dy}, n));
    map_some(dx, n, [=](vec y, vec dy) { return y * (dy - total); }, y, dy);
}

inline void softmax_backward_strip(const float* y, const float* dy, float* dx, long pieces,
                                   long inner, long n) {
    alignas(vec) float total[STRIP] = {};
    for (long p = 0; p < pieces; ++p) {
        const Product row{y + p * inner, dy + p * inner};
        each_vector(n, [&, row](long i, auto some) {
            store(total + i, row.add(load(total + i), i, some));
        });
    }
    const float* totals = total;
    const auto f = [=](vec y, vec dy, vec total) { return y * (dy - total); };
    for (long p = 0; p < pieces; ++p)
        map_some(dx + p * inner, n, f, y + p * inner, dy + p * inner, totals);
}

EXPORT(softmax_backward)(const float* y, const float* dy, float* dx, long outer, long pieces,
                         long inner) try {
    each_strip(outer, pieces, inner, [&](long o, long start, long n) {
        const long at = o * pieces * inner + start;
        if (inner == 1) softmax_backward_row(y + at, dy + at, dx + at, pieces);
        else softmax_backward_strip(y + at, dy + at, dx + at, pieces, inner, n);
    });
} REFUSED

}  // namespace ISA
