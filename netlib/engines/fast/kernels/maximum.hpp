// The largest of several pieces, element by element, and its number: x (outer, pieces, inner).
#pragma once

#include "functions.hpp"
#include "isa.hpp"
#include "map.hpp"
#include "simd.hpp"

namespace ISA {

// As in Caffe's Eltwise, piece 1 wins a tie with piece 0; later pieces must be larger.
EXPORT(max_forward)(const float* x, float* y, float* winner, long outer, long pieces,
                    long inner) try {
    each_strip(outer, pieces, inner, [&](long o, long start, long n) {
        const long at = o * inner + start;
        const float* first = x + o * pieces * inner + start;
        each_vector(n, [&](long i, auto some) {
            vec best = some.load(first + i);
            vec number{};
            for (long p = 1; p < pieces; ++p) {
                const vec piece = some.load(first + p * inner + i);
                const lanes better = p == 1 ? piece >= best : piece > best;
                best = better ? piece : best;
                number = better ? all(p) : number;
            }
            some.store(y + at + i, best);
            some.store(winner + at + i, number);
        });
    });
} REFUSED

// dx = dy at the winner, 0 elsewhere.
EXPORT(max_backward)(const float* dy, const float* winner, float* dx, long outer, long pieces,
                     long inner) try {
    each_strip(outer, pieces, inner, [&](long o, long start, long n) {
        const long at = o * inner + start;
        each_vector(n, [&](long i, auto some) {
            const vec gradient = some.load(dy + at + i);
            const vec number = some.load(winner + at + i);
            for (long p = 0; p < pieces; ++p) {
                const long place = (o * pieces + p) * inner + start + i;
                some.store(dx + place, number == all(p) ? gradient : vec{});
            }
        });
    });
} REFUSED

}  // namespace ISA
