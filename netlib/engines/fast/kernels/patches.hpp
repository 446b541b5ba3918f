// The patches that a convolution's window reads at chosen positions, as rows.
#pragma once

#include <type_traits>

#include "isa.hpp"
#include "shapes.hpp"
#include "simd.hpp"
#include "threads.hpp"

namespace ISA {

// Copies what the window reads of one channel of an image; zeros outside of the image.
inline void copy_patch(const Convolution& c, const float* image, long top, long left, float* to) {
    for (long i = 0; i < c.kernel_y; ++i) {
        const long y = top + i * c.dilation_y;
        for (long j = 0; j < c.kernel_x; ++j) {
            const long x = left + j * c.dilation_x;
            const bool inside = y >= 0 && y < c.height && x >= 0 && x < c.width;
            *to++ = inside ? image[y * c.width + x] : 0;
        }
    }
}

// The same for a window of `height` rows of WIDTH neighbors, all inside, the first one at `from`.
template <int WIDTH>
inline void copy_inside(const float* from, long step, long height, float* to) {
    for (long i = 0; i < height; ++i, from += step, to += WIDTH) {
        UNROLLED
        for (int j = 0; j < WIDTH; ++j)
            to[j] = from[j];
    }
}

// Copies the patches of some channels, one after the other, whose window begins at (top, left).
inline void copy_patches(const Convolution& c, const float* image, long channels, long top,
                         long left, float* to) {
    const long plane = c.height * c.width;
    const long size = c.kernel();
    const bool inside = top >= 0 && left >= 0 && top + c.kernel_y <= c.height
                        && left + c.kernel_x <= c.width && c.dilation_y == 1 && c.dilation_x == 1;
    const float* from = image + top * c.width + left;
    const auto each = [&](auto copy) {
        for (long i = 0; i < channels; ++i)
            copy(i * plane, to + i * size);
    };
    const auto neighbors = [&](auto width) {
        each([=](long at, float* to) {
            copy_inside<width.value>(from + at, c.width, c.kernel_y, to);
        });
    };
    if (inside && c.kernel_x == 1) neighbors(std::integral_constant<int, 1>());
    else if (inside && c.kernel_x == 3) neighbors(std::integral_constant<int, 3>());
    else if (inside && c.kernel_x == 5) neighbors(std::integral_constant<int, 5>());
    else if (inside && c.kernel_x == 7) neighbors(std::integral_constant<int, 7>());
    else each([&](long at, float* to) { copy_patch(c, image + at, top, left, to); });
}

// out (groups, rows, channels of a group, kernel). `chosen` holds the number of a position for each
// row, in the order (image, row, column).
EXPORT(patches)(const float* x, const long* chosen, float* out, long rows,
                const Convolution* c) try {
    const long inputs = c->inputs_of_group();
    const long plane = c->height * c->width;
    const long positions = c->out_height * c->out_width;
    share_out_ranges(rows, 64, [&](long begin, long end) {
        for (long row = begin; row < end; ++row) {
            const long position = chosen[row] % positions;
            const float* image = x + chosen[row] / positions * c->channels * plane;
            const long top = position / c->out_width * c->stride_y - c->pad_y;
            const long left = position % c->out_width * c->stride_x - c->pad_x;
            for (long group = 0; group < c->groups; ++group) {
                float* to = out + (group * rows + row) * inputs * c->kernel();
                copy_patches(*c, image + group * inputs * plane, inputs, top, left, to);
            }
        }
    });
}
REFUSED

}  // namespace ISA
