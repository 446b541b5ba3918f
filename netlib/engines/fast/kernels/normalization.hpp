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

    long numbers() const { return images * channels * inner; }
};

// s^-exponent; the usual exponents by roots.
struct InversePower {
    float exponent;
    vec operator()(vec s) const { return power(s, -exponent); }
};
struct InverseRoot {
    vec operator()(vec s) const { return inverse_root(s); }
};
struct InverseThreeQuarters {
    vec operator()(vec s) const { return power_three_halves(inverse_root(s)); }
};

template <class Work>
void with_inverse_power(float exponent, const Work& work) {
    if (exponent == 0.5f) work(InverseRoot{});
    else if (exponent == 0.75f) work(InverseThreeQuarters{});
    else work(InversePower{exponent});
}

// The sum of term(d) over the channels d around c.
template <class Term>
[[gnu::always_inline]] inline vec sum_around(const Lrn& l, long c, const Term& term) {
    const long reach = l.size / 2;
    const long end = std::min(l.channels, c + reach + 1);
    vec sum{};
    for (long d = std::max(0L, c - reach); d < end; ++d)
        sum += term(d);
    return sum;
}

EXPORT(lrn_forward)(const float* x, float* y, float* scale, const Lrn* l, float alpha, float beta,
                    float k) try {
    const Lrn shapes = *l;
    const long inner = l->inner;
    const float a = alpha / l->size;
    const bool past = shapes.numbers() >= BEYOND_OWN;  // scale is kept for backward
    with_inverse_power(beta, [&](auto inverse) {
        each_strip(l->images, l->channels, inner, [&](long image, long start, long n) {
            const long first = image * shapes.channels * inner + start;
            for (long c = 0; c < shapes.channels; ++c)
                each_vector_past(n, scale + first + c * inner, past, [=](long i, auto some) {
                    const float* from = x + first + i;
                    const long at = first + c * inner + i;
                    const vec squares = sum_around(shapes, c, [=](long d) {
                        const vec v = some.load(from + d * inner);
                        return v * v;
                    });
                    const vec s = k + a * squares;
                    some.store_past(scale + at, s);
                    some.store(y + at, some.load(x + at) * inverse(s));
                });
        });
    });
} REFUSED

// dx = dy s^-beta - 2 alpha beta / size * x * the sum of dy y / s over the channels around.
EXPORT(lrn_backward)(const float* x, const float* y, const float* dy, const float* scale, float* dx,
                     const Lrn* l, float alpha, float beta) try {
    const Lrn shapes = *l;
    const long inner = l->inner;
    const float factor = 2 * alpha * beta / l->size;
    const bool past = shapes.numbers() >= BEYOND_ALL;
    with_inverse_power(beta, [&](auto inverse) {
        each_strip(l->images, l->channels, inner, [&](long image, long start, long n) {
            const long first = image * shapes.channels * inner + start;
            float* ratio = buffer(LINE, shapes.channels, STRIP);
            for (long c = 0; c < shapes.channels; ++c)
                each_vector(n, [=](long i, auto some) {
                    const long at = first + c * inner + i;
                    const vec product = some.load(dy + at) * some.load(y + at);
                    some.store(ratio + c * STRIP + i, product / some.load(scale + at, all(1)));
                });
            for (long c = 0; c < shapes.channels; ++c)
                each_vector_past(n, dx + first + c * inner, past, [=](long i, auto some) {
                    const long at = first + c * inner + i;
                    const vec ratios = sum_around(
                        shapes, c, [=](long d) { return some.load(ratio + d * STRIP + i); });
                    const vec straight = some.load(dy + at) * inverse(some.load(scale + at));
                    some.store_past(dx + at, straight - factor * some.load(x + at) * ratios);
                });
        });
    });
} REFUSED

}  // namespace ISA
