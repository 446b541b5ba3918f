// z = (x - mean) inverse and its gradient, for x (outer, kept, inner) and mean and inverse (kept).

// y = f(x, a, b) for x (outer, kept, inner) and a and b (kept).
template <class Function> void map_kept(const Function& f, const float* x, const float* a, const float* b, float* y,
                                        long outer, long kept, long inner) {
    if (inner == 1)
        return share_out_light(outer, kept, [&](long begin, long end) {
            for (long o = begin; o < end; ++o)
                map_some(y + o * kept, kept, f, x + o * kept, a, b);
        });
    share_out_light(outer * kept, inner, [&](long begin, long end) {
        for (long i = begin; i < end; ++i)
            map_some(y + i * inner, inner, [=, p = all(a[i % kept]), q = all(b[i % kept])](vec x) {
                return f(x, p, q);
            }, x + i * inner);
    });
}

EXPORT(standardize)(const float* x, const float* mean, const float* inverse, float* z, long outer, long kept,
                    long inner) {
    map_kept([=](vec x, vec mean, vec inverse) { return (x - mean) * inverse; }, x, mean, inverse, z, outer, kept,
             inner);
}

// dx = inverse (dy - average of dy - z average of dy z), the averages over outer and inner.
EXPORT(standardize_backward)(const float* z, const float* inverse, const float* dy, float* dx, long outer, long kept,
                             long inner) {
    const double n = static_cast<double>(outer) * inner;
    const auto f = [=](vec z, vec dy, vec average, vec along, vec inverse) {
        return (dy - average - z * along) * inverse;
    };
    const auto gradient = [=](long i, long) { return Plain{dy + i}; };
    const auto product = [=](long i, long) { return Product{dy + i, z + i}; };
    if (inner == 1) {
        std::vector<float> average(kept), along(kept);
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
        std::vector<double> average(end - begin), along(end - begin);
        sum_rows(gradient, outer, kept, inner, begin, end, average.data());
        sum_rows(product, outer, kept, inner, begin, end, along.data());
        for (long o = 0; o < outer; ++o)
            for (long k = begin; k < end; ++k) {
                const vec a = all(average[k - begin] / n), b = all(along[k - begin] / n), s = all(inverse[k]);
                const long i = (o * kept + k) * inner;
                map_some(dx + i, inner, [=](vec z, vec dy) { return f(z, dy, a, b, s); }, z + i, dy + i);
            }
    });
}
