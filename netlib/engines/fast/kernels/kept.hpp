// Functions of x (outer, kept, inner) and of numbers (kept), which are the same along outer and
// inner.
#pragma once

#include "functions.hpp"
#include "isa.hpp"
#include "map.hpp"
#include "simd.hpp"

namespace ISA {

// y = f(x, a, b) for x (outer, kept, inner) and a and b (kept).
template <class Function>
void map_kept(const Function& f, const float* x, const float* a, const float* b, float* y,
              long outer, long kept, long inner) {
    if (inner == 1)
        return share_out_light(outer, kept, [&](long begin, long end) {
            for (long o = begin; o < end; ++o)
                map_some(y + o * kept, kept, f, x + o * kept, a, b);
        });
    share_out_light(outer * kept, inner, [&](long begin, long end) {
        for (long i = begin; i < end; ++i) {
            const vec p = all(a[i % kept]);
            const vec q = all(b[i % kept]);
            const auto of_x = [=](vec x) { return f(x, p, q); };
            map_some(y + i * inner, inner, of_x, x + i * inner);
        }
    });
}

}  // namespace ISA
