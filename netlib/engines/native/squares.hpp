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

// As add_block, with squares for the sums of all images.
inline void square_block(const Gradient& w, long number, const float* x, const float* dy, float* padded, float* columns,
                         float* sums, float* squares) {
    const Block block = w.blocks[number];
    const long C = w.s.in.channels, outs = w.column_blocks(), size = w.positions() * COLS;
    share_out(C + w.s.groups * outs, [&](long i) {
        if (i < C) return w.s.in.fill(x, block, i, padded + i * w.s.in.channel());
        const long g = (i - C) / outs, first = (i - C) % outs * COLS;
        transpose(w, dy, block, g * w.s.outputs + first, std::min<long>(COLS, w.s.outputs - first),
                  columns + (i - C) * size);
    });
    const long all = w.rows() / ROWS, rows = ROWS * std::max(1L, std::min(PANELS, all * outs / (4 * threads())));
    const long shares = parts(w.rows(), rows);
    share_out(w.s.groups * outs * shares, [&](long task) {
        const long k0 = task % shares * rows, b = task / shares, g = b / outs;
        add_squares(w, block, padded + g * w.s.inputs * w.s.in.channel(), columns + b * size,
                    w.s.outputs - b % outs * COLS, k0, std::min(w.s.depth(), k0 + rows),
                    sums + b * w.rows() * COLS, squares + b * w.rows() * COLS);
    });
}

}  // namespace weights

// out (M, C / groups, kernel) += the sum over images of dW^2
EXPORT(conv_squared_gradients)(const float* x, const float* dy, float* out, const Convolution* c) {
    using namespace weights;
    const long room = 1 << 18;                              // floats of a block: they stay in the second-level cache
    const long limit = std::max(512L, room / (c->channels * c->stride_y * c->stride_x + c->outputs + 1));
    Gradient w{forward_slide(*c), Blocks(c->images, c->out_height, c->out_width, limit), {}};
    w.s.fit(w.blocks);
    w.places = w.s.places(w.s.inputs);
    const long size = w.s.groups * w.column_blocks() * w.rows() * COLS;
    float* padded = buffer(PADDED, w.s.in.size());
    float* columns = buffer(COLUMNS, w.s.groups * w.column_blocks() * w.positions() * COLS);
    float* sums = buffer(SUMS, 2 * size);
    float* squares = sums + size;
    std::fill_n(squares, size, 0.f);
    for (long i = 0; i < w.blocks.count(); ++i)
        square_block(w, i, x, dy, padded, columns, sums, squares);
    add_sums(w, squares, out);
}
