// Sums of a, of a b, or of (a - mean)^2 over some axes. Numbers are summed as floats, some thousand of them in a lane,
// and these sums in double. In which order follows from the shapes alone.
//
// By shapes: a (outer, kept, inner) -> out (kept), the sum over outer and inner; and, where inner is 1, by columns.

// What is summed, from a place in memory on.
struct Plain {
    const float* a;
    template <class Some> vec at(long i, Some some) const { return some.load(a + i); }
};
struct Product {
    const float *a, *b;
    template <class Some> vec at(long i, Some some) const { return some.load(a + i) * some.load(b + i); }
};
struct Deviation {
    const float* a;
    float mean;
    template <class Some> vec at(long i, Some some) const {
        const vec d = some.load(a + i, all(mean)) - mean;
        return d * d;
    }
};

template <class Terms> vec sum_row(const Terms& terms, long n) {
    vec sums[4] = {};
    long i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        #pragma GCC unroll 4
        for (int c = 0; c < 4; ++c)
            sums[c] += terms.at(i + c * LANES, Whole{});
    each_vector(n - i, [&](long j, auto some) { sums[0] += terms.at(i + j, some); });
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

inline double sum_lanes(vec v) {
    double total = 0;
    for (int lane = 0; lane < LANES; ++lane)
        total += v[lane];
    return total;
}

// totals[k - begin] = the sum over outer and inner; terms(place, k): what is summed from there on.
template <class Rows>
void sum_rows(const Rows& terms, long outer, long kept, long inner, long begin, long end, double* totals) {
    const long few = std::max(1L, BLOCK / std::max(1L, inner));
    vec* sums = reinterpret_cast<vec*>(buffer(LINE, (end - begin) * LANES));
    std::fill_n(totals, end - begin, 0.);
    for (long first = 0; first < outer; first += few) {
        std::fill_n(sums, end - begin, vec{});
        for (long o = first; o < std::min(outer, first + few); ++o)
            for (long k = begin; k < end; ++k)
                sums[k - begin] += sum_row(terms((o * kept + k) * inner, k), inner);
        for (long k = begin; k < end; ++k)
            totals[k - begin] += sum_lanes(sums[k - begin]);
    }
}

// work(begin, end): some of `kept`, few enough that their numbers stay in the second-level cache.
template <class Work> void share_out_kept(long outer, long kept, long inner, const Work& work) {
    const long numbers = std::max(1L, outer * inner);
    if (numbers * kept < ALONE) work(0, kept);
    else share_out_blocks(kept, std::clamp(ALONE / numbers, 1L, parts(kept, 16)), work);
}

// One sum over everything, in pieces.
template <class Rows> double sum_all(const Rows& terms, long n) {
    std::vector<double> sums(parts(n, BLOCK));
    share_out_light(sums.size(), BLOCK, [&](long begin, long end) {
        for (long i = begin; i < end; ++i)
            sums[i] = sum_lanes(sum_row(terms(i * BLOCK, 0), std::min(BLOCK, n - i * BLOCK)));
    });
    double total = 0;
    for (double sum : sums)
        total += sum;
    return total;
}

// terms (outer, kept) -> out (kept): many columns side by side, row after row.
template <class Rows> void sum_columns(const Rows& terms, float* out, long outer, long kept, bool accumulate) {
    constexpr long COLUMNS = 256, ROWS = 512;
    share_out_light(parts(kept, COLUMNS), COLUMNS * outer, [&](long first, long last) {
        for (long k = first * COLUMNS; k < std::min(kept, last * COLUMNS); k += COLUMNS) {
            const long width = std::min(COLUMNS, kept - k);
            double totals[COLUMNS] = {};
            for (long o = 0; o < outer;) {
                alignas(vec) float sums[COLUMNS] = {};
                for (const long end = std::min(outer, o + ROWS); o < end; ++o)
                    each_vector(width, [&, row = terms(o * kept + k, 0)](long i, auto some) {
                        store(sums + i, load(sums + i) + row.at(i, some));
                    });
                for (long j = 0; j < width; ++j)
                    totals[j] += sums[j];
            }
            for (long j = 0; j < width; ++j)
                out[k + j] = totals[j] + (accumulate ? out[k + j] : 0);
        }
    });
}

template <class Rows> void sum(const Rows& terms, float* out, long outer, long kept, long inner, bool accumulate) {
    if (inner == 1 && kept > 1)
        return sum_columns(terms, out, outer, kept, accumulate);
    if (outer == 1 && kept == 1) {
        *out = sum_all(terms, inner) + (accumulate ? *out : 0);
        return;
    }
    share_out_kept(outer, kept, inner, [&](long begin, long end) {
        std::vector<double> totals(end - begin);
        sum_rows(terms, outer, kept, inner, begin, end, totals.data());
        for (long k = begin; k < end; ++k)
            out[k] = totals[k - begin] + (accumulate ? out[k] : 0);
    });
}

EXPORT(sum)(const float* x, float* out, long outer, long kept, long inner, long accumulate) {
    sum([=](long i, long) { return Plain{x + i}; }, out, outer, kept, inner, accumulate);
}

EXPORT(dot)(const float* a, const float* b, float* out, long outer, long kept, long inner, long accumulate) {
    sum([=](long i, long) { return Product{a + i, b + i}; }, out, outer, kept, inner, accumulate);
}

EXPORT(moments)(const float* x, float* mean, float* var, long outer, long kept, long inner) {
    const double n = static_cast<double>(outer) * inner;
    share_out_kept(outer, kept, inner, [&](long begin, long end) {
        std::vector<double> totals(end - begin);
        sum_rows([=](long i, long) { return Plain{x + i}; }, outer, kept, inner, begin, end, totals.data());
        for (long k = begin; k < end; ++k)
            mean[k] = totals[k - begin] / n;
        sum_rows([=](long i, long k) { return Deviation{x + i, mean[k]}; }, outer, kept, inner, begin, end,
                 totals.data());
        for (long k = begin; k < end; ++k)
            var[k] = totals[k - begin] / n;
    });
}
