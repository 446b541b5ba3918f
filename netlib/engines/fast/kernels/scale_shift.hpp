// y = scale x + shift and its gradients, for x (outer, kept, inner) and scale and shift (kept).
#pragma once

#include <vector>

#include "functions.hpp"
#include "isa.hpp"
#include "kept.hpp"
#include "map.hpp"
#include "reduction.hpp"
#include "simd.hpp"

namespace ISA {

// shift may be null, for zeros. `rectify`: whether negative results become 0 (ReLU).
EXPORT(scale_shift)(const float* x, const float* scale, const float* shift, float* y, long outer,
                    long kept, long inner, long rectify) try {
    const float* second = shift ? shift : scale;  // without a shift it is not used
    const auto with = [&](const auto& f) { map_kept(f, x, scale, second, y, outer, kept, inner); };
    const auto positive = [=](vec y) { return y < 0 ? vec{} : y; };
    const auto shifted = [=](vec x, vec s, vec t) { return multiply_add(s, x, t); };
    if (shift && rectify) with([=](vec x, vec s, vec t) { return positive(shifted(x, s, t)); });
    else if (shift) with(shifted);
    else if (rectify) with([=](vec x, vec s, vec) { return positive(s * x); });
    else with([=](vec x, vec s, vec) { return s * x; });
} REFUSED

// dx = scale dy, dscale += the sum of dy x, dshift += the sum of dy. Each may be null: not wanted.
EXPORT(scale_shift_backward)(const float* x, const float* scale, const float* dy, float* dx,
                             float* dscale, float* dshift, long outer, long kept, long inner) try {
    const auto product = [=](long i, long) { return Product{dy + i, x + i}; };
    const auto gradient = [=](long i, long) { return Plain{dy + i}; };
    if (inner == 1) {
        const auto scaled = [=](vec dy, vec s, vec) { return s * dy; };
        if (dscale) sum(product, dscale, outer, kept, inner, true);
        if (dshift) sum(gradient, dshift, outer, kept, inner, true);
        if (dx) map_kept(scaled, dy, scale, scale, dx, outer, kept, inner);
        return;
    }
    // All three while dy is in the cache.
    share_out_kept(outer, kept, inner, [&](long begin, long end) {
        std::vector<double> totals(end - begin);
        const auto add = [&](const auto& terms, float* out) {
            sum_rows(terms, outer, kept, inner, begin, end, totals.data());
            for (long k = begin; k < end; ++k)
                out[k] += totals[k - begin];
        };
        if (dscale) add(product, dscale);
        if (dshift) add(gradient, dshift);
        if (!dx) return;
        for (long o = 0; o < outer; ++o)
            for (long k = begin; k < end; ++k) {
                const long i = (o * kept + k) * inner;
                const vec s = all(scale[k]);
                map_some(dx + i, inner, [=](vec dy) { return s * dy; }, dy + i);
            }
    });
} REFUSED

}  // namespace ISA
