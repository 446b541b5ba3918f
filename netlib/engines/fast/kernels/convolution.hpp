// A convolution's forward pass and its gradient by the data: as matrix products (pointwise.hpp), by
// Winograd's transform (winograd_forward.hpp) or as slides (slide.hpp).
#pragma once

#include "convolution_slides.hpp"
#include "finish.hpp"
#include "isa.hpp"
#include "pointwise.hpp"
#include "shapes.hpp"
#include "slide.hpp"
#include "winograd_forward.hpp"

namespace ISA {

// scale, bias: a number for each output, or null. `winograd`: whether to take Winograd's transform.
EXPORT(conv_forward)(const float* x, const float* W, const float* scale, const float* bias,
                     float* y, const Convolution* c, long rectify, long winograd) try {
    const Finish finish{scale, bias, rectify != 0};
    Slide plain = forward_slide(*c);
    plain.finish = finish;
    if (pointwise::pays(*c)) pointwise::forward(*c, x, W, y, finish);
    else if (!winograd || !c->images || slides_win(*c, c->outputs_of_group()))
        compute(plain, x, W, y, c->images);
    else if (c->kernel_y == 3) winograd::convolve<3>(*c, false, x, W, y, finish);
    else winograd::convolve<5>(*c, false, x, W, y, finish);
} REFUSED

EXPORT(conv_backward_data)(const float* dy, const float* W, float* dx, const Convolution* c,
                           long winograd) try {
    if (pointwise::pays(*c)) pointwise::backward_data(*c, dy, W, dx);
    else if (!winograd || !c->images || slides_win(*c, c->inputs_of_group()))
        slide_backward_data(*c, dy, W, dx);
    else if (c->kernel_y == 3) winograd::convolve<3>(*c, true, dy, W, dx);
    else winograd::convolve<5>(*c, true, dy, W, dx);
} REFUSED

}  // namespace ISA
