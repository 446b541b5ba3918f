// Sums of a, of a b, or of (a - mean)^2 over some axes: from (outer, kept, inner) to (kept), the
// sum over outer and inner.
//
// Some thousands of numbers are summed as floats in each lane; these sums are added in double. The
// order follows from the shapes alone. Where inner is 1, sums run down columns.
#pragma once

#include <algorithm>
#include <vector>

#include "buffer.hpp"
#include "functions.hpp"
#include "isa.hpp"
#include "map.hpp"
#include "simd.hpp"
#include "threads.hpp"

namespace ISA {

// The terms of a sum, from a place in memory on. `add` adds a vector of them, that at i.

struct Plain {
    const float* a;
    template <class Some>
    vec add(vec sum, long i, Some some) const {
        return sum + some.load(a + i);
    }
};

struct Product {
    const float *a, *b;
    template <class Some>
    vec add(vec sum, long i, Some some) const {
        return multiply_add(some.load(a + i), some.load(b + i), sum);
    }
};

struct Deviation {
    const float* a;
    float mean;
    template <class Some>
    vec add(vec sum, long i, Some some) const {
        const vec d = some.load(a + i, all(mean)) - mean;
        return multiply_add(d, d, sum);
    }
};

// The sum of n terms, by lanes.
template <class Terms>
vec sum_row(const Terms& terms, long n) {
    vec sums[4] = {};
    long i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        UNROLLED
        for (int c = 0; c < 4; ++c)
            sums[c] = terms.add(sums[c], i + c * LANES, Whole{});
    }
    each_vector(n - i, [&](long j, auto some) { sums[0] = terms.add(sums[0], i + j, some); });
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

inline double sum_lanes(vec v) {
    double total = 0;
    for (int lane = 0; lane < LANES; ++lane)
        total += v[lane];
    return total;
}

// totals[k - begin] = the sum over outer and inner. from(place, k) returns the terms from there on.
template <class From>
void sum_rows(const From& from, long outer, long kept, long inner, long begin, long end,
              double* totals) {
    const long rows_of_floats = std::max(1L, CHUNK / std::max(1L, inner));
    vec* sums = reinterpret_cast<vec*>(buffer(LINE, end - begin, LANES));
    std::fill_n(totals, end - begin, 0.);
    for (long first = 0; first < outer; first += rows_of_floats) {
        std::fill_n(sums, end - begin, vec{});
        for (long o = first; o < std::min(outer, first + rows_of_floats); ++o)
            for (long k = begin; k < end; ++k)
                sums[k - begin] += sum_row(from((o * kept + k) * inner, k), inner);
        for (long k = begin; k < end; ++k)
            totals[k - begin] += sum_lanes(sums[k - begin]);
    }
}

// Calls work(begin, end) for ranges of `kept`, so short that their numbers stay in the second-level
// cache.
template <class Work>
void share_out_kept(long outer, long kept, long inner, const Work& work) {
    const long numbers = std::max(1L, outer * inner);
    if (numbers * kept < ALONE) return work(0, kept);
    share_out_ranges(kept, std::clamp(ALONE / numbers, 1L, parts(kept, 16)), work);
}

// One sum over everything, by chunks.
template <class From>
double sum_all(const From& from, long n) {
    std::vector<double> sums(parts(n, CHUNK));
    share_out_light(sums.size(), CHUNK, [&](long begin, long end) {
        for (long i = begin; i < end; ++i)
            sums[i] = sum_lanes(sum_row(from(i * CHUNK, 0), std::min(CHUNK, n - i * CHUNK)));
    });
    double total = 0;
    for (double sum : sums)
        total += sum;
    return total;
}

// (outer, kept) -> out (kept): some columns side by side, row after row.
template <class From>
void sum_columns(const From& from, float* out, long outer, long kept, bool accumulate) {
    constexpr long WIDTH = 256;   // columns side by side
    constexpr long HEIGHT = 512;  // rows that are summed as floats
    share_out_light(parts(kept, WIDTH), WIDTH * outer, [&](long first, long last) {
        for (long k = first * WIDTH; k < std::min(kept, last * WIDTH); k += WIDTH) {
            const long width = std::min(WIDTH, kept - k);
            double totals[WIDTH] = {};
            for (long o = 0; o < outer;) {
                alignas(vec) float sums[WIDTH] = {};
                for (const long end = std::min(outer, o + HEIGHT); o < end; ++o) {
                    const auto row = from(o * kept + k, 0);
                    each_vector(width, [&, row](long i, auto some) {
                        store(sums + i, row.add(load(sums + i), i, some));
                    });
                }
                for (long j = 0; j < width; ++j)
                    totals[j] += sums[j];
            }
            for (long j = 0; j < width; ++j) {
                const double old = accumulate ? out[k + j] : 0;
                out[k + j] = totals[j] + old;
            }
        }
    });
}

// out (kept) = or += the sum over outer and inner.
template <class From>
void sum(const From& from, float* out, long outer, long kept, long inner, bool accumulate) {
    if (inner == 1 && kept > 1) return sum_columns(from, out, outer, kept, accumulate);
    if (outer == 1 && kept == 1) {
        const double old = accumulate ? *out : 0;
        *out = sum_all(from, inner) + old;
        return;
    }
    share_out_kept(outer, kept, inner, [&](long begin, long end) {
        std::vector<double> totals(end - begin);
        sum_rows(from, outer, kept, inner, begin, end, totals.data());
        for (long k = begin; k < end; ++k) {
            const double old = accumulate ? out[k] : 0;
            out[k] = totals[k - begin] + old;
        }
    });
}

EXPORT(sum)(const float* x, float* out, long outer, long kept, long inner, long accumulate) try {
    sum([=](long i, long) { return Plain{x + i}; }, out, outer, kept, inner, accumulate);
} REFUSED

EXPORT(dot)(const float* a, const float* b, float* out, long outer, long kept, long inner,
            long accumulate) try {
    const auto product = [=](long i, long) { return Product{a + i, b + i}; };
    sum(product, out, outer, kept, inner, accumulate);
} REFUSED

// mean = the sum of x / n, var = the sum of (x - mean)^2 / n, for begin .. end - 1. The second pass
// over x keeps var accurate where the mean is large against it.
inline void moments_of_some(const float* x, float* mean, float* var, long outer, long kept,
                            long inner, long begin, long end) {
    const double n = static_cast<double>(outer) * inner;
    const auto plain = [=](long i, long) { return Plain{x + i}; };
    const auto deviation = [=](long i, long k) { return Deviation{x + i, mean[k]}; };
    std::vector<double> totals(end - begin);
    sum_rows(plain, outer, kept, inner, begin, end, totals.data());
    for (long k = begin; k < end; ++k)
        mean[k] = totals[k - begin] / n;
    sum_rows(deviation, outer, kept, inner, begin, end, totals.data());
    for (long k = begin; k < end; ++k)
        var[k] = totals[k - begin] / n;
}

EXPORT(moments)(const float* x, float* mean, float* var, long outer, long kept, long inner) try {
    share_out_kept(outer, kept, inner, [&](long begin, long end) {
        moments_of_some(x, mean, var, outer, kept, inner, begin, end);
    });
} REFUSED

}  // namespace ISA
