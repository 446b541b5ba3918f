// Functions of a vector, to about one unit in the last place or two. What is not finite stays what it should be.

inline vec all(float x) { return x - vec{}; }
inline vec larger(vec a, vec b) { return (a > b) | (a != a) ? a : b; }              // NaN stays NaN
inline vec smaller(vec a, vec b) { return (a < b) | (a != a) ? a : b; }
inline vec absolute(vec x) { return vec(lanes(x) & 0x7fffffff); }
inline vec sign(vec x) { return x > 0 ? all(1) : x < 0 ? all(-1) : x; }
inline vec root(vec x) {
    for (int i = 0; i < LANES; ++i)
        x[i] = std::sqrt(x[i]);
    return x;
}
inline vec truncated(vec x) {
    for (int i = 0; i < LANES; ++i)
        x[i] = std::trunc(x[i]);
    return x;
}

// ln 2 in two parts: the product of the first one with a whole number below 2^9 is exact.
constexpr float LN_2_HIGH = 0x1.62e4p-1f, LN_2_LOW = 0x1.7f7d1cf79abcap-20;

inline vec nearest(vec x) { return x + 0x1.8p23f - 0x1.8p23f; }                     // for |x| < 2^22

// 2^n for whole numbers -126 <= n <= 127.
inline vec power_of_two(vec n) { return vec((__builtin_convertvector(n, lanes) + 127) << 23); }

// x = n ln 2 + r, n a whole number and |r| <= (ln 2) / 2. Returns e^r - 1: seven terms of Taylor's series, of which the
// next one is 6e-9 at most.
inline vec reduced_exponential(vec x, vec& n) {
    n = nearest(x * float(M_LOG2E));
    const vec r = x - n * LN_2_HIGH - n * LN_2_LOW;
    vec sum = r * (1 / 5040.f) + 1 / 720.f;
    for (float coefficient : {1 / 120.f, 1 / 24.f, 1 / 6.f, 1 / 2.f})
        sum = sum * r + coefficient;
    return sum * (r * r) + r;
}

// e^x. A power of two comes in two factors: as one it need not be a float where the result still is.
inline vec exponential(vec x) {
    vec n;
    const vec part = reduced_exponential(smaller(larger(x, all(-105)), all(90)), n);
    const vec half = __builtin_convertvector(__builtin_convertvector(n, lanes) >> 1, vec);
    return (part * power_of_two(half) + power_of_two(half)) * power_of_two(n - half);
}

// e^x - 1 for x below 88
inline vec exponential_less_one(vec x) {
    vec n;
    const vec part = reduced_exponential(smaller(larger(x, all(-30)), all(88)), n), scale = power_of_two(n);
    return part * scale + (scale - 1);
}

// 2 artanh(s) = log((1 + s) / (1 - s)) for |s| <= 1/3; the next term of the series would be 1.4e-8 of the sum.
inline vec two_artanh(vec s) {
    const vec square = s * s;
    vec sum = square * (2 / 13.f) + 2 / 11.f;
    for (float coefficient : {2 / 9.f, 2 / 7.f, 2 / 5.f, 2 / 3.f})
        sum = sum * square + coefficient;
    return sum * square * s + 2 * s;
}

// log m for x = 2^e m > 0, m from sqrt(1/2) to sqrt(2); x below the smallest normal float is scaled up first.
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
    const vec fraction = logarithm_of_fraction(x, e), found = e * LN_2_HIGH + (fraction + e * LN_2_LOW);
    return x > 0 ? x > FLT_MAX ? x : found : x == 0 ? all(-INFINITY) : all(NAN);
}

// x^p = 2^whole exp(remainder log 2 + p log m), where p e = whole + remainder. Below zero for whole p only.
inline vec power(vec x, float p) {
    vec e;
    const vec size = absolute(x), fraction = logarithm_of_fraction(size, e), whole = nearest(e * p);
    const vec high = vec(lanes(all(p)) & -4096);            // of p the upper half: its product with e is exact
    const vec remainder = e * high - whole + e * (p - high);
    const vec half = nearest(smaller(larger(whole, all(-252)), all(252)) * 0.5f);
    const vec rest = smaller(larger(whole - half, all(-126)), all(126));
    vec found = exponential(remainder * float(M_LN2) + p * fraction) * power_of_two(half) * power_of_two(rest);
    found = size == 0 ? all(p > 0 ? 0 : INFINITY) : size > FLT_MAX ? all(p > 0 ? INFINITY : 0) : found;
    if (p != std::trunc(p)) found = (x < 0) & (size <= FLT_MAX) ? all(NAN) : found;
    else if (std::fmod(p, 2.f) != 0) found = vec(lanes(found) | (lanes(x) & INT_MIN));
    return x == x ? found : x;
}

inline vec logarithm_of_one_and(vec x) { return two_artanh(x / (2 + x)); }          // log(1 + x) for 0 <= x <= 1
inline vec sigmoid(vec x) { return 1 / (1 + exponential(-x)); }
inline vec tangent(vec x) {                                 // tanh x = t / (t + 2) with t = e^2x - 1
    const vec t = exponential_less_one(2 * smaller(larger(x, all(-10)), all(10)));
    return t / (t + 2);
}
inline vec softplus(vec x) { return larger(x, vec{}) + logarithm_of_one_and(exponential(-absolute(x))); }
