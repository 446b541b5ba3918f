// Functions of a vector, to within one or two units in the last place.
//
// Infinities and NaN give what they should give.
#pragma once

#include <cfloat>
#include <climits>
#include <cmath>

#include "isa.hpp"
#include "simd.hpp"

namespace ISA {

inline vec all(float x) { return x - vec{}; }  // x in all lanes

// The larger and the smaller one of each lane; NaN where a is NaN.
inline vec larger(vec a, vec b) { return (a > b) | (a != a) ? a : b; }
inline vec smaller(vec a, vec b) { return (a < b) | (a != a) ? a : b; }

inline vec absolute(vec x) { return vec(lanes(x) & 0x7fffffff); }
inline vec sign(vec x) {
    const vec not_above = x < 0 ? all(-1) : x;
    return x > 0 ? all(1) : not_above;
}
inline vec root(vec x) {
    for (int i = 0; i < LANES; ++i)
        x[i] = std::sqrt(x[i]);
    return x;
}

// 1 / root(x). AVX-512 estimates it to 14 bits, and a step of Newton's method doubles them; where
// that meets infinity times zero, the estimate is the result.
inline vec inverse_root(vec x) {
#if LANES == 16
    const vec estimate = vec(_mm512_maskz_rsqrt14_ps(0xffff, __m512(x)));
    const vec better = estimate * (1.5f - x * .5f * estimate * estimate);
    return better == better ? better : estimate;
#else
    return 1 / root(x);
#endif
}

// x^(3/2) for x from 0 to infinity
inline vec power_three_halves(vec x) {
    const vec product = x * x * inverse_root(x);
    return product == product ? product : x;
}

inline vec truncated(vec x) {
    for (int i = 0; i < LANES; ++i)
        x[i] = std::trunc(x[i]);
    return x;
}

// The nearest whole number, for |x| < 2^22.
inline vec nearest(vec x) { return x + 0x1.8p23f - 0x1.8p23f; }

// 2^n for whole numbers -126 <= n <= 127.
inline vec power_of_two(vec n) { return vec((__builtin_convertvector(n, lanes) + 127) << 23); }

// ln 2 in two parts. The product of the first part and a whole number below 2^9 is exact.
constexpr float LN_2_HIGH = 0x1.62e4p-1f;
constexpr float LN_2_LOW = 0x1.7f7d1cf79abcap-20;

// x = n ln 2 + r, with n a whole number and |r| <= (ln 2) / 2. Returns e^r - 1 by seven terms of
// Taylor's series; the next term is at most 6e-9.
inline vec reduced_exponential(vec x, vec& n) {
    n = nearest(x * float(M_LOG2E));
    const vec r = x - n * LN_2_HIGH - n * LN_2_LOW;
    vec sum = r * (1 / 5040.f) + 1 / 720.f;
    for (float coefficient : {1 / 120.f, 1 / 24.f, 1 / 6.f, 1 / 2.f})
        sum = sum * r + coefficient;
    return sum * (r * r) + r;
}

// e^x. Its power of two comes in two factors: as one it may overflow where the result does not.
// Always inline: a call in each round makes a loop some percent slower.
[[gnu::always_inline]] inline vec exponential(vec x) {
    vec n;
    const vec part = reduced_exponential(smaller(larger(x, all(-105)), all(90)), n);
    const vec half = __builtin_convertvector(__builtin_convertvector(n, lanes) >> 1, vec);
    return (part * power_of_two(half) + power_of_two(half)) * power_of_two(n - half);
}

// e^x - 1 for x below 88
inline vec exponential_less_one(vec x) {
    vec n;
    const vec part = reduced_exponential(smaller(larger(x, all(-30)), all(88)), n);
    const vec scale = power_of_two(n);
    return part * scale + (scale - 1);
}

// 2 artanh(s) = log((1 + s) / (1 - s)) for |s| <= 1/3. The next term of the series is at most
// 1.4e-8 of the sum.
inline vec two_artanh(vec s) {
    const vec square = s * s;
    vec sum = square * (2 / 13.f) + 2 / 11.f;
    for (float coefficient : {2 / 9.f, 2 / 7.f, 2 / 5.f, 2 / 3.f})
        sum = sum * square + coefficient;
    return sum * square * s + 2 * s;
}

// log m for x = 2^e m > 0, with m from sqrt(1/2) to sqrt(2). An x below the smallest normal float
// is scaled up first.
inline vec logarithm_of_fraction(vec x, vec& e) {
    const lanes small = x < FLT_MIN;
    const vec scaled = small ? x * 0x1p25f : x;
    const lanes exponent = (lanes(scaled) - lanes(all(M_SQRT1_2))) >> 23;
    const vec m = vec(lanes(scaled) - (exponent << 23));
    e = __builtin_convertvector(small ? exponent - 25 : exponent, vec);
    return two_artanh((m - 1) / (m + 1));
}

inline vec logarithm(vec x) {
    vec e;
    const vec fraction = logarithm_of_fraction(x, e);
    const vec found = e * LN_2_HIGH + (fraction + e * LN_2_LOW);
    const vec above_zero = x > FLT_MAX ? x : found;
    const vec otherwise = x == 0 ? all(-INFINITY) : all(NAN);
    return x > 0 ? above_zero : otherwise;
}

// x^p = 2^whole exp(remainder log 2 + p log m), where x = 2^e m and p e = whole + remainder.
// An x below zero has a power for whole p only.
inline vec power(vec x, float p) {
    vec e;
    const vec size = absolute(x);
    const vec fraction = logarithm_of_fraction(size, e);
    const vec whole = nearest(e * p);
    const vec high = vec(lanes(all(p)) & -4096);  // upper half of p: times e it is exact
    const vec remainder = e * high - whole + e * (p - high);
    const vec half = nearest(smaller(larger(whole, all(-252)), all(252)) * 0.5f);
    const vec rest = smaller(larger(whole - half, all(-126)), all(126));
    vec found = exponential(remainder * float(M_LN2) + p * fraction);
    found = found * power_of_two(half) * power_of_two(rest);
    const vec of_infinity = all(p > 0 ? INFINITY : 0);
    const vec of_zero = all(p > 0 ? 0 : INFINITY);
    found = size > FLT_MAX ? of_infinity : found;
    found = size == 0 ? of_zero : found;
    const bool p_is_whole = p == std::trunc(p);
    const bool p_is_odd = std::fmod(p, 2.f) != 0;
    if (!p_is_whole) found = (x < 0) & (size <= FLT_MAX) ? all(NAN) : found;
    else if (p_is_odd) found = vec(lanes(found) | (lanes(x) & INT_MIN));
    return x == x ? found : x;
}

inline vec sigmoid(vec x) { return 1 / (1 + exponential(-x)); }

// tanh x = t / (t + 2) with t = e^2x - 1
inline vec tangent(vec x) {
    const vec t = exponential_less_one(2 * smaller(larger(x, all(-10)), all(10)));
    return t / (t + 2);
}

// log(1 + x) for 0 <= x <= 1
inline vec logarithm_of_one_and(vec x) { return two_artanh(x / (2 + x)); }

// log(1 + e^x)
inline vec softplus(vec x) {
    return larger(x, vec{}) + logarithm_of_one_and(exponential(-absolute(x)));
}

}  // namespace ISA
