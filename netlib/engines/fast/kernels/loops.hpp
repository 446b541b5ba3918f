// Operands that broadcast, and boxes that are moved: four nested loops with the steps of each
// operand.
#pragma once

#include <algorithm>

#include "copy.hpp"
#include "isa.hpp"
#include "map.hpp"
#include "threads.hpp"

namespace ISA {

// The innermost steps are 0 or 1.
struct Loops {
    long extent[4], a[4], b[4], out[4];

    long size() const { return extent[0] * extent[1] * extent[2] * extent[3]; }
};

// Calls work(a, b, out, n) for the innermost loop, n elements from these places on. Short loops go
// several to a task, long ones in chunks.
template <class Work>
void share_out_loops(const Loops& l, const Work& work) {
    const long inner = l.extent[3];
    const long chunks = parts(inner, CHUNK);
    const long rows = l.extent[0] * l.extent[1] * l.extent[2];
    share_out_light(rows * chunks, std::min(inner, CHUNK), [&](long begin, long end) {
        for (long i = begin; i < end; ++i) {
            const long start = i % chunks * CHUNK;
            const long row = i / chunks;
            const long plane = row / l.extent[2];
            const long at[] = {plane / l.extent[1], plane % l.extent[1], row % l.extent[2], start};
            long a = 0;
            long b = 0;
            long out = 0;
            for (int axis = 0; axis < 4; ++axis) {
                a += at[axis] * l.a[axis];
                b += at[axis] * l.b[axis];
                out += at[axis] * l.out[axis];
            }
            work(a, b, out, std::min(CHUNK, inner - start));
        }
    });
}

// Copies a box of x into a box of out, or adds it.
EXPORT(copy_window)(const float* x, float* out, const Loops* loops, long accumulate) {
    const bool past = !accumulate && loops->size() >= BEYOND_ALL;
    share_out_loops(*loops, [&](long i, long, long o, long n) {
        if (accumulate) return add(out + o, x + i, n);
        const float* from = x + i;
        float* to = out + o;
        each_vector_past(n, to, past,
                         [=](long j, auto some) { some.store_past(to + j, some.load(from + j)); });
    });
}

}  // namespace ISA
