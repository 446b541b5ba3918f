// Buffers of a thread, for what it lays out or sums up on the way.
#pragma once

#include <cstddef>
#include <cstdlib>

#include "isa.hpp"

namespace ISA {

// A kernel uses several buffers at a time, each under a name of its own.
enum Buffer { PADDED, COLUMNS, SUMS, LINE, FILTERS, PATCHES, PRODUCTS, BUFFERS };

constexpr long SPILL = 4 * LANES;  // floats that loops may read and write past a buffer's end
constexpr long PAGE = 4096;        // bytes

// A buffer of the calling thread for at least so many floats. The thread keeps it, and only ever
// lets it grow. Its contents are undefined.
inline float* buffer(Buffer which, long floats) {
    struct Kept {
        float* start[BUFFERS] = {};
        long size[BUFFERS] = {};
        ~Kept() {
            for (float* p : start)
                std::free(p);
        }
    };
    static thread_local Kept kept;
    if (kept.size[which] < floats || !kept.start[which]) {
        std::free(kept.start[which]);
        const std::size_t bytes = (floats + SPILL) * sizeof(float);
        const std::size_t whole_pages = (bytes + PAGE - 1) / PAGE * PAGE;
        kept.start[which] = static_cast<float*>(std::aligned_alloc(PAGE, whole_pages));
        kept.size[which] = floats;
        if (!kept.start[which]) std::abort();
    }
    return kept.start[which];
}

}  // namespace ISA
