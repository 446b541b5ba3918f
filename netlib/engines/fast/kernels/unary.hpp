// Functions y = f(x) of one variable, and dx = dy f'(x) from x, y and dy.
#pragma once

#include <utility>

#include "elementwise.hpp"
#include "functions.hpp"
#include "isa.hpp"
#include "map.hpp"
#include "simd.hpp"

namespace ISA {

// The derivative of x tanh(log(1 + e^x)).
inline vec mish_slope(vec x) {
    const vec t = tangent(softplus(x));
    return t + x * sigmoid(x) * (1 - t * t);
}

// p, q and r are the parameters of a function, in the order of Python's call.
#define PARAMETERS                                  \
    [[maybe_unused]] const float p = parameters[0]; \
    [[maybe_unused]] const float q = parameters[1]; \
    [[maybe_unused]] const float r = parameters[2];

#define UNARY(name, y_of_x, dx_of_dy)                                                       \
    ELEMENTWISE(unary_##name) {                                                             \
        PARAMETERS                                                                          \
        map(out, n, [=](vec x) -> vec { return y_of_x; }, a);                               \
    }                                                                                       \
    ELEMENTWISE(unary_backward_##name) {                                                    \
        PARAMETERS                                                                          \
        const auto f = [=]([[maybe_unused]] vec x, [[maybe_unused]] vec y, vec dy) -> vec { \
            return dx_of_dy;                                                                \
        };                                                                                  \
        map(out, n, f, a, b, c);                                                            \
    }

// clang-format off
//    name       y                                    dx
UNARY(elu,       x > 0 ? x : p * exponential_less_one(x), x > 0 ? dy : dy * (y + p))
UNARY(sigmoid,   sigmoid(x),                          dy * y * (1 - y))
UNARY(tanh,      tangent(x),                          dy * (1 - y * y))
UNARY(abs,       absolute(x),                         dy * sign(x))
UNARY(sign,      sign(x),                             0 * dy)
UNARY(exp,       q * exponential(p * x),              dy * y * p)
UNARY(log,       logarithm(r + q * x) * p,            dy * (p * q) / (r + q * x))
UNARY(log_floor, logarithm(larger(x, all(p))),        x > p ? dy / x : vec{})
UNARY(bnll,      softplus(x),                         dy * sigmoid(x))
UNARY(swish,     x * sigmoid(p * x), dy * (p * y + sigmoid(p * x) * (1 - p * y)))
UNARY(mish,      x * tangent(softplus(x)),            dy * mish_slope(x))
UNARY(clip,      smaller(larger(x, all(p)), all(q)),  (x >= p) & (x <= q) ? dy : vec{})
UNARY(threshold, x > p ? all(1) : vec{},              0 * dy)
UNARY(trunc,     truncated(x),                        0 * dy)
// clang-format on
#undef UNARY
#undef PARAMETERS

ELEMENTWISE(unary_relu) {
    const float slope = parameters[0];
    if (slope == 0) map(out, n, [=](vec x) { return x < 0 ? vec{} : x; }, a);
    else map(out, n, [=](vec x) { return x > 0 ? x : slope * x; }, a);
}

ELEMENTWISE(unary_backward_relu) {
    const float slope = parameters[0];
    map(out, n, [=](vec x, vec dy) { return x > 0 ? dy : slope * dy; }, a, c);
}

// out = also = dy where y > 0, else 0: what a sum's inputs get through its ReLU. One of them may be
// dy; the other is stored past the caches, since that branch's turn comes later.
EXPORT(rectify_backward_twice)(const float* y, const float* dy, float* out, float* also, long n) {
    if (out == dy) std::swap(out, also);
    const bool past = n >= BEYOND_OWN && out != y;
    share_out_light(n, 1, [=](long begin, long end) {
        each_vector_past(end - begin, out + begin, past, [=](long i, auto some) {
            const vec gradient = some.load(dy + begin + i);
            const vec passed = some.load(y + begin + i) > 0 ? gradient : vec{};
            some.store(also + begin + i, passed);
            some.store_past(out + begin + i, passed);
        });
    });
}

// Calls use(f) for the function f(x) = x^exponent.
template <class Use>
void with_power(float exponent, const Use& use) {
    if (exponent == 0) use([=](vec) { return all(1); });
    else if (exponent == 1) use([=](vec x) { return x; });
    else if (exponent == 2) use([=](vec x) { return x * x; });
    else if (exponent == 0.5f) use([=](vec x) { return root(x); });
    else if (exponent == -0.5f) use([=](vec x) { return 1 / root(x); });
    else use([=](vec x) { return power(x, exponent); });
}

// y = (shift + scale x)^exponent
ELEMENTWISE(unary_power) {
    const float scale = parameters[1];
    const float shift = parameters[2];
    with_power(parameters[0], [&](auto power) {
        map(out, n, [=](vec x) { return power(shift + scale * x); }, a);
    });
}

// dx = dy exponent scale (shift + scale x)^(exponent - 1)
ELEMENTWISE(unary_backward_power) {
    const float scale = parameters[1];
    const float shift = parameters[2];
    const float factor = parameters[0] * scale;
    if (factor == 0) return map(out, n, [=]() { return vec{}; });
    with_power(parameters[0] - 1, [&](auto power) {
        map(out, n, [=](vec x, vec dy) { return dy * factor * power(shift + scale * x); }, a, c);
    });
}

}  // namespace ISA
