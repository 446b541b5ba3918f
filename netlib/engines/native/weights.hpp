// The gradient by the weights of a convolution, without a column matrix:
//
//     dW[o, c, t] += sum over images and positions of  dy[o](r, q) x[c](s r + t_y - top, s q + t_x - left)
//
// As a matrix product: rows (c, t), read straight from the padded image, times columns o, for which dy is transposed.
// The sum runs over all images, block after block, and a task owns some of dW: there is nothing to reduce, and the
// result is the same for any number of threads.

namespace weights {

constexpr long LINES = 256, PANELS = 8;                     // positions of dy that stay near; panels of dW in a task

struct Gradient {
    Slide s;                                                // the forward pass
    Blocks blocks;
    std::vector<Place> places;
    long column_blocks() const { return parts(s.outputs, COLS); }
    long positions() const { return blocks.images * blocks.rows * s.width; }
    long rows() const { return parts(s.depth(), ROWS) * ROWS; }
};

// Columns `first` to first + COLS of a group's outputs as (positions, COLS): dy transposed, filled up with zeros.
inline void transpose(const Gradient& w, const float* dy, const Block& block, long channel, long width, float* to) {
    const long n = block.rows * w.s.width, channels = w.s.groups * w.s.outputs;
    if (width < COLS) std::memset(to, 0, sizeof(float) * block.images * n * COLS);
    for (long i = 0; i < block.images; ++i, to += n * COLS) {
        const float* from = dy + ((block.image + i) * channels + channel) * w.s.channel + block.row * w.s.width;
        for (long p0 = 0; p0 < n; p0 += LANES)
            for (long j = 0; j < width; ++j)
                for (long p = p0; p < std::min(n, p0 + LANES); ++p)
                    to[p * COLS + j] = from[j * w.s.channel + p];
    }
}

// Add a block's part to `panels` of dW from row k0 on, ROWS rows each.
inline void add_products(const Gradient& w, const Block& block, const float* padded, const float* columns, long width,
                         long k0, long k1, float* sums, bool fresh) {
    const long step = std::max(1L, LINES / w.s.width);
    for (long i = 0; i < block.images; ++i)
        for (long r = 0; r < block.rows; r += step) {
            const float* b = columns + (i * block.rows + r) * w.s.width * COLS;
            const Run run{std::min(step, block.rows - r), w.s.width, w.s.in.columns};
            for (long k = k0; k < k1; k += ROWS) {
                Rows a;
                for (long j = 0; j < ROWS; ++j)
                    a.row[j] = padded + w.places[std::min(k + j, w.s.depth() - 1)].offset + w.s.in.position(i, r, 0);
                multiply(k1 - k, width, a, run, b, sums + k * COLS, fresh && !i && !r);
            }
        }
}

inline void add_block(const Gradient& w, long number, const float* x, const float* dy, float* padded, float* columns,
                      float* sums) {
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
        add_products(w, block, padded + g * w.s.inputs * w.s.in.channel(), columns + b * size,
                     w.s.outputs - b % outs * COLS, k0, std::min(w.s.depth(), k0 + rows),
                     sums + b * w.rows() * COLS, number == 0);
    });
}

// dW (groups, outputs, depth) += sums (groups, column blocks, rows, COLS)
inline void add_sums(const Gradient& w, const float* sums, float* dW) {
    share_out(w.s.groups * w.s.outputs, [&](long i) {
        const long g = i / w.s.outputs, o = i % w.s.outputs;
        const float* from = sums + (g * w.column_blocks() + o / COLS) * w.rows() * COLS + o % COLS;
        for (long k = 0; k < w.s.depth(); ++k)
            dW[i * w.s.depth() + k] += from[k * COLS];
    });
}

}  // namespace weights

inline void convolution_backward_weights(const Convolution& c, const float* x, const float* dy, float* dW) {
    using namespace weights;
    const long room = 1 << 20;                              // floats of a block: they stay in the last-level cache
    const long limit = std::max(512L, room / (c.channels * c.stride_y * c.stride_x + c.outputs + 1));
    Gradient w{forward_slide(c), Blocks(c.images, c.out_height, c.out_width, limit), {}};
    w.s.fit(w.blocks);
    w.places = w.s.places(w.s.inputs);
    float* padded = buffer(PADDED, w.s.in.size());
    float* columns = buffer(COLUMNS, w.s.groups * w.column_blocks() * w.positions() * COLS);
    float* sums = buffer(SUMS, w.s.groups * w.column_blocks() * w.rows() * COLS);
    for (long i = 0; i < w.blocks.count(); ++i)
        add_block(w, i, x, dy, padded, columns, sums);
    if (w.blocks.count())
        add_sums(w, sums, dW);
}
