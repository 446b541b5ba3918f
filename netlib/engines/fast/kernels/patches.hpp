// The patches that a convolution's window reads at chosen positions, as rows.
#pragma once

#include "isa.hpp"
#include "shapes.hpp"
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
            for (long channel = 0; channel < c->channels; ++channel, image += plane) {
                const long group = channel / inputs;
                const long number = (group * rows + row) * inputs + channel % inputs;
                copy_patch(*c, image, top, left, out + number * c->kernel());
            }
        }
    });
} REFUSED

}  // namespace ISA
