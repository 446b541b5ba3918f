// Rows that are clustered (nearest.hpp).
#pragma once

#include "isa.hpp"
#include "simd.hpp"

namespace ISA {

// Some rows of a matrix (any, size), every step-th from the first on; and the number of centers.
struct Clustered {
    long first, step, rows, size, centers;

    long row(long i) const { return first + i * step; }
};

namespace clusters {

// Rows that lie far apart are fetched before they are needed: the processor foresees none of it.
inline void fetch(const float* from, long n) {
    for (long i = 0; i < n; i += CACHE_LINE)
        __builtin_prefetch(from + i);
}

}  // namespace clusters
}  // namespace ISA
