// The gradient by the weights of each image by itself, squared, summed over images: the work of weights.hpp, in which a
// task takes up the squares of its part of dW when an image is through.

namespace weights {

// Add the squares of `panels` of each image's dW from row k0 on; an image may need several blocks.
inline void add_squares(const Gradient& w, const Block& block, const float* padded, const float* columns, long width,
                        long k0, long k1, float* sums, float* squares) {
    for (long i = 0; i < block.images; ++i) {
        const Block one{block.image + i, 1, block.row, block.rows};
        add_products(w, one, padded + w.s.in.position(i, 0, 0), columns + i * block.rows * w.s.width * COLS, width,
                     k0, k1, sums, block.row == 0);
        if (block.row + block.rows == w.blocks.height)
            for (long k = k0 * COLS; k < (k1 + ROWS - 1) / ROWS * ROWS * COLS; k += LANES)
                store(squares + k, load(squares + k) + load(sums + k) * load(sums + k));
    }
}

}  // namespace weights

// out (M, C / groups, kernel) += the sum over images of dW^2
EXPORT(conv_squared_gradients)(const float* x, const float* dy, float* out, const Convolution* c) {
    using namespace weights;
    const Gradient w = gradient(*c, 1 << 18);               // which stays in the second-level cache
    float* sums = buffer(SUMS, 2 * w.sums());
    float* squares = sums + w.sums();
    std::fill_n(squares, w.sums(), 0.f);
    for (long i = 0; i < w.blocks.count(); ++i)
        share_block(w, w.blocks[i], x, dy, [&](auto padded, auto columns, long width, long k0, long k1, long at) {
            add_squares(w, w.blocks[i], padded, columns, width, k0, k1, sums + at, squares + at);
        });
    add_sums(w, squares, out);
}
