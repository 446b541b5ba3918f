// A convolution's forward pass as a slide, and its gradient by the data as slides.
#pragma once

#include <algorithm>

#include "brick_slide.hpp"
#include "bricks.hpp"
#include "isa.hpp"
#include "matrix_unit.hpp"
#include "padded.hpp"
#include "shapes.hpp"
#include "slide.hpp"
#include "threads.hpp"

namespace ISA {

// Whether slides win over Winograd's transform, for so many outputs of a group. In cycles, as
// bricks.hpp counts them: with o = outputs / 16, for 16 positions and 32 pairs, bricks take 48 o
// for products and 214 to copy and pack the columns; multiply-adds take 256 o + 64. Of their time
// that is 0.54 for 32 outputs, 0.37 for 64, 0.28 for 128, 0.24 for 256. Winograd's transform takes
// about 0.4 of it for 3x3 filters, and 0.28 for 5x5 filters (docs/cpu.md has measurements).
inline bool slides_win(const Convolution& c, long outputs) {
#ifdef MATRIX_UNIT
    return outputs >= (c.kernel_y == 3 ? 64 : 256);
#else
    return false;
#endif
}

// `slide` by the best way.
inline void compute(const Slide& s, const float* x, const float* W, float* y, long images) {
#ifdef MATRIX_UNIT
    const bool pays = bricks::pay(s.outputs, images * s.height * s.width, s.pairs());
    if (pays && slide<bricks::Slides>(s, x, W, y, images)) return;
#endif
    slide(s, x, W, y, images);
}

inline Slide forward_slide(const Convolution& c) {
    Slide s{};
    s.in = c.padded();
    s.groups = c.groups;
    s.inputs = c.inputs_of_group();
    s.outputs = c.outputs_of_group();
    s.height = c.out_height;
    s.width = c.out_width;
    s.channel = c.out_height * c.out_width;
    s.row = c.out_width;
    s.column = 1;
    s.output_step = s.inputs * c.kernel();
    s.input_step = c.kernel();
    s.kernel = c.kernel();
    s.taps = c.taps();
    return s;
}

// One axis of one phase of dx: the places p - pad + stride r inside the image.
struct Phase {
    long first, count;  // the first place inside, and how many
    long shift;         // the most steps that a tap of this phase looks back
    long border;        // zeros that dy needs before its first element

    Phase(long phase, long size, long kernel, long stride, long pad, long dilation) : shift(0) {
        const long row = std::max(0L, parts(pad - phase, stride));
        first = row * stride + phase - pad;
        count = std::max(0L, parts(size - first, stride));
        for (long i = 0; i < kernel; ++i)
            if (i * dilation % stride == phase) shift = i * dilation / stride;
        border = shift - row;
    }
};

inline Slide backward_slide(const Convolution& c, long phase_y, long phase_x, const Phase& y,
                            const Phase& x) {
    Slide s{};
    s.in.channels = c.outputs;
    s.in.height = c.out_height;
    s.in.width = c.out_width;
    s.in.top = y.border;
    s.in.left = x.border;
    s.groups = c.groups;
    s.inputs = c.outputs_of_group();
    s.outputs = c.inputs_of_group();
    s.height = y.count;
    s.width = x.count;
    s.channel = c.height * c.width;
    s.row = c.stride_y * c.width;
    s.column = c.stride_x;
    s.output_step = c.kernel();
    s.input_step = c.inputs_of_group() * c.kernel();
    s.kernel = c.kernel();
    for (const Tap& t : c.taps()) {
        const bool of_phase = t.y % c.stride_y == phase_y && t.x % c.stride_x == phase_x;
        if (!of_phase) continue;
        s.taps.push_back({y.shift - t.y / c.stride_y, x.shift - t.x / c.stride_x, t.number});
    }
    return s;
}

inline void slide_backward_data(const Convolution& c, const float* dy, const float* W, float* dx) {
    const Padded seen = c.padded();
    const bool gaps = seen.phases_y < c.stride_y || seen.phases_x < c.stride_x;
    if (gaps) {  // places that no window reads
        const long size = c.images * c.channels * c.height * c.width;
        share_out_ranges(size, 1 << 16,
                         [=](long begin, long end) { std::fill(dx + begin, dx + end, 0.f); });
    }
    for (long i = 0; i < seen.phases_y; ++i)
        for (long j = 0; j < seen.phases_x; ++j) {
            const Phase y(i, c.height, c.kernel_y, c.stride_y, c.pad_y, c.dilation_y);
            const Phase x(j, c.width, c.kernel_x, c.stride_x, c.pad_x, c.dilation_x);
            if (!y.count || !x.count) continue;
            float* first = dx + y.first * c.width + x.first;
            compute(backward_slide(c, i, j, y, x), dy, W, first, c.images);
        }
}

}  // namespace ISA
