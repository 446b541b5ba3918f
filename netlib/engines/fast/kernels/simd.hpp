// Vectors of LANES floats, in the compiler's own vector types: arithmetic is written as on numbers, c += a * b.
//
// Each instruction set compiles these headers anew in a namespace of its own (isa_*.cpp), with its own LANES.

// A vector where the stack or a buffer holds one, and one anywhere in memory.
typedef float vec __attribute__((vector_size(4 * LANES)));
typedef float vec_anywhere __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef std::int32_t lanes __attribute__((vector_size(4 * LANES)));           // also what comparisons give: -1 or 0
typedef std::uint32_t words __attribute__((vector_size(4 * LANES)));

inline vec load(const float* p) { return *reinterpret_cast<const vec_anywhere*>(p); }
inline void store(float* p, vec v) { *reinterpret_cast<vec_anywhere*>(p) = v; }

// 0, 1, 2, ...
inline vec counting() {
    vec v{};
    for (int i = 0; i < LANES; ++i)
        v[i] = i;
    return v;
}

// The first n lanes, or all where n is larger; the others load as 0 and are not stored.
#if LANES == 16
inline __mmask16 first_lanes(long n) { return n >= LANES ? 0xffff : n <= 0 ? 0 : (1u << n) - 1; }
inline vec load_part(const float* p, long n) { return vec(_mm512_maskz_loadu_ps(first_lanes(n), p)); }
inline void store_part(float* p, vec v, long n) { _mm512_mask_storeu_ps(p, first_lanes(n), __m512(v)); }
#elif LANES == 8
inline __m256i first_lanes(long n) { return __m256i(counting() < static_cast<float>(std::min<long>(n, LANES))); }
inline vec load_part(const float* p, long n) { return vec(_mm256_maskload_ps(p, first_lanes(n))); }
inline void store_part(float* p, vec v, long n) { _mm256_maskstore_ps(p, first_lanes(n), __m256(v)); }
#else
inline vec load_part(const float* p, long n) {
    vec v{};
    std::memcpy(&v, p, sizeof(float) * std::clamp<long>(n, 0, LANES));
    return v;
}
inline void store_part(float* p, vec v, long n) { std::memcpy(p, &v, sizeof(float) * std::clamp<long>(n, 0, LANES)); }
#endif

// Copy n floats; what lies up to a vector beyond them is read and overwritten too.
inline void copy_beyond(float* to, const float* from, long n) {
    for (long i = 0; i < n; i += LANES)
        store(to + i, load(from + i));
}

inline void copy(float* to, const float* from, long n) {
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        store(to + i, load(from + i));
    if (i < n) store_part(to + i, load_part(from + i, n - i), n - i);
}

inline void add(float* to, const float* from, long n) {
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        store(to + i, load(to + i) + load(from + i));
    if (i < n) store_part(to + i, load_part(to + i, n - i) + load_part(from + i, n - i), n - i);
}

// Every second number of a and then b, and the two of them taking turns: its lower and its upper half.
inline vec even(vec a, vec b) {
    lanes from;
    for (int i = 0; i < LANES; ++i)
        from[i] = 2 * i;
    return __builtin_shuffle(a, b, from);
}
inline vec interleave(vec a, vec b, bool upper) {
    lanes from;
    for (int i = 0; i < LANES; ++i)
        from[i] = i / 2 + i % 2 * LANES + upper * (LANES / 2);
    return __builtin_shuffle(a, b, from);
}

// to[i] = from[i * step]
[[gnu::noinline]] inline void gather(float* to, const float* from, long step, long n) {
    if (step == 1) return copy(to, from, n);
    const long size = (n - 1) * step + 1;                   // floats from the first to the last
    const auto part = [=](long i) { return load_part(from + i, size - i); };
    if (step == 2)
        for (long i = 0; i < n; i += LANES)
            store_part(to + i, even(part(2 * i), part(2 * i + LANES)), n - i);
    else if (step == 4)
        for (long i = 0, j = 0; i < n; i += LANES, j = 4 * i)
            store_part(to + i, even(even(part(j), part(j + LANES)),
                                    even(part(j + 2 * LANES), part(j + 3 * LANES))), n - i);
    else
        for (long i = 0; i < n; ++i)
            to[i] = from[i * step];
}

// to[i * step] = from[i]
[[gnu::noinline]] inline void scatter(float* to, const float* from, long step, long n) {
    if (step == 1) return copy(to, from, n);
    for (long i = 0; i < n; ++i)
        to[i * step] = from[i];
}

// What becomes of a convolution's sums, by their channel: they are scaled, a bias is added, and negative ones may turn
// to 0 (ReLU).
struct Finish {
    const float *scale = nullptr, *bias = nullptr;          // none: ones, zeros
    bool rectify = false;
    explicit operator bool() const { return scale || bias || rectify; }

    struct Channel {
        vec scale, bias;
        bool rectify;
        vec operator()(vec sum) const {
            sum = sum * scale + bias;
            return rectify ? (sum < 0 ? vec{} : sum) : sum;
        }
    };
    Channel channel(long c) const { return {(scale ? scale[c] : 1) + vec{}, (bias ? bias[c] : 0) + vec{}, rectify}; }
    Channel channels(long c, long n) const {                // n of them side by side in the lanes
        return {scale ? load_part(scale + c, n) : 1 + vec{}, bias ? load_part(bias + c, n) : vec{}, rectify};
    }
};
