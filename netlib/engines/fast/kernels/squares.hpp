// The squared gradient by the weights of each image by itself, summed over images.
//
// The work is that of weights.hpp. When an image is complete, a task adds the squares of its part
// of dW.
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "isa.hpp"
#include "padded.hpp"
#include "shapes.hpp"
#include "simd.hpp"
#include "threads.hpp"
#include "tile.hpp"
#include "weights.hpp"
#include "weights_sums.hpp"

namespace ISA {
namespace weights {

// squares += the squares of a part of each image's dW; an image may take several blocks.
inline void add_squares(const Gradient& w, const Block& block, const Share& share, float* sums,
                        float* squares) {
    const bool image_begins = block.row == 0;
    const bool image_ends = block.row + block.rows == w.blocks.height;
    for (long i = 0; i < block.images; ++i) {
        const Block one{block.image + i, 1, block.row, block.rows};
        Share of_image = share;
        of_image.seen += w.s.in.position(i, 0, 0);
        of_image.columns += i * block.rows * w.s.width * COLS;
        add_products(w, one, of_image, sums, image_begins);
        if (!image_ends) continue;
        const long end = parts(share.end, ROWS) * ROWS;
        for (long k = share.begin * COLS; k < end * COLS; k += LANES)
            store(squares + k, load(squares + k) + load(sums + k) * load(sums + k));
    }
}

// out (outputs, inputs of a group, kernel) += the sum over images of dW^2
inline void squared_gradients(const Convolution& c, const float* x, const float* dy, float* out) {
    const Gradient w = gradient(c, 1 << 18, LEAST);  // a block stays in the second-level cache
    float* sums = buffer(SUMS, 2, w.sums());
    float* squares = sums + w.sums();
    std::fill_n(squares, w.sums(), 0.f);
    each_share(w, x, dy, [&](const Block& block, const Share& share) {
        add_squares(w, block, share, sums + share.at, squares + share.at);
    });
    deliver_shares(w, squares, false, out);
}

}  // namespace weights
}  // namespace ISA
