// Batch normalization, Scale and ReLU, and their gradients, for x (outer, kept, inner).
//
//     z = (x - mean) inverse,  inverse = 1 / sqrt(variance + eps),  y = ReLU(scale z + shift)
//
// Some channels are read from memory once: their numbers stay in the cache while they are summed,
// summed again and mapped.
#pragma once

#include <cmath>
#include <vector>

#include "functions.hpp"
#include "isa.hpp"
#include "map.hpp"
#include "reduction.hpp"
#include "simd.hpp"

namespace ISA {

constexpr long LONG_ROW = 128;  // from which a store past the caches pays

// What is left of dy behind the ReLU of factor z + offset.
struct Passed {
    const float *dy, *z;
    float factor, offset;
    bool rectify;
    template <class Some>
    vec at(long i, Some some) const {
        const vec gradient = some.load(dy + i);
        if (!rectify) return gradient;
        const vec y = multiply_add(all(factor), some.load(z + i), all(offset));
        return y > 0 ? gradient : vec{};
    }
    template <class Some>
    vec add(vec sum, long i, Some some) const {
        return sum + at(i, some);
    }
};

struct PassedAlong : Passed {
    template <class Some>
    vec add(vec sum, long i, Some some) const {
        return multiply_add(at(i, some), some.load(z + i), sum);
    }
};

// One channel's part in z and y.
struct Normal {
    float mean, inverse, factor, offset;
    bool rectify;

    // A row of it. y may be null. z is kept for backward: past the caches, if it is `past` them.
    void row(const float* x, float* z, float* y, long n, bool past) const {
        const vec m = all(mean);
        const vec inverse = all(this->inverse);
        const vec s = all(factor);
        const vec t = all(offset);
        const vec least = all(rectify ? 0 : -INFINITY);
        if (!y) {
            each_vector(
                n, [=](long i, auto some) { some.store(z + i, (some.load(x + i) - m) * inverse); });
            return;
        }
        each_vector_past(n, z, past, [=](long i, auto some) {
            const vec standard = (some.load(x + i) - m) * inverse;
            some.store_past(z + i, standard);
            some.store(y + i, larger(multiply_add(s, standard, t), least));
        });
    }
};

// scale and shift may be null, for ones and zeros; y as well: only z is wanted. mean and var are
// those of the batch.
EXPORT(batch_norm)(const float* x, const float* scale, const float* shift, float* z, float* y,
                   float* mean, float* var, float* inverse, float eps, long outer, long kept,
                   long inner, long rectify) try {
    const bool past = inner >= LONG_ROW && outer * kept * inner >= BEYOND_OWN;
    share_out_kept(outer, kept, inner, [&](long begin, long end) {
        moments_of_some(x, mean, var, outer, kept, inner, begin, end);
        for (long k = begin; k < end; ++k)
            inverse[k] = 1 / std::sqrt(var[k] + eps);
        for (long o = 0; o < outer; ++o)
            for (long k = begin; k < end; ++k) {
                const long i = (o * kept + k) * inner;
                const Normal channel{mean[k], inverse[k], scale ? scale[k] : 1,
                                     shift ? shift[k] : 0, rectify != 0};
                channel.row(x + i, z + i, y ? y + i : nullptr, inner, past);
            }
    });
} REFUSED

// dx, dscale += the sum of dy z and dshift += the sum of dy, where dy counts as 0 if the ReLU gave
// 0. The sums may be null: not wanted.
EXPORT(batch_norm_backward)(const float* z, const float* inverse, const float* dy,
                            const float* scale, const float* shift, float* dx, float* dscale,
                            float* dshift, long outer, long kept, long inner, long rectify) try {
    const double n = static_cast<double>(outer) * inner;
    const auto passed = [=](long i, long k) {
        const float factor = scale ? scale[k] : 1;
        return Passed{dy + i, z + i, factor, shift ? shift[k] : 0, rectify != 0};
    };
    const auto product = [=](long i, long k) { return PassedAlong{passed(i, k)}; };
    share_out_kept(outer, kept, inner, [&](long begin, long end) {
        std::vector<double> totals(end - begin);
        std::vector<double> along(end - begin);
        sum_rows(passed, outer, kept, inner, begin, end, totals.data());
        sum_rows(product, outer, kept, inner, begin, end, along.data());
        for (long o = 0; o < outer; ++o)
            for (long k = begin; k < end; ++k) {
                const long i = (o * kept + k) * inner;
                const Passed of = passed(i, k);
                const vec average = all(totals[k - begin] / n);
                const vec slope = all(along[k - begin] / n);
                const vec s = all(of.factor * inverse[k]);
                each_vector(inner, [=](long j, auto some) {
                    const vec rest = of.at(j, some) - average;
                    const vec g = multiply_add(-some.load(z + i + j), slope, rest);
                    some.store(dx + i + j, g * s);
                });
            }
        for (long k = begin; k < end; ++k) {
            if (dscale) dscale[k] += along[k - begin];
            if (dshift) dshift[k] += totals[k - begin];
        }
    });
} REFUSED

}  // namespace ISA
