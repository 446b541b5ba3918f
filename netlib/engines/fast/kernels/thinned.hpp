// A convolution by a kernel of one number, with a stride: it sees every s-th row and column of x.
// With only these in x, the stride is 1.
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "copy.hpp"
#include "isa.hpp"
#include "shapes.hpp"
#include "threads.hpp"

namespace ISA {
namespace thinned {

inline bool pays(const Convolution& c) { return c.is_product() && c.has_stride(); }

// The same convolution of what it sees.
inline Convolution dense(Convolution c) {
    c.height = c.out_height;
    c.width = c.out_width;
    c.stride_y = c.stride_x = 1;
    return c;
}

// Room for what it sees: (images, channels, out_height, out_width).
inline float* room_for(const Convolution& c) {
    return buffer(THINNED, c.images, c.channels, c.out_height, c.out_width);
}

inline const float* thin(const Convolution& c, const float* x) {
    float* seen = room_for(c);
    share_out(c.images * c.channels, [=](long plane) {
        const float* from = x + plane * c.height * c.width;
        float* to = seen + plane * c.out_height * c.out_width;
        for (long row = 0; row < c.out_height; ++row, to += c.out_width)
            gather(to, from + row * c.stride_y * c.width, c.stride_x, c.out_width);
    });
    return seen;
}

// The reverse: zeros where nothing is seen.
inline void spread(const Convolution& c, const float* seen, float* x) {
    share_out(c.images * c.channels, [=](long plane) {
        const float* from = seen + plane * c.out_height * c.out_width;
        float* to = x + plane * c.height * c.width;
        std::fill_n(to, c.height * c.width, 0.f);
        for (long row = 0; row < c.out_height; ++row, from += c.out_width)
            scatter(to + row * c.stride_y * c.width, from, c.stride_x, c.out_width);
    });
}

}  // namespace thinned
}  // namespace ISA
