// Elementwise functions, a vector at a time; large arrays are shared out in blocks.
//
// A kernel makes out of up to three inputs a, b, c and up to three parameters. All arrays have n elements, and out may
// be one of the inputs.

constexpr long BLOCK = 1 << 14;                             // floats of a task,
constexpr long ALONE = 1 << 17;                             // and with fewer than these one thread is done sooner

// work(begin, end) over 0 .. n, things that take as long as `floats` elements each.
template <class Work> void share_out_light(long n, long floats, const Work& work) {
    if (n * floats < ALONE) work(0, n);
    else share_out_blocks(n, std::max(1L, BLOCK / std::max(1L, floats)), work);
}

// What loads and stores a whole vector, and what does so with the first n lanes of one; the others are 0, or `outside`.
struct Whole {
    vec load(const float* p) const { return ISA::load(p); }
    vec load(const float* p, vec) const { return ISA::load(p); }
    void store(float* p, vec v) const { ISA::store(p, v); }
};
struct Part {
    long n;
    vec load(const float* p) const { return load_part(p, n); }
    vec load(const float* p, vec outside) const {
        std::memcpy(&outside, p, sizeof(float) * n);
        return outside;
    }
    void store(float* p, vec v) const { store_part(p, v, n); }
};

// work(i, Whole or Part): each vector of n elements. The work comes by value and inline: behind a reference, its
// addresses would be read anew after each store.
template <class Work> [[gnu::always_inline]] inline void each_vector(long n, const Work work) {
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        work(i, Whole{});
    if (i < n) work(i, Part{n - i});
}

// out = f(in...) for n elements.
template <class Function, class... In> void map_some(float* out, long n, const Function& f, const In*... in) {
    each_vector(n, [=](long i, auto some) { some.store(out + i, f(some.load(in + i)...)); });
}
template <class Function, class... In> void map(float* out, long n, const Function& f, const In*... in) {
    share_out_light(n, 1, [&](long begin, long end) { map_some(out + begin, end - begin, f, (in + begin)...); });
}

#define ELEMENTWISE(name) \
    EXPORT(name)(const float* a, const float* b, const float* c, const float* parameters, float* out, long n)

ELEMENTWISE(fill) {
    map(out, n, [value = parameters[0]]() { return all(value); });
}

ELEMENTWISE(axpby) {
    const float alpha = parameters[0], beta = parameters[1];
    if (alpha == 1 && beta == 0 && a == out) return;
    if (beta == 0) map(out, n, [=](vec x) { return alpha * x; }, a);
    else if (beta == 1) map(out, n, [=](vec x, vec y) { return alpha * x + y; }, a, out);
    else map(out, n, [=](vec x, vec y) { return alpha * x + beta * y; }, a, out);
}

// work(o, start, n), for arrays (outer, pieces, inner): each strip of n positions of each o, with all of their pieces.
constexpr long STRIP = 256;
template <class Work> void each_strip(long outer, long pieces, long inner, const Work& work) {
    const long strips = parts(inner, STRIP);
    share_out_light(outer * strips, pieces * std::min(STRIP, inner), [&](long begin, long end) {
        for (long i = begin; i < end; ++i)
            work(i / strips, i % strips * STRIP, std::min(STRIP, inner - i % strips * STRIP));
    });
}

// Several kernels, one after the other on each block while it is in the cache, each on n elements of its own.
struct Step {
    void (*kernel)(const float*, const float*, const float*, const float*, float*, long);
    const float *a, *b, *c;
    float* out;
    float parameters[4];
    long n;
};

// n: the most elements of a step.
EXPORT(steps)(const Step* steps, long count, long n) {
    const auto from = [](const float* p, long i) { return p ? p + i : p; };
    share_out_light(parts(n, BLOCK), BLOCK, [&](long first, long last) {
        for (long i = first * BLOCK; i < std::min(n, last * BLOCK); i += BLOCK)
            for (const Step* s = steps; s != steps + count; ++s)
                if (i < s->n)
                    s->kernel(from(s->a, i), from(s->b, i), from(s->c, i), s->parameters, s->out + i,
                              std::min(BLOCK, s->n - i));
    });
}

// A hash of (seed, element): murmur3's finalizer, twice. Elements whose hash is below `dropped` get 0, others `kept`.
EXPORT(dropout_mask)(std::uint32_t seed, std::uint32_t seed_high, std::uint32_t dropped, float kept, float* out,
                     long n) {
    const auto scrambled = [=](words h) {
        h = (h ^ h >> 16) * 0x85ebca6bu;
        h = (h ^ h >> 13) * 0xc2b2ae35u;
        return h ^ h >> 16;
    };
    share_out_light(n, 1, [&](long begin, long end) {
        words element = __builtin_convertvector(counting(), words) + static_cast<std::uint32_t>(begin) + seed;
        for (long i = begin; i < end; i += LANES, element += LANES)
            store_part(out + i, scrambled(scrambled(element) + seed_high) >= dropped ? all(kept) : vec{}, end - i);
    });
}
