// Functions of two variables, for arrays of one shape or for operands that broadcast.
#pragma once

#include "elementwise.hpp"
#include "functions.hpp"
#include "isa.hpp"
#include "loops.hpp"
#include "map.hpp"
#include "simd.hpp"

namespace ISA {

template <class Function>
void broadcast(const float* a, const float* b, float* out, const Loops& loops, const Function& f) {
    const bool a_moves = loops.a[3];
    const bool b_moves = loops.b[3];
    share_out_loops(loops, [&](long i, long j, long o, long n) {
        const vec p = all(a[i]);
        const vec q = all(b[j]);
        if (a_moves && b_moves) map_some(out + o, n, f, a + i, b + j);
        else if (a_moves) map_some(out + o, n, [=](vec p) { return f(p, q); }, a + i);
        else if (b_moves) map_some(out + o, n, [=](vec q) { return f(p, q); }, b + j);
        else map_some(out + o, n, [=]() { return f(p, q); });
    });
}

#define BINARY(name, result)                                                                   \
    struct name {                                                                              \
        vec operator()(vec a, vec b) const { return result; }                                  \
    };                                                                                         \
    ELEMENTWISE(binary_##name) { map(out, n, two::name{}, a, b); }                             \
    EXPORT(broadcast_##name)(const float* a, const float* b, float* out, const Loops* loops) { \
        broadcast(a, b, out, *loops, two::name{});                                             \
    }

namespace two {
// clang-format off
//     name                   result
BINARY(add,                   a + b)
BINARY(sub,                   a - b)
BINARY(mul,                   a * b)
BINARY(div,                   a / b)
BINARY(max,                   larger(a, b))
BINARY(equal,                 a == b ? all(1) : vec{})
BINARY(not_equal,             a != b ? all(1) : vec{})
BINARY(greater,               a > b ? all(1) : vec{})
BINARY(greater_equal,         a >= b ? all(1) : vec{})
BINARY(prelu,                 a > 0 ? a : b * a)
BINARY(prelu_slope,           a > 0 ? all(1) : b)
BINARY(sigmoid_cross_entropy, softplus(a) - a * b)
// clang-format on
}  // namespace two
#undef BINARY

}  // namespace ISA
