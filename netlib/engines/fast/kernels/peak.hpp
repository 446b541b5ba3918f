// How many multiply-adds this processor can do: what a benchmark divides by.
#pragma once

#include "buffer.hpp"
#include "isa.hpp"
#include "simd.hpp"
#include "threads.hpp"

namespace ISA {

// Each thread does n rounds of CHAINS independent multiply-adds of LANES numbers. Returns how many
// multiply-adds that is in all.
EXPORT_LONG(yardstick_multiply_adds)(long n) {
    constexpr int CHAINS = 12;  // enough to hide the latency of one
    share_out(threads(), [=](long) {
        vec sums[CHAINS];
        for (int c = 0; c < CHAINS; ++c)
            sums[c] = static_cast<float>(c) - vec{};
        for (long i = 0; i < n; ++i) {
            UNROLLED
            for (int c = 0; c < CHAINS; ++c)
                sums[c] = sums[c] * .999f + .01f;
        }
        for (int c = 0; c < CHAINS; ++c)
            store(buffer(LINE, CHAINS, LANES) + c * LANES, sums[c]);
    });
    return threads() * n * CHAINS * LANES;
}

}  // namespace ISA
