// The gradient by the weights of a 3x3 convolution of stride 1 by Winograd's transform. The transforms of dy are laid
// out with outputs side by side, and the 36 products summed over all tiles of all blocks: rows are inputs, columns are
// outputs.

namespace winograd {

struct Gradient {
    Tiling w;
    long outputs_all() const { return w.s.groups * w.s.outputs; }
    long column_blocks() const { return parts(w.s.outputs, COLS); }
    long rows() const { return parts(w.s.inputs, ROWS) * ROWS; }
    long sums_step() const { return w.s.groups * column_blocks() * rows() * COLS; }
    long tiles_step() const { return w.s.groups * column_blocks() * w.tiles * COLS; }
};

// dy of one image's block for COLS outputs from `channel` on, as (rows, columns, COLS): whole tiles, zeros beyond dy.
inline void transpose(const Gradient& g, const float* dy, const Block& block, long image, long channel, long width,
                      float* to) {
    const long columns = g.w.s.width * TILE, rows = block.rows * TILE, size = g.w.out_height * g.w.out_width;
    const long inside = std::min(rows, g.w.out_height - block.row * TILE);
    const float* from = dy + ((block.image + image) * g.outputs_all() + channel) * size
                           + block.row * TILE * g.w.out_width;
    if (width < COLS || inside < rows || columns != g.w.out_width)
        std::memset(to, 0, sizeof(float) * rows * columns * COLS);
    for (long r = 0; r < inside; ++r)
        for (long q0 = 0; q0 < g.w.out_width; q0 += LANES)
            for (long j = 0; j < width; ++j)
                for (long q = q0; q < std::min(g.w.out_width, q0 + LANES); ++q)
                    to[(r * columns + q) * COLS + j] = from[j * size + r * g.w.out_width + q];
}

// gradients (PLACES, groups, column block, tiles, COLS): A dy A' for COLS outputs of a block of tiles.
inline void transform_gradients(const Gradient& g, const float* dy, const Block& block, long column_block,
                                float* gradients) {
    const long group = column_block / g.column_blocks(), first = column_block % g.column_blocks() * COLS;
    const long width = g.w.s.width, columns = width * TILE, of_image = block.rows * width;
    float* near = buffer(LINE, of_image * TILE * TILE * COLS);
    float* to = gradients + column_block * g.w.tiles * COLS;
    for (long i = 0; i < block.images; ++i) {
        transpose(g, dy, block, i, group * g.w.s.outputs + first, std::min<long>(COLS, g.w.s.outputs - first), near);
        for (long t = 0; t < of_image; ++t, to += COLS)
            for (long lane = 0; lane < COLS; lane += LANES) {
                const float* from = near + (t / width * TILE * columns + t % width * TILE) * COLS + lane;
                vec tile[TILE * TILE], out[PLACES];
                for (int k = 0; k < TILE * TILE; ++k)
                    tile[k] = load(from + (k / TILE * columns + k % TILE) * COLS);
                transform<GradientTransform>(tile, out);
                for (int k = 0; k < PLACES; ++k)
                    store(to + k * g.tiles_step() + lane, out[k]);
            }
    }
}

// sums (rows, COLS) of one place, group and column block += patches times gradients over `tiles` tiles.
inline void add_products(const Gradient& g, long tiles, long width, const float* patches, const float* gradients,
                         float* sums, bool fresh) {
    constexpr long NEAR = 8 * COLS;                         // tiles of dy that stay near
    for (long near = 0; near < tiles; near += NEAR) {
        const long end = std::min(tiles, near + NEAR), whole = (end - near) / COLS, rest = (end - near) % COLS;
        for (long c = 0; c < g.w.s.inputs; c += ROWS) {
            Rows a;
            for (long i = 0; i < ROWS; ++i)
                a.row[i] = patches + g.w.at(near, std::min(c + i, g.w.s.inputs - 1));
            const bool first = fresh && !near;
            if (whole)
                multiply(g.w.s.inputs - c, width, a, Run{whole, COLS, g.w.at(COLS, 0)}, gradients + near * COLS,
                         sums + c * COLS, first);
            for (long i = 0; i < ROWS; ++i)
                a.row[i] += g.w.at(whole * COLS, 0);
            if (rest)
                multiply(g.w.s.inputs - c, width, a, Run{1, rest, 0}, gradients + (near + whole * COLS) * COLS,
                         sums + c * COLS, first && !whole);
        }
    }
}

// dW (groups, outputs, inputs, 3, 3) += G' sums G
inline void add_filters(const Gradient& g, const float* sums, float* dW) {
    const Slide& s = g.w.s;
    share_out(s.groups * s.inputs, [&](long i) {
        const long group = i / s.inputs, c = i % s.inputs;
        for (long o = 0; o < s.outputs; o += LANES) {
            const float* from = sums + ((group * g.column_blocks() + o / COLS) * g.rows() + c) * COLS + o % COLS;
            vec in[PLACES], out[FILTER * FILTER];
            for (int k = 0; k < PLACES; ++k)
                in[k] = load(from + k * g.sums_step());
            transform<FilterGradientTransform>(in, out);
            for (long j = 0; j < std::min<long>(LANES, s.outputs - o); ++j)
                for (int k = 0; k < FILTER * FILTER; ++k)
                    dW[((group * s.outputs + o + j) * s.inputs + c) * FILTER * FILTER + k] += out[k][j];
        }
    });
}

inline void backward_weights(const Slide& slide, const float* x, const float* dy, float* dW, long images) {
    const Gradient g{Tiling(slide, images, FAR_ROOM)};
    const Slide& s = g.w.s;
    const long outs = s.groups * g.column_blocks();
    float* patches = buffer(PATCHES, PLACES * g.w.place_step());
    float* gradients = buffer(PRODUCTS, PLACES * g.tiles_step());
    float* sums = buffer(SUMS, PLACES * g.sums_step());
    const std::vector<Place> places = s.places(1);
    for (long b = 0; b < g.w.blocks.count(); ++b) {
        const Block block = g.w.blocks[b];
        const std::vector<Tile> tiles = sliding::tiles_of(s, block);
        share_out(s.in.channels + outs, [&](long i) {
            if (i < s.in.channels) transform_patches(g.w, tiles, places, x, block, i, patches);
            else transform_gradients(g, dy, block, i - s.in.channels, gradients);
        });
        share_out(PLACES * outs, [&](long i) {
            const long place = i / outs, column = i % outs, group = column / g.column_blocks();
            add_products(g, block.images * block.rows * s.width, s.outputs - column % g.column_blocks() * COLS,
                         patches + place * g.w.place_step() + group * s.inputs * COLS,
                         gradients + place * g.tiles_step() + column * g.w.tiles * COLS,
                         sums + place * g.sums_step() + column * g.rows() * COLS, b == 0);
        });
    }
    add_filters(g, sums, dW);
}

}  // namespace winograd

EXPORT(conv_backward_weights)(const float* x, const float* dy, float* dW, const Convolution* c, long winograd) {
    if (winograd && c->images) winograd::backward_weights(forward_slide(*c), x, dy, dW, c->images);
    else convolution_backward_weights(*c, x, dy, dW);
}
