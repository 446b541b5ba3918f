// Functions of one variable, and dy times the derivative of each. p, q and r are their parameters.

#define UNARY(name, result, gradient) \
    ELEMENTWISE(unary_##name) { \
        [[maybe_unused]] const float p = parameters[0], q = parameters[1], r = parameters[2]; \
        map(out, n, [=](vec x) -> vec { return result; }, a); \
    } \
    ELEMENTWISE(unary_backward_##name) { \
        [[maybe_unused]] const float p = parameters[0], q = parameters[1], r = parameters[2]; \
        map(out, n, [=]([[maybe_unused]] vec x, [[maybe_unused]] vec y, vec dy) -> vec { return gradient; }, a, b, c); \
    }
UNARY(elu, x > 0 ? x : p * exponential_less_one(x), x > 0 ? dy : dy * (y + p))
UNARY(sigmoid, sigmoid(x), dy * y * (1 - y))
UNARY(tanh, tangent(x), dy * (1 - y * y))
UNARY(abs, absolute(x), dy * sign(x))
UNARY(sign, sign(x), 0 * dy)
UNARY(exp, q * exponential(p * x), dy * y * p)
UNARY(log, logarithm(r + q * x) * p, dy * (p * q) / (r + q * x))
UNARY(log_floor, logarithm(larger(x, all(p))), x > p ? dy / x : vec{})
UNARY(bnll, softplus(x), dy * sigmoid(x))
UNARY(swish, x * sigmoid(p * x), dy * (p * y + sigmoid(p * x) * (1 - p * y)))
UNARY(clip, smaller(larger(x, all(p)), all(q)), (x >= p) & (x <= q) ? dy : vec{})
UNARY(threshold, x > p ? all(1) : vec{}, 0 * dy)
UNARY(trunc, truncated(x), 0 * dy)
#undef UNARY

ELEMENTWISE(unary_relu) {
    const float slope = parameters[0];
    if (slope == 0) map(out, n, [=](vec x) { return x < 0 ? vec{} : x; }, a);
    else map(out, n, [=](vec x) { return x > 0 ? x : slope * x; }, a);
}

ELEMENTWISE(unary_backward_relu) {
    map(out, n, [slope = parameters[0]](vec x, vec dy) { return x > 0 ? dy : slope * dy; }, a, c);
}

// use(the function x^exponent)
template <class Use> void with_power(float exponent, const Use& use) {
    if (exponent == 0) use([=](vec) { return all(1); });
    else if (exponent == 1) use([=](vec x) { return x; });
    else if (exponent == 2) use([=](vec x) { return x * x; });
    else if (exponent == 0.5f) use([=](vec x) { return root(x); });
    else if (exponent == -0.5f) use([=](vec x) { return 1 / root(x); });
    else use([=](vec x) { return power(x, exponent); });
}

ELEMENTWISE(unary_power) {
    const float scale = parameters[1], shift = parameters[2];
    with_power(parameters[0], [&](auto power) {
        map(out, n, [=](vec x) { return power(shift + scale * x); }, a);
    });
}

ELEMENTWISE(unary_backward_power) {
    const float factor = parameters[0] * parameters[1], scale = parameters[1], shift = parameters[2];
    if (factor == 0) return map(out, n, [=]() { return vec{}; });
    with_power(parameters[0] - 1, [&](auto power) {
        map(out, n, [=](vec x, vec dy) { return dy * factor * power(shift + scale * x); }, a, c);
    });
}
