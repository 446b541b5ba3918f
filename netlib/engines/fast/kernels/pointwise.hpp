// Convolution by a kernel of one number: for each image a product of matrices,
//
//     y (outputs, positions) = W (outputs, inputs) x (inputs, positions)
//
// Where images are small, a slide over several of them at once has less work besides the product.
#pragma once

#include <algorithm>

#include "finish.hpp"
#include "gemm.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "shapes.hpp"
#include "simd.hpp"
#include "threads.hpp"

namespace ISA {
namespace pointwise {

inline bool pays(const Convolution& c) {
    const bool plain = c.is_product() && !c.has_stride() && c.groups == 1;
    return plain && c.height * c.width >= (c.images == 1 ? 1 : 400);
}

// For the gradient by the weights a product an image pays less often: weights.hpp has all images
// in one sum.
inline bool pays_for_weights(const Convolution& c) {
    return pays(c) && (c.images == 1 || std::min(c.channels, c.outputs) < 32);
}

// The n-th image of x (images, channels, positions).
inline Matrix image(const Convolution& c, const float* x, long channels, long n) {
    const long positions = c.height * c.width;
    return {const_cast<float*>(x) + n * channels * positions, positions, 1};
}

// W (outputs, inputs).
inline Matrix weights(const Convolution& c, const float* W) {
    return {const_cast<float*>(W), c.channels, 1};
}

// Scales, adds the bias and rectifies, for an image y (outputs, positions).
inline void finish_image(const Convolution& c, const Matrix& y, const Finish& finish) {
    const long positions = c.height * c.width;
    const long channels_of_a_task = std::max(1L, (1L << 14) / positions);
    share_out_ranges(c.outputs, channels_of_a_task, [&](long begin, long end) {
        for (long m = begin; m < end; ++m) {
            const auto finished = finish.channel(m);
            for (long i = 0; i < positions; i += LANES) {
                float* to = y.at(m, i);
                store_part(to, finished(load_part(to, positions - i)), positions - i);
            }
        }
    });
}

// Calls work(image) for all of them: each core takes images of its own, if there are enough.
template <class Work>
void each_image(const Convolution& c, const Work& work) {
    if (come_out_even(c.images)) return share_out(c.images, work);
    for (long n = 0; n < c.images; ++n)
        work(n);
}

inline void forward(const Convolution& c, const float* x, const float* W, float* y,
                    const Finish& finish) {
    const long positions = c.height * c.width;
    each_image(c, [&](long n) {
        const Matrix in = image(c, x, c.channels, n);
        const Matrix out = image(c, y, c.outputs, n);
        gemm(weights(c, W), in, out, c.outputs, positions, c.channels, false);
        if (finish) finish_image(c, out, finish);
    });
}

inline void backward_data(const Convolution& c, const float* dy, const float* W, float* dx) {
    const long positions = c.height * c.width;
    each_image(c, [&](long n) {
        const Matrix in = image(c, dy, c.outputs, n);
        const Matrix out = image(c, dx, c.channels, n);
        gemm(weights(c, W).transposed(), in, out, c.channels, positions, c.outputs, false);
    });
}

// dW += the sum over images of dy x^T.
inline void backward_weights(const Convolution& c, const float* x, const float* dy, float* dW) {
    const long positions = c.height * c.width;
    for (long n = 0; n < c.images; ++n) {
        const Matrix left = image(c, dy, c.outputs, n);
        const Matrix right = image(c, x, c.channels, n).transposed();
        gemm(left, right, weights(c, dW), c.outputs, c.channels, positions, true);
    }
}

}  // namespace pointwise
}  // namespace ISA
