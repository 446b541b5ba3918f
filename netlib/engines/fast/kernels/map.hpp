// Loops over elements, a vector at a time, shared out among threads in chunks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "isa.hpp"
#include "simd.hpp"
#include "threads.hpp"

namespace ISA {

constexpr long CHUNK = 1 << 14;  // floats of a task

// Floats that a core's own caches do not hold until they are read again, and that none does.
constexpr long BEYOND_OWN = 1 << 19;
constexpr long BEYOND_ALL = 1 << 22;

constexpr long ALONE = 1 << 17;  // with fewer floats than these, one thread is done sooner

// Calls work(begin, end) over 0 .. n, things that take as long as `floats` elements each.
template <class Work>
void share_out_light(long n, long floats, const Work& work) {
    if (n * floats < ALONE) return work(0, n);
    const long things_of_a_chunk = CHUNK / std::max(1L, floats);
    share_out_ranges(n, std::max(1L, things_of_a_chunk), work);
}

// Loads and stores whole vectors.
struct Whole {
    vec load(const float* p) const { return ISA::load(p); }
    vec load(const float* p, vec) const { return ISA::load(p); }
    void store(float* p, vec v) const { ISA::store(p, v); }
    void store_past(float* p, vec v) const { ISA::store(p, v); }
};

// The same, and stores past the caches.
struct WholePast : Whole {
    void store_past(float* p, vec v) const { ISA::store_past(p, v); }
};

// Loads and stores the first n lanes, fewer than all. The others load as 0, or as in `outside`.
struct Part {
    long n;
    vec load(const float* p) const { return load_part(p, n); }
    vec load(const float* p, vec outside) const {
        std::memcpy(&outside, p, sizeof(float) * n);
        return outside;
    }
    void store(float* p, vec v) const { store_part(p, v, n); }
    void store_past(float* p, vec v) const { store_part(p, v, n); }
};

// Calls work(i, some) for each vector of n elements, where `some` is Whole or Part. The work comes
// by value and inline: behind a reference, its addresses would be read anew after each store.
template <class Work>
[[gnu::always_inline]] inline void each_vector(long n, const Work work) {
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        work(i, Whole{});
    if (i < n) work(i, Part{n - i});
}

// The same for work that stores at to + i past the caches, if `past`: first some elements up to the
// boundary of a vector.
template <class Work>
[[gnu::always_inline]] inline void each_vector_past(long n, float* to, bool past, const Work work) {
    constexpr long BYTES = LANES * sizeof(float);
    if (!past) return each_vector(n, work);
    const long misplaced = reinterpret_cast<std::uintptr_t>(to) % BYTES / sizeof(float);
    long i = misplaced ? std::min(n, LANES - misplaced) : 0;
    if (i) work(0, Part{i});
    for (; i + LANES <= n; i += LANES)
        work(i, WholePast{});
    if (i < n) work(i, Part{n - i});
}

// out = f(in...) for n elements, by the calling thread.
template <class Function, class... In>
void map_some(float* out, long n, const Function& f, const In*... in) {
    each_vector(n, [=](long i, auto some) { some.store(out + i, f(some.load(in + i)...)); });
}

// out = f(in...) for n elements.
template <class Function, class... In>
void map(float* out, long n, const Function& f, const In*... in) {
    const bool past = n >= BEYOND_ALL && !((in == out) || ...);
    share_out_light(n, 1, [&](long begin, long end) {
        each_vector_past(end - begin, out + begin, past, [=](long i, auto some) {
            some.store_past(out + begin + i, f(some.load(in + begin + i)...));
        });
    });
}

constexpr long STRIP = 256;  // positions, at most

// For arrays (outer, pieces, inner): calls work(o, start, n) for each strip, n positions from
// `start` on, of each o. The work does all pieces of the strip.
template <class Work>
void each_strip(long outer, long pieces, long inner, const Work& work) {
    const long strips = parts(inner, STRIP);
    const long floats = pieces * std::min(STRIP, inner);
    share_out_light(outer * strips, floats, [&](long begin, long end) {
        for (long i = begin; i < end; ++i) {
            const long start = i % strips * STRIP;
            work(i / strips, start, std::min(STRIP, inner - start));
        }
    });
}

}  // namespace ISA
