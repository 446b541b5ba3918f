// Labels as vectors: 1 at the label, 0 elsewhere.
#pragma once

#include <algorithm>
#include <cmath>

#include "isa.hpp"

namespace ISA {

// label (outer, inner) -> y (outer, classes, inner). Labels are truncated to integers; those equal
// to `ignore` (NaN: none) give zeros. Returns whether all the others are in 0 .. classes - 1.
EXPORT_LONG(one_hot)(const float* label, float ignore, float* y, long outer, long classes,
                     long inner) {
    std::fill_n(y, outer * classes * inner, 0.f);
    for (long i = 0; i < outer * inner; ++i) {
        const float wanted = std::trunc(label[i]);
        if (wanted == ignore) continue;
        if (!(wanted >= 0 && wanted < classes)) return false;
        const long row = i / inner * classes + static_cast<long>(wanted);
        y[row * inner + i % inner] = 1;
    }
    return true;
}

}  // namespace ISA
