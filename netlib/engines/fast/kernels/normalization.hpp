// Local response normalization across channels, for x (images, channels, inner):
//
//     s = k + alpha / size * the sum of x^2 over the `size` channels around,    y = x s^-beta
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "functions.hpp"
#include "isa.hpp"
#include "map.hpp"
#include "simd.hpp"

namespace ISA {

// The shapes, as Python passes them.
struct Lrn {
    long images, channels, inner, size;
};

// out = s^-exponent; the usual exponents by square roots.
inline void inverse_power(const float* s, float exponent, float* out, long n) {
    if (exponent == 0.75f) map_some(out, n, [=](vec s) { return 1 / root(s * root(s)); }, s);
    else if (exponent == 0.5f) map_some(out, n, [=](vec s) { return 1 / root(s); }, s);
    else map_some(out, n, [=](vec s) { return power(s, -exponent); }, s);
}

// total = the sum of term(channel, position) over the channels around c.
template <class Term>
void sum_around(const Lrn& l, long c, long n, float* total, const Term& term) {
    std::fill_n(total, n, 0.f);
    const long reach = l.size / 2;
    const long end = std::min(l.channels, c + reach + 1);
    for (long d = std::max(0L, c - reach); d < end; ++d)
#pragma omp simd
        for (long i = 0; i < n; ++i)
            total[i] += term(d, i);
}

EXPORT(lrn_forward)(const float* x, float* y, float* scale, const Lrn* l, float alpha, float beta,
                    float k) try {
    const float a = alpha / l->size;
    each_strip(l->images, l->channels, l->inner, [&](long image, long start, long n) {
        const long first = image * l->channels * l->inner + start;
        float total[STRIP];
        for (long c = 0; c < l->channels; ++c) {
            const float* from = x + first;
            const long at = first + c * l->inner;
            const auto square = [=](long d, long i) {
                return from[d * l->inner + i] * from[d * l->inner + i];
            };
            sum_around(*l, c, n, total, square);
            for (long i = 0; i < n; ++i)
                scale[at + i] = total[i] = k + a * total[i];
            inverse_power(total, beta, total, n);
            for (long i = 0; i < n; ++i)
                y[at + i] = x[at + i] * total[i];
        }
    });
} REFUSED

// dx = dy s^-beta - 2 alpha beta / size * x * the sum of dy y / s over the channels around.
EXPORT(lrn_backward)(const float* x, const float* y, const float* dy, const float* scale, float* dx,
                     const Lrn* l, float alpha, float beta) try {
    const float factor = 2 * alpha * beta / l->size;
    each_strip(l->images, l->channels, l->inner, [&](long image, long start, long n) {
        const long first = image * l->channels * l->inner + start;
        float total[STRIP];
        float inverse[STRIP];
        float* ratio = buffer(LINE, l->channels, STRIP);
        for (long c = 0; c < l->channels; ++c)
            for (long i = 0, at = first + c * l->inner; i < n; ++i, ++at)
                ratio[c * STRIP + i] = dy[at] * y[at] / scale[at];
        for (long c = 0; c < l->channels; ++c) {
            const long at = first + c * l->inner;
            sum_around(*l, c, n, total, [=](long d, long i) { return ratio[d * STRIP + i]; });
            inverse_power(scale + at, beta, inverse, n);
            for (long i = 0; i < n; ++i)
                dx[at + i] = dy[at + i] * inverse[i] - factor * x[at + i] * total[i];
        }
    });
} REFUSED

}  // namespace ISA
