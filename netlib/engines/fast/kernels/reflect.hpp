// Rows of a matrix, reflected by several vectors at once:
//
//     rows (count, size) += rows V^T M V    for V (vectors, size), M (vectors, vectors)
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "gemm.hpp"
#include "isa.hpp"
#include "matrix.hpp"

namespace ISA {

// The shapes, as Python passes them; rows lie `step` apart.
struct Reflected {
    long count, size, step, vectors;
};

EXPORT(reflect)(float* rows, float* vectors, float* middle, const Reflected* reflected) try {
    constexpr long MOST = 512;  // rows at a time: what they need stays in a cache
    const auto [count, size, step, height] = *reflected;
    const Matrix v{vectors, size, 1};
    for (long begin = 0; begin < count; begin += MOST) {
        const long n = std::min(MOST, count - begin);
        const Matrix some{rows + begin * step, step, 1};
        const Matrix along{buffer(PRODUCTS, n, height), height, 1};
        const Matrix mixed{buffer(FILTERS, n, height), height, 1};
        gemm(some, v.transposed(), along, n, height, size, false);
        gemm(along, {middle, height, 1}, mixed, n, height, height, false);
        gemm(mixed, v, some, n, size, height, true);
    }
} REFUSED

}  // namespace ISA
