// Functions of one element at a time.  Thread <-> elements i .. i + 3 of out.

__global__ void fill(int n, float value, float* out) {
    int i = 4 * thread_number();
    if (i < n) store_four(out, i, n, {{value, value, value, value}});
}

// out = alpha x + beta out. Where beta is 0, out may hold NaN.
__global__ void axpby(int n, float alpha, const float* x, float beta, float* out) {
    int i = 4 * thread_number();
    if (i >= n) return;
    Four old = {};
    if (beta != 0) old = load_four(out, i, n);
    Four in = load_four(x, i, n);
    FOR_EACH_OF_FOUR(out, i, n, y = alpha * in.at[k] + (beta != 0 ? beta * old.at[k] : 0));
}

// The 32-bit hash of (i, seed) that the reference engine uses: murmur3's finalizer, twice.
__device__ inline unsigned hash_of(unsigned i, unsigned low, unsigned high) {
    unsigned hash = i;
    for (int round = 0; round < 2; ++round) {
        hash += round == 0 ? low : high;
        hash ^= hash >> 16;
        hash *= 0x85ebca6bu;
        hash ^= hash >> 13;
        hash *= 0xc2b2ae35u;
        hash ^= hash >> 16;
    }
    return hash;
}

// An element is kept where its hash, evenly spread over 0 .. 2^32 - 1, is not below `threshold`.
__global__ void dropout_mask(int n, unsigned low, unsigned high, unsigned threshold, float scale,
                             float* out) {
    int i = 4 * thread_number();
    if (i >= n) return;
    FOR_EACH_OF_FOUR(out, i, n, y = hash_of(i + k, low, high) >= threshold ? scale : 0);
}

// The mask, and out = x mask.
__global__ void dropout(int n, unsigned low, unsigned high, unsigned threshold, float scale,
                        const float* x, float* mask, float* out) {
    int i = 4 * thread_number();
    if (i >= n) return;
    Four in = load_four(x, i, n);
    Four drawn;
#pragma unroll
    for (int k = 0; k < 4; ++k)
        drawn.at[k] = hash_of(i + k, low, high) >= threshold ? scale : 0;
    store_four(mask, i, n, drawn);
    FOR_EACH_OF_FOUR(out, i, n, y = in.at[k] * drawn.at[k]);
}

// inner^power. As in Caffe, the exponents 0, 1 and 2 need no pow.
__device__ inline float power_of(float inner, float power) {
    if (power == 0) return 1;
    if (power == 1) return inner;
    if (power == 2) return inner * inner;
    return powf(inner, power);
}

__device__ inline float logistic(float x) { return 0.5f * tanhf(0.5f * x) + 0.5f; }

// log(1 + e^x)
__device__ inline float softplus(float x) { return (x > 0 ? x : 0) + log1pf(expf(-fabsf(x))); }

// The derivative of x tanh(log(1 + e^x)).
__device__ inline float mish_slope(float x) {
    float t = tanhf(softplus(x));
    return t + x * logistic(x) * (1 - t * t);
}

// The sign; 0 and NaN stay what they are.
__device__ inline float sign_of(float x) {
    if (x > 0) return 1;
    if (x < 0) return -1;
    return x;
}

// x below 0 times the slope; with the slope 0, -inf becomes 0 as well.
__device__ inline float leaky(float x, float slope) {
    if (x < 0) return slope == 0 ? 0 : slope * x;
    return x;
}

// x between low and high; NaN stays.
__device__ inline float clipped(float x, float low, float high) {
    if (x < low) return low;
    return x > high ? high : x;
}

// Defines y = f(x), and dx = dy f'(x) from x, y and dy. A NaN in gives a NaN out.
#define UNARY(name, value, derivative, ...)                                                     \
    __global__ void unary_##name(int n, const float* in, float* out, ##__VA_ARGS__) {           \
        int i = 4 * thread_number();                                                            \
        if (i >= n) return;                                                                     \
        Four all = load_four(in, i, n);                                                         \
        FOR_EACH_OF_FOUR(out, i, n, float x = all.at[k]; y = value);                            \
    }                                                                                           \
    __global__ void unary_##name##_backward(int n, const float* in, const float* top,           \
                                            const float* top_diff, float* out, ##__VA_ARGS__) { \
        int i = 4 * thread_number();                                                            \
        if (i >= n) return;                                                                     \
        Four of_x = load_four(in, i, n);                                                        \
        Four of_y = load_four(top, i, n);                                                       \
        Four of_dy = load_four(top_diff, i, n);                                                 \
        Four dx;                                                                                \
        _Pragma("unroll") for (int k = 0; k < 4; ++k) {                                         \
            [[maybe_unused]] float x = of_x.at[k];                                              \
            [[maybe_unused]] float y = of_y.at[k];                                              \
            [[maybe_unused]] float dy = of_dy.at[k];                                            \
            dx.at[k] = derivative;                                                              \
        }                                                                                       \
        store_four(out, i, n, dx);                                                              \
    }

// clang-format off
//    name       y                                          dx                          parameters
UNARY(relu,      leaky(x, slope),                           x > 0 ? dy : slope * dy,    float slope)
UNARY(elu,       x > 0 ? x : alpha * (expf(x) - 1),         x > 0 ? dy : dy * (y + alpha),
      float alpha)
UNARY(sigmoid,   logistic(x),                               dy * y * (1 - y))
UNARY(tanh,      tanhf(x),                                  dy * (1 - y * y))
UNARY(abs,       fabsf(x),                                  dy * sign_of(x))
UNARY(sign,      sign_of(x),                                0)
UNARY(power,     power_of(shift + scale * x, power),
      power * scale == 0 ? 0 : dy * (power * scale) * power_of(shift + scale * x, power - 1),
      float power, float scale, float shift)
UNARY(exp,       outer * expf(inner * x),                   dy * y * inner,
      float inner, float outer)
UNARY(log,       logf(shift + scale * x) * base_scale,
      dy * (base_scale * scale) / (shift + scale * x),
      float base_scale, float scale, float shift)
UNARY(log_floor, logf(x < floor ? floor : x),               x > floor ? dy / x : 0,     float floor)
UNARY(bnll,      softplus(x),                               dy * logistic(x))
UNARY(swish,     x * logistic(beta * x),
      dy * (beta * y + logistic(beta * x) * (1 - beta * y)),
      float beta)
UNARY(mish,      x * tanhf(softplus(x)),                    dy * mish_slope(x))
UNARY(clip,      clipped(x, low, high),                     x >= low && x <= high ? dy : 0,
      float low, float high)
UNARY(threshold, x > level ? 1 : 0,                         0,                          float level)
UNARY(trunc,     truncf(x),                                 0)
// clang-format on

// Defines out = f(a, b). a and b may be the same all along some axes of out.
#define BINARY(name, value)                                                                  \
    __global__ void binary_##name(int n, const __grid_constant__ Box box, const float* in_a, \
                                  const float* in_b, float* out) {                           \
        int i = 4 * thread_number();                                                         \
        if (i >= n) return;                                                                  \
        Four of_a = gather_four(in_a, i, n, box, box.a);                                     \
        Four of_b = gather_four(in_b, i, n, box, box.b);                                     \
        FOR_EACH_OF_FOUR(out, i, n, float a = of_a.at[k]; float b = of_b.at[k]; y = value);  \
    }

// clang-format off
//     name                   out
BINARY(add,                   a + b)
BINARY(sub,                   a - b)
BINARY(mul,                   a * b)
BINARY(div,                   a / b)
BINARY(max,                   a >= b || a != a ? a : b)
BINARY(equal,                 a == b)
BINARY(not_equal,             a != b)
BINARY(greater,               a > b)
BINARY(greater_equal,         a >= b)
BINARY(prelu,                 a > 0 ? a : b * a)
BINARY(prelu_slope,           a > 0 ? 1 : b)
BINARY(sigmoid_cross_entropy, (a > 0 ? a : 0) - a * b + log1pf(expf(-fabsf(a))))
// clang-format on

// Several functions, one after the other, each of n numbers of its own: so a solver updates all
// parameters in one launch. The functions are numbered as in ../block.py; p are their parameters.
// b is null where a function has one operand.
struct Step {
    int function, n;
    const float *a, *b;
    float* out;
    float p[3];
    int larger;  // the next step of more numbers than this one
};
enum { MAX_STEPS = 64 };
struct Steps {
    Step step[MAX_STEPS];
};

// Elements i .. i + 3 of a step.
__device__ inline void compute(const Step& s, int i) {
    bool adds = s.function == 0 && s.p[1] != 0;  // axpby reads `out` only where it counts
    Four of_a = load_four(s.a, i, s.n);
    Four of_b = {};
    Four old = {};
    if (s.b) of_b = load_four(s.b, i, s.n);
    if (adds) old = load_four(s.out, i, s.n);
    Four out;
#define CASE(number, value)                             \
    case number:                                        \
        _Pragma("unroll") for (int k = 0; k < 4; ++k) { \
            float a = of_a.at[k];                       \
            [[maybe_unused]] float b = of_b.at[k];      \
            out.at[k] = value;                          \
        }                                               \
        break;
    switch (s.function) {
        CASE(0, s.p[0] * a + (adds ? s.p[1] * old.at[k] : 0))
        CASE(1, leaky(a, s.p[0]))  // relu
        CASE(2, sign_of(a))
        CASE(3, power_of(s.p[2] + s.p[1] * a, s.p[0]))
        CASE(4, a + b)
        CASE(5, a * b)
        CASE(6, a / b)
        CASE(7, a)  // copy
    }
#undef CASE
    store_four(s.out, i, s.n, out);
}

// Thread <-> elements i .. i + 3 of every step: what a step reads, this thread has written. A
// thread beyond the end of one step goes on with the next larger one: what lies between them ends
// no later.
__global__ void steps(int n, int count, const __grid_constant__ Steps list) {
    int i = 4 * thread_number();
    if (i >= n) return;
    for (int k = 0; k < count;) {
        const Step& step = list.step[k];
        if (i < step.n) compute(step, i);
        k = i < step.n ? k + 1 : step.larger;
    }
}
