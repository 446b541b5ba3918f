// Local response normalization across channels, and softmax. A task has a strip of positions of one image, with all of
// their channels; x is (images, channels, inner).

constexpr long STRIP = 64;

struct Lrn { long images, channels, inner, size; };

// out = s^-power; the usual powers by square roots.
inline void inverse_power(const float* s, float power, float* out, long n) {
    if (power == 0.75f)
        #pragma omp simd
        for (long i = 0; i < n; ++i) out[i] = 1 / std::sqrt(s[i] * std::sqrt(s[i]));
    else if (power == 0.5f)
        #pragma omp simd
        for (long i = 0; i < n; ++i) out[i] = 1 / std::sqrt(s[i]);
    else
        for (long i = 0; i < n; ++i) out[i] = std::pow(s[i], -power);
}

// work(first, n): each strip of n positions, from the place of its first number in channel 0.
template <class Work> void each_strip(const Lrn& l, const Work& work) {
    const long strips = parts(l.inner, STRIP);
    share_out_blocks(l.images * strips, std::max(1L, BLOCK / (l.channels * std::min(STRIP, l.inner) + 1)),
                     [&](long begin, long end) {
        for (long i = begin; i < end; ++i) {
            const long start = i % strips * STRIP;
            work(i / strips * l.channels * l.inner + start, std::min(STRIP, l.inner - start));
        }
    });
}

// total = the sum of term(channel, position) over the channels around c.
template <class Term> void sum_around(const Lrn& l, long c, long n, float* total, const Term& term) {
    std::fill_n(total, n, 0.f);
    const long reach = l.size / 2;
    for (long d = std::max(0L, c - reach); d < std::min(l.channels, c + reach + 1); ++d)
        #pragma omp simd
        for (long i = 0; i < n; ++i)
            total[i] += term(d, i);
}

EXPORT(lrn_forward)(const float* x, float* y, float* scale, const Lrn* l, float alpha, float beta, float k) {
    const float a = alpha / l->size;
    each_strip(*l, [&](long first, long n) {
        float total[STRIP];
        for (long c = 0; c < l->channels; ++c) {
            const float* from = x + first;
            const long at = first + c * l->inner;
            sum_around(*l, c, n, total, [=](long d, long i) {
                return from[d * l->inner + i] * from[d * l->inner + i];
            });
            for (long i = 0; i < n; ++i)
                scale[at + i] = total[i] = k + a * total[i];
            inverse_power(total, beta, total, n);
            for (long i = 0; i < n; ++i)
                y[at + i] = x[at + i] * total[i];
        }
    });
}

EXPORT(lrn_backward)(const float* x, const float* y, const float* dy, const float* scale, float* dx, const Lrn* l,
                     float alpha, float beta) {
    const float factor = 2 * alpha * beta / l->size;
    each_strip(*l, [&](long first, long n) {
        float total[STRIP], inverse[STRIP];
        float* ratio = buffer(LINE, l->channels * STRIP);
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
}
