// Buffers of a thread, for what it lays out or sums up on the way.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <initializer_list>
#include <new>

#include "isa.hpp"

// Bytes that a buffer may have; Python sets it to the machine's memory.
extern "C" long memory_limit;

namespace ISA {

// A kernel uses several buffers at a time, each under a name of its own.
enum Buffer {
    PADDED,
    THINNED,
    COLUMNS,
    SUMS,
    LINE,
    FILTERS,
    PATCHES,
    PRODUCTS,
    LEFT_BRICKS,
    RIGHT_BRICKS,
    BUFFERS
};

constexpr long SPILL = 4 * LANES;  // floats that loops may read and write past a buffer's end
constexpr long PAGE = 4096;        // bytes

// The product of extents, as a number of floats. Throws std::bad_alloc for more than the machine
// has, whether or not a long could hold it.
template <class... Extents>
long room(Extents... extents) {
    long floats = 1;
    bool fits = true;
    for (long extent : {static_cast<long>(extents)...})
        fits = fits && !__builtin_mul_overflow(floats, extent, &floats);
    if (!fits || floats > memory_limit / long(sizeof(float))) throw std::bad_alloc();
    return floats < 0 ? 0 : floats;  // some layouts have no rows, or fewer
}

// The buffers of a thread.
struct Buffers {
    float* start[BUFFERS] = {};
    long size[BUFFERS] = {};

    void free() {
        for (int i = 0; i < BUFFERS; ++i) {
            std::free(start[i]);
            start[i] = nullptr;
            size[i] = 0;
        }
    }
    ~Buffers() { free(); }
};

inline Buffers& buffers() {
    static thread_local Buffers of_thread;
    return of_thread;
}

// A buffer of the calling thread for at least so many floats. The thread keeps it, and only lets it
// grow, until release.hpp frees it. Its contents are undefined. Throws std::bad_alloc.
inline float* buffer_of(Buffer which, long floats) {
    Buffers& kept = buffers();
    if (kept.size[which] < floats || !kept.start[which]) {
        std::free(kept.start[which]);
        const std::size_t bytes = (floats + SPILL) * sizeof(float);
        const std::size_t whole_pages = (bytes + PAGE - 1) / PAGE * PAGE;
        kept.start[which] = static_cast<float*>(std::aligned_alloc(PAGE, whole_pages));
        kept.size[which] = kept.start[which] ? floats : 0;
        if (!kept.start[which]) throw std::bad_alloc();
    }
    return kept.start[which];
}

// `buffer_of` as many floats as the product of the extents.
template <class... Extents>
float* buffer(Buffer which, Extents... extents) {
    return buffer_of(which, room(extents...));
}

}  // namespace ISA
