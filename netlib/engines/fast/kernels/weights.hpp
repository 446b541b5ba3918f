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
    long sums() const { return s.groups * column_blocks() * rows() * COLS; }
};

// Columns `first` to first + COLS of a group's outputs as (positions, COLS): dy transposed, filled up with zeros.
inline void transpose(const Gradient& w, const float* dy, const Block& block, long channel, long width, float* to) {
    const long n = block.rows * w.s.width, channels = w.s.groups * w.s.outputs;
    for (long i = 0; i < block.images; ++i, to += n * COLS) {
        const float* from = dy + ((block.image + i) * channels + channel) * w.s.channel + block.row * w.s.width;
        for (long p = 0; p < n; p += LANES)
            for (long j = 0; j < width; j += LANES) {
                vec v[LANES];
                load_across(from + j * w.s.channel + p, w.s.channel, width - j, n - p, v);
                for (int k = 0; k < std::min<long>(LANES, n - p); ++k)
                    store(to + (p + k) * COLS + j, v[k]);
            }
    }
}

// Add a block's part to `panels` of dW from row k0 on, ROWS rows each.
inline void add_products(const Gradient& w, const Block& block, const float* padded, const float* columns, long width,
                         long k0, long k1, float* sums, bool fresh) {
    const auto add = [&](const Run& run, long from, const float* b, bool first) {
        for (long k = k0; k < k1; k += ROWS) {
            Rows a;
            for (long j = 0; j < ROWS; ++j)
                a.row[j] = padded + w.places[std::min(k + j, w.s.depth() - 1)].offset + from;
            multiply(k1 - k, width, a, run, b, sums + k * COLS, first);
        }
    };
    const Padded& in = w.s.in;
    const long line = w.s.width, all = block.images * block.rows * line;
    if (in.rows == block.rows && in.columns == line) {      // no border between lines: they are one
        for (long n = 0; n < all; n += LINES)
            add({1, std::min(LINES, all - n), 0}, n, columns + n * COLS, fresh && !n);
        return;
    }
    const long step = std::max(1L, LINES / line);
    for (long i = 0; i < block.images; ++i)
        for (long r = 0; r < block.rows; r += step)
            add({std::min(step, block.rows - r), line, in.columns}, in.position(i, r, 0),
                columns + (i * block.rows + r) * line * COLS, fresh && !i && !r);
}

// Lay out a block, padded and transposed; then work(padded, columns, width, k0, k1, at) for each part of dW: its
// group's images, its columns of dy and how many there are, its rows, and where its column block is among the sums.
template <class Work>
void share_block(const Gradient& w, const Block& block, const float* x, const float* dy, const Work& work) {
    const long C = w.s.in.channels, outs = w.column_blocks(), size = w.positions() * COLS;
    float* padded = buffer(PADDED, w.s.in.size());
    float* columns = buffer(COLUMNS, w.s.groups * outs * size);
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
        work(padded + g * w.s.inputs * w.s.in.channel(), columns + b * size, w.s.outputs - b % outs * COLS,
             k0, std::min(w.s.depth(), k0 + rows), b * w.rows() * COLS);
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

// room: floats of a block.
inline Gradient gradient(const Convolution& c, long room) {
    const long limit = std::max(512L, room / (c.channels * c.stride_y * c.stride_x + c.outputs + 1));
    Gradient w{forward_slide(c), Blocks(c.images, c.out_height, c.out_width, limit), {}};
    w.s.fit(w.blocks);
    w.places = w.s.places(w.s.inputs);
    return w;
}

}  // namespace weights

inline void convolution_backward_weights(const Convolution& c, const float* x, const float* dy, float* dW) {
    using namespace weights;
    const Gradient w = gradient(c, 1 << 20);                // which stays in the last-level cache
    float* sums = buffer(SUMS, w.sums());
    for (long i = 0; i < w.blocks.count(); ++i)
        share_block(w, w.blocks[i], x, dy, [&](auto padded, auto columns, long width, long k0, long k1, long at) {
            add_products(w, w.blocks[i], padded, columns, width, k0, k1, sums + at, i == 0);
        });
    if (w.blocks.count())
        add_sums(w, sums, dW);
}
