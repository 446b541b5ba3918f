// Elementwise functions, a vector at a time; large arrays are shared out in blocks.
//
// An output may be an input. Operands of a binary function broadcast: they come as four nested loops with the steps of
// each operand, of which the innermost are 0 or 1.

constexpr long BLOCK = 1 << 14;

// out = f(in...) for n elements.
template <class Function, class... In> void map_some(float* out, long n, const Function& f, const In*... in) {
    for (long i = 0; i < n; i += LANES)
        store_part(out + i, f(load_part(in + i, n - i)...), n - i);
}
template <class Function, class... In> void map(float* out, long n, const Function& f, const In*... in) {
    share_out_blocks(n, BLOCK, [&](long begin, long end) { map_some(out + begin, end - begin, f, (in + begin)...); });
}

struct Loops { long extent[4], a[4], b[4], out[4]; };

// work(a, b, out, n): the innermost loop, of n elements, from these places on. Short ones go several to a task.
template <class Work> void share_out_loops(const Loops& l, const Work& work) {
    const long inner = l.extent[3], pieces = parts(inner, BLOCK), rows = l.extent[0] * l.extent[1] * l.extent[2];
    share_out_blocks(rows * pieces, std::max(1L, BLOCK / std::max(1L, inner)), [&](long begin, long end) {
        for (long i = begin; i < end; ++i) {
            const long start = i % pieces * BLOCK, row = i / pieces;
            const long plane = row / l.extent[2];
            const long at[] = {plane / l.extent[1], plane % l.extent[1], row % l.extent[2], start};
            long a = 0, b = 0, out = 0;
            for (int axis = 0; axis < 4; ++axis) {
                a += at[axis] * l.a[axis];
                b += at[axis] * l.b[axis];
                out += at[axis] * l.out[axis];
            }
            work(a, b, out, std::min(BLOCK, inner - start));
        }
    });
}

template <class Function>
void binary(const float* a, const float* b, float* out, const Loops& loops, const Function& f) {
    share_out_loops(loops, [&](long i, long j, long o, long n) {
        const vec p = a[i] - vec{}, q = b[j] - vec{};
        if (loops.a[3] && loops.b[3]) map_some(out + o, n, f, a + i, b + j);
        else if (loops.a[3]) map_some(out + o, n, [=](vec p) { return f(p, q); }, a + i);
        else if (loops.b[3]) map_some(out + o, n, [=](vec q) { return f(p, q); }, b + j);
        else map_some(out + o, n, [=]() { return f(p, q); });
    });
}

#define BINARY(name, result) \
    EXPORT(binary_##name)(const float* a, const float* b, float* out, const Loops* loops) { \
        binary(a, b, out, *loops, [=](vec a, vec b) -> vec { return result; }); \
    }
BINARY(add, a + b)
BINARY(sub, a - b)
BINARY(mul, a * b)
BINARY(div, a / b)
BINARY(max, (a > b) | (a != a) ? a : b)                     // NaN stays NaN
#undef BINARY

EXPORT(copy_window)(const float* x, float* out, const Loops* loops, long accumulate) {
    share_out_loops(*loops, [&](long i, long, long o, long n) { (accumulate ? add : copy)(out + o, x + i, n); });
}

EXPORT(fill)(float value, float* out, long n) {
    map(out, n, [=]() { return value - vec{}; });
}

EXPORT(axpby)(float alpha, const float* x, float beta, float* out, long n) {
    if (beta == 0) map(out, n, [=](vec x) { return alpha * x; }, x);
    else if (beta == 1) map(out, n, [=](vec x, vec y) { return alpha * x + y; }, x, out);
    else map(out, n, [=](vec x, vec y) { return alpha * x + beta * y; }, x, out);
}

EXPORT(relu)(const float* x, float slope, float* out, long n) {
    if (slope == 0) map(out, n, [=](vec x) { return x < 0 ? vec{} : x; }, x);
    else map(out, n, [=](vec x) { return x > 0 ? x : slope * x; }, x);
}

EXPORT(relu_backward)(const float* x, const float* dy, float slope, float* out, long n) {
    map(out, n, [=](vec x, vec dy) { return x > 0 ? dy : slope * dy; }, x, dy);
}

inline vec root(vec x) {
    for (int i = 0; i < LANES; ++i)
        x[i] = std::sqrt(x[i]);
    return x;
}

// (shift + scale x)^power for the powers that need no pow: -1/2, 1/2, 1 and 2. Returns whether it is one of them.
extern "C" long NAMED(ISA, power)(const float* x, float power, float scale, float shift, float* out, long n) {
    const auto inner = [=](vec x) { return shift + scale * x; };
    if (power == 2) map(out, n, [=](vec x) { return inner(x) * inner(x); }, x);
    else if (power == 1) map(out, n, inner, x);
    else if (power == 0.5f) map(out, n, [=](vec x) { return root(inner(x)); }, x);
    else if (power == -0.5f) map(out, n, [=](vec x) { return 1 / root(inner(x)); }, x);
    else return false;
    return true;
}

// A hash of (seed, element): murmur3's finalizer, twice. Elements whose hash is below `dropped` get 0, others `kept`.
EXPORT(dropout_mask)(std::uint32_t seed, std::uint32_t seed_high, std::uint32_t dropped, float kept, float* out,
                     long n) {
    const auto scrambled = [=](words h) {
        h = (h ^ h >> 16) * 0x85ebca6bu;
        h = (h ^ h >> 13) * 0xc2b2ae35u;
        return h ^ h >> 16;
    };
    share_out_blocks(n, BLOCK, [&](long begin, long end) {
        words element = __builtin_convertvector(counting(), words) + static_cast<std::uint32_t>(begin) + seed;
        for (long i = begin; i < end; i += LANES, element += LANES)
            store_part(out + i, scrambled(scrambled(element) + seed_high) >= dropped ? kept - vec{} : vec{}, end - i);
    });
}
