// Rows of a matrix, reflected by several vectors at once:
//
//     rows (count, size) += rows V^T M V    for V (vectors, size), M (vectors, vectors)
//
// As many of their first numbers as there are vectors are zeros, and need not be there before. Of
// as many rows before them, the products U = rows V^T M are known, and nothing else is added:
//
//     rows (vectors, size) = U V
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

EXPORT(reflect)(float* rows, float* vectors, float* middle, float* known,
                const Reflected* reflected) try {
    constexpr long MOST = 2048;  // rows at a time: V is packed for each of their tasks
    const auto [count, size, step, height] = *reflected;
    const Matrix v{vectors, size, 1};
    const Matrix rest_of_v = v.from(0, height);
    gemm({known, height, 1}, v, {rows, step, 1}, height, size, height, false);
    for (long begin = height; begin < count; begin += MOST) {
        const long n = std::min(MOST, count - begin);
        const Matrix some{rows + begin * step, step, 1};
        const Matrix rest = some.from(0, height);
        const Matrix along{buffer(PRODUCTS, n, height), height, 1};
        const Matrix mixed{buffer(FILTERS, n, height), height, 1};
        gemm(rest, rest_of_v.transposed(), along, n, height, size - height, false);
        gemm(along, {middle, height, 1}, mixed, n, height, height, false);
        gemm(mixed, v, some, n, height, height, false);
        gemm(mixed, rest_of_v, rest, n, size - height, height, true);
    }
} REFUSED

}  // namespace ISA
