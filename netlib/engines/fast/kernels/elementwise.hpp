// Elementwise kernels, and what runs several of them chunk by chunk.
//
// An elementwise kernel computes `out` from up to three inputs a, b, c and up to three parameters.
// All arrays have n elements, and out may be one of the inputs.
#pragma once

#include <algorithm>
#include <cstdint>

#include "functions.hpp"
#include "isa.hpp"
#include "map.hpp"
#include "simd.hpp"
#include "threads.hpp"

// The head of an elementwise kernel.
// clang-format off
#define ELEMENTWISE(name) \
    EXPORT(name)(const float* a, const float* b, const float* c, const float* parameters, \
                 float* out, long n)
// clang-format on

namespace ISA {

ELEMENTWISE(fill) {
    const float value = parameters[0];
    map(out, n, [=]() { return all(value); });
}

// out = alpha a + beta out. Where beta is 0, out may hold NaN.
ELEMENTWISE(axpby) {
    const float alpha = parameters[0];
    const float beta = parameters[1];
    if (alpha == 1 && beta == 0 && a == out) return;
    if (beta == 0) map(out, n, [=](vec x) { return alpha * x; }, a);
    else if (beta == 1) map(out, n, [=](vec x, vec y) { return alpha * x + y; }, a, out);
    else map(out, n, [=](vec x, vec y) { return alpha * x + beta * y; }, a, out);
}

// A call of an elementwise kernel.
struct Step {
    void (*kernel)(const float*, const float*, const float*, const float*, float*, long);
    const float *a, *b, *c;
    float* out;
    float parameters[4];
    long n;

    // Computes a chunk, the elements from i on, if there are any.
    void run(long i) const {
        if (i >= n) return;
        const auto from = [=](const float* p) { return p ? p + i : p; };
        kernel(from(a), from(b), from(c), parameters, out + i, std::min(CHUNK, n - i));
    }
};

// Runs several steps: all of them on a chunk while it is in the cache, then on the next one. n: the
// most elements of a step.
EXPORT(steps)(const Step* steps, long count, long n) {
    share_out_light(parts(n, CHUNK), CHUNK, [&](long first, long last) {
        for (long i = first * CHUNK; i < std::min(n, last * CHUNK); i += CHUNK)
            for (const Step* s = steps; s != steps + count; ++s)
                s->run(i);
    });
}

// A hash of (seed, element): murmur3's finalizer, twice. Elements whose hash is below `dropped` get
// 0, the others get `kept`.
EXPORT(dropout_mask)(std::uint32_t seed, std::uint32_t seed_high, std::uint32_t dropped, float kept,
                     float* out, long n) {
    const auto scrambled = [=](words h) {
        h = (h ^ h >> 16) * 0x85ebca6bu;
        h = (h ^ h >> 13) * 0xc2b2ae35u;
        return h ^ h >> 16;
    };
    share_out_light(n, 1, [&](long begin, long end) {
        const words first = __builtin_convertvector(counting(), words);
        words element = first + static_cast<std::uint32_t>(begin) + seed;
        for (long i = begin; i < end; i += LANES, element += LANES) {
            const words hash = scrambled(scrambled(element) + seed_high);
            store_part(out + i, hash >= dropped ? all(kept) : vec{}, end - i);
        }
    });
}

}  // namespace ISA
