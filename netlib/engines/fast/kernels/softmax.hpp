// Softmax along the middle axis of (outer, pieces, inner). Positions side by side are treated together; where there is
// one only, the pieces of a row are.

// Rows (outer, pieces): the axis itself in vectors.
inline void softmax_row(const float* x, float* y, long n) {
    vec best = all(-INFINITY), sum{};
    each_vector(n, [&](long i, auto some) { best = larger(some.load(x + i, all(-INFINITY)), best); });
    float top = best[0];
    for (int lane = 1; lane < LANES; ++lane)
        top = best[lane] > top || best[lane] != best[lane] ? best[lane] : top;
    each_vector(n, [&](long i, auto some) {
        const vec e = exponential(some.load(x + i, all(-INFINITY)) - top);
        sum += e;
        some.store(y + i, e);
    });
    const float scale = 1 / sum_lanes(sum);
    each_vector(n, [&](long i, auto some) { some.store(y + i, some.load(y + i) * scale); });
}

// Strips of n positions, the pieces of which lie `inner` apart.
inline void softmax_strip(const float* x, float* y, long pieces, long inner, long n) {
    alignas(vec) float top[STRIP], sum[STRIP] = {};
    std::fill_n(top, STRIP, -INFINITY);
    for (long p = 0; p < pieces; ++p)
        each_vector(n, [&](long i, auto some) { store(top + i, larger(some.load(x + p * inner + i), load(top + i))); });
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

EXPORT(softmax_forward)(const float* x, float* y, long outer, long pieces, long inner) {
    each_strip(outer, pieces, inner, [&](long o, long start, long n) {
        const long at = o * pieces * inner + start;
        if (inner == 1) softmax_row(x + at, y + at, pieces);
        else softmax_strip(x + at, y + at, pieces, inner, n);
    });
}

EXPORT(softmax_backward)(const float* y, const float* dy, float* dx, long outer, long pieces, long inner) {
    each_strip(outer, pieces, inner, [&](long o, long start, long n) {
        const long at = o * pieces * inner + start;
        if (inner == 1) {
            const float total = sum_lanes(sum_row(Product{y + at, dy + at}, pieces));
            return map_some(dx + at, pieces, [=](vec y, vec dy) { return y * (dy - total); }, y + at, dy + at);
        }
        alignas(vec) float total[STRIP] = {};
        for (long p = 0; p < pieces; ++p)
            each_vector(n, [&, row = Product{y + at + p * inner, dy + at + p * inner}](long i, auto some) {
                store(total + i, load(total + i) + row.at(i, some));
            });
        for (long place = at; place < at + pieces * inner; place += inner)
            map_some(dx + place, n, [=](vec y, vec dy, vec total) { return y * (dy - total); }, y + place, dy + place,
                     static_cast<const float*>(total));
    });
}

// label (outer, inner) -> y (outer, classes, inner). Returns whether all labels that are not to be ignored are classes.
extern "C" long NAMED(ISA, one_hot)(const float* label, float ignore, float* y, long outer, long classes, long inner) {
    std::fill_n(y, outer * classes * inner, 0.f);
    for (long i = 0; i < outer * inner; ++i) {
        const float wanted = std::trunc(label[i]);
        if (wanted == ignore) continue;
        if (!(wanted >= 0 && wanted < classes)) return false;
        y[(i / inner * classes + static_cast<long>(wanted)) * inner + i % inner] = 1;
    }
    return true;
}
