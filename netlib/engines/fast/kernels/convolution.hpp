// A convolution's forward pass and its gradient by the data: as matrix products (pointwise.hpp), by
// Winograd's transform (winograd_forward.hpp) or as slides (slide.hpp); those of 1x1 without their
// stride (thinned.hpp).
#pragma once

#include "convolution_slides.hpp"
#include "finish.hpp"
#include "isa.hpp"
#include "pointwise.hpp"
#include "shapes.hpp"
#include "slide.hpp"
#include "thinned.hpp"
#include "winograd_forward.hpp"

namespace ISA {

inline void forward(const Convolution& c, const float* x, const float* W, const Finish& finish,
                    float* y, bool winograd) {
    Slide plain = forward_slide(c);
    plain.finish = finish;
    if (pointwise::pays(c)) pointwise::forward(c, x, W, y, finish);
    else if (!winograd || !c.images || slides_win(c, c.outputs_of_group()))
        compute(plain, x, W, y, c.images);
    else if (c.kernel_y == 3) winograd::convolve<3>(c, false, x, W, y, finish);
    else winograd::convolve<5>(c, false, x, W, y, finish);
}

inline void backward_data(const Convolution& c, const float* dy, const float* W, float* dx,
                          bool winograd) {
    if (pointwise::pays(c)) pointwise::backward_data(c, dy, W, dx);
    else if (!winograd || !c.images || slides_win(c, c.inputs_of_group()))
        slide_backward_data(c, dy, W, dx);
    else if (c.kernel_y == 3) winograd::convolve<3>(c, true, dy, W, dx);
    else winograd::convolve<5>(c, true, dy, W, dx);
}

// scale, bias: a number for each output, or null. `winograd`: whether to take Winograd's transform.
EXPORT(conv_forward)(const float* x, const float* W, const float* scale, const float* bias,
                     float* y, const Convolution* c, long rectify, long winograd) try {
    const Finish finish{scale, bias, rectify != 0};
    if (thinned::pays(*c)) forward(thinned::dense(*c), thinned::thin(*c, x), W, finish, y, false);
    else forward(*c, x, W, finish, y, winograd);
} REFUSED

EXPORT(conv_backward_data)(const float* dy, const float* W, float* dx, const Convolution* c,
                           long winograd) try {
    if (!thinned::pays(*c)) return backward_data(*c, dy, W, dx, winograd);
    float* seen = thinned::room_for(*c);
    backward_data(thinned::dense(*c), dy, W, seen, false);
    thinned::spread(*c, seen, dx);
} REFUSED

}  // namespace ISA
