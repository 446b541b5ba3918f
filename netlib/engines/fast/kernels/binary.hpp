// Functions of two variables, for arrays of one shape or for operands that broadcast; and boxes that are moved.
//
// What broadcasts comes as four nested loops with the steps of each operand, of which the innermost are 0 or 1.

struct Loops { long extent[4], a[4], b[4], out[4]; };

// work(a, b, out, n): the innermost loop, of n elements, from these places on. Short ones go several to a task.
template <class Work> void share_out_loops(const Loops& l, const Work& work) {
    const long inner = l.extent[3], pieces = parts(inner, BLOCK), rows = l.extent[0] * l.extent[1] * l.extent[2];
    share_out_light(rows * pieces, std::min(inner, BLOCK), [&](long begin, long end) {
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
void broadcast(const float* a, const float* b, float* out, const Loops& loops, const Function& f) {
    share_out_loops(loops, [&](long i, long j, long o, long n) {
        const vec p = all(a[i]), q = all(b[j]);
        if (loops.a[3] && loops.b[3]) map_some(out + o, n, f, a + i, b + j);
        else if (loops.a[3]) map_some(out + o, n, [=](vec p) { return f(p, q); }, a + i);
        else if (loops.b[3]) map_some(out + o, n, [=](vec q) { return f(p, q); }, b + j);
        else map_some(out + o, n, [=]() { return f(p, q); });
    });
}

#define BINARY(name, result) \
    struct name { vec operator()(vec a, vec b) const { return result; } }; \
    ELEMENTWISE(binary_##name) { map(out, n, two::name{}, a, b); } \
    EXPORT(broadcast_##name)(const float* a, const float* b, float* out, const Loops* l) { \
        broadcast(a, b, out, *l, two::name{}); \
    }
namespace two {
BINARY(add, a + b)
BINARY(sub, a - b)
BINARY(mul, a * b)
BINARY(div, a / b)
BINARY(max, larger(a, b))
BINARY(equal, a == b ? all(1) : vec{})
BINARY(not_equal, a != b ? all(1) : vec{})
BINARY(greater, a > b ? all(1) : vec{})
BINARY(greater_equal, a >= b ? all(1) : vec{})
BINARY(prelu, a > 0 ? a : b * a)
BINARY(prelu_slope, a > 0 ? all(1) : b)
BINARY(sigmoid_cross_entropy, softplus(a) - a * b)
}  // namespace two
#undef BINARY

EXPORT(copy_window)(const float* x, float* out, const Loops* loops, long accumulate) {
    share_out_loops(*loops, [&](long i, long, long o, long n) { (accumulate ? add : copy)(out + o, x + i, n); });
}
