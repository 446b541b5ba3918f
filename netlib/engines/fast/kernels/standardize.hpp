// z = (x - mean) inverse and its gradient, for x (outer, kept, inner) and mean and inverse (kept).
#pragma once

#include <vector>

#include "functions.hpp"
#include "isa.hpp"
#include "kept.hpp"
#include "map.hpp"
#include "reduction.hpp"
#include "simd.hpp"

namespace ISA {

EXPORT(standardize)(const float* x, const float* mean, const float* inverse, float* z, long outer,
                    long kept, long inner) try {
    const auto f = [=](vec x, vec mean, vec inverse) { return (x - mean) * inverse; };
    map_kept(f, x, mean, inverse, z, outer, kept, inner);
} REFUSED

// dx = inverse (dy - average of dy - z average of dy z), with averages over outer and inner.
EXPORT(standardize_backward)(const float* z, const float* inverse, const float* dy, float* dx,
                             long outer, long kept, long inner) try {
    const double n = static_cast<double>(outer) * inner;
    const auto f = [=](vec z, vec dy, vec average, vec along, vec inverse) {
        return multiply_add(-z, along, dy - average) * inverse;
    };
    const auto gradient = [=](long i, long) { return Plain{dy + i}; };
    const auto product = [=](long i, long) { return Product{dy + i, z + i}; };
    if (inner == 1) {
        std::vector<float> average(kept);
        std::vector<float> along(kept);
        sum(gradient, average.data(), outer, kept, inner, false);
        sum(product, along.data(), outer, kept, inner, false);
        for (long k = 0; k < kept; ++k) {
            average[k] /= n;
            along[k] /= n;
        }
        return share_out_light(outer, kept, [&](long begin, long end) {
            for (long i = begin * kept; i < end * kept; i += kept)
                map_some(dx + i, kept, f, z + i, dy + i, average.data(), along.data(), inverse);
        });
    }
    share_out_kept(outer, kept, inner, [&](long begin, long end) {
        std::vector<double> average(end - begin);
        std::vector<double> along(end - begin);
        sum_rows(gradient, outer, kept, inner, begin, end, average.data());
        sum_rows(product, outer, kept, inner, begin, end, along.data());
        for (long o = 0; o < outer; ++o)
            for (long k = begin; k < end; ++k) {
                const vec a = all(average[k - begin] / n);
                const vec b = all(along[k - begin] / n);
                const vec s = all(inverse[k]);
                const long i = (o * kept + k) * inner;
                const auto of_z = [=](vec z, vec dy) { return f(z, dy, a, b, s); };
                map_some(dx + i, inner, of_z, z + i, dy + i);
            }
    });
} REFUSED

}  // namespace ISA
