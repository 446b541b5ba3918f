// The forward pass of a 3x3 convolution of stride 1 by Winograd's transform, and its gradient by the data, which is
// the same with dy for x and the filters turned round. Block by block: transform the patches, 36 products, transform
// the tiles back. Where a core's cache has room for a block, cores have blocks of their own; else they share the work
// on each.

namespace winograd {

// filters (PLACES, groups, panel, inputs, ROWS): G g G', filled up with zeros. A vector holds LANES filters; what it
// writes past its panel's row belongs to the next row, which follows.
inline void transform_filters(const Slide& s, const std::vector<Tap>& taps, const float* W, float* filters) {
    const long step = s.groups * s.panels() * s.inputs * ROWS;
    share_out(s.groups * s.panels(), [&](long panel) {
        const long g = panel / s.panels(), first = panel % s.panels() * ROWS;
        const float* from = W + g * s.inputs * s.outputs * s.kernel + first * s.output_step;
        float* near = buffer(LINE, PLACES * (s.inputs * ROWS + LANES));
        for (long c = 0; c < s.inputs; ++c)
            for (long row = 0; row < ROWS; row += LANES) {
                alignas(vec) float in_lanes[FILTER * FILTER * LANES] = {};
                vec in[FILTER * FILTER], out[PLACES];
                for (long i = 0; i < std::min<long>(LANES, s.outputs - first - row); ++i)
                    for (const Tap& t : taps)
                        in_lanes[(t.y * FILTER + t.x) * LANES + i] =
                            from[c * s.input_step + (row + i) * s.output_step + t.number];
                for (int i = 0; i < FILTER * FILTER; ++i)
                    in[i] = load(in_lanes + i * LANES);
                transform<FilterTransform>(in, out);
                for (int i = 0; i < PLACES; ++i)
                    store(near + i * (s.inputs * ROWS + LANES) + c * ROWS + row, out[i]);
            }
        for (int i = 0; i < PLACES; ++i)
            copy(filters + i * step + panel * s.inputs * ROWS, near + i * (s.inputs * ROWS + LANES), s.inputs * ROWS);
    });
}

// products (panel, tiles / COLS, ROWS, COLS) of one place and one group.
inline void multiply_place(const Tiling& w, long tiles, const float* filters, const float* patches, float* products) {
    constexpr long NEAR = 4 * COLS;                         // tiles whose patches stay in the second-level cache
    const Slide& s = w.s;
    for (long near = 0; near < tiles; near += NEAR)
        for (long p = 0; p < s.panels(); ++p)
            for (long t = near; t < std::min(tiles, near + NEAR); t += COLS)
                multiply(s.outputs - p * ROWS, tiles - t, Panel{filters + p * s.inputs * ROWS}, Run{1, s.inputs, 0},
                         patches + w.at(t, 0), products + (p * w.tiles + t) * ROWS, true);
}

// The rows of a tile's outputs, clipped to y: `out` (TILE, TILE, COLS) for the tiles from `first` on.
inline void place_tiles(const Tiling& w, const Block& block, const Tile& tile, long first, const float* out, float* y) {
    const Slide& s = w.s;
    for (const Stretch& t : tile.writes) {
        const long position = first + t.start;
        const long row = (block.row + position / s.width % block.rows) * TILE, column = position % s.width * TILE;
        const long width = std::min(t.length * TILE, w.out_width - column);
        for (long i = 0; i < std::min<long>(TILE, w.out_height - row); ++i)
            interleave_four(y + t.place + i * w.out_width, out + i * TILE * COLS + t.start, COLS, t.length, width);
    }
}

// One output channel of a block of tiles: A' m A, put in its place.
inline void transform_back(const Tiling& w, const Block& block, const std::vector<Tile>& tiles, const float* products,
                           long place_step, float* y) {
    float* out = buffer(LINE, TILE * TILE * COLS);
    for (std::size_t t = 0; t < tiles.size(); ++t) {
        for (long lane = 0; lane < tiles[t].columns; lane += LANES) {
            vec m[PLACES], tile[TILE * TILE];
            for (int i = 0; i < PLACES; ++i)
                m[i] = load(products + i * place_step + t * TILE_SIZE + lane);
            transform<OutputTransform>(m, tile);
            for (int i = 0; i < TILE * TILE; ++i)
                store(out + i * COLS + lane, tile[i]);
        }
        place_tiles(w, block, tiles[t], t * COLS, out, y);
    }
}

inline void forward_block(const Tiling& w, const std::vector<Place>& places, const Block& block, const float* x,
                          const float* filters, float* y) {
    const Slide& s = w.s;
    const long filter_step = s.groups * s.panels() * s.inputs * ROWS;
    const long product_step = s.groups * s.panels() * ROWS * w.tiles;
    float* patches = buffer(PATCHES, PLACES * w.place_step());
    float* products = buffer(PRODUCTS, PLACES * product_step);
    const std::vector<Tile> tiles = sliding::tiles_of(s, block);
    const long count = block.images * block.rows * s.width;
    share_out(s.in.channels, [&](long c) { transform_patches(w, tiles, places, x, block, c, patches); });
    share_out(PLACES * s.groups, [&](long i) {
        const long place = i / s.groups, g = i % s.groups;
        multiply_place(w, count, filters + place * filter_step + g * s.panels() * s.inputs * ROWS,
                       patches + place * w.place_step() + g * s.inputs * COLS,
                       products + place * product_step + g * s.panels() * ROWS * w.tiles);
    });
    share_out(s.groups * s.outputs, [&](long m) {
        const long g = m / s.outputs, o = m % s.outputs;
        transform_back(w, block, tiles, products + (g * s.panels() + o / ROWS) * ROWS * w.tiles + o % ROWS * COLS,
                       product_step, y + m * s.channel);
    });
}

// y = the slide of x, whose taps are those of a 3x3 kernel in some order.
inline void forward(const Slide& slide, const float* x, const float* W, float* y, long images) {
    Tiling w(slide, images, NEAR_ROOM);
    const bool near = PLACES * (w.s.in.channels + w.s.groups * w.s.outputs) * w.tiles <= NEAR_ROOM
                      && w.blocks.count() >= 2 * threads();
    if (!near) w = Tiling(slide, images, FAR_ROOM);
    w.s.row = TILE * w.out_width;
    w.s.column = TILE;
    float* filters = buffer(FILTERS, PLACES * w.s.groups * w.s.panels() * w.s.inputs * ROWS);
    transform_filters(w.s, slide.taps, W, filters);
    const std::vector<Place> places = w.s.places(1);
    const auto work = [&](long b) { forward_block(w, places, w.blocks[b], x, filters, y); };
    if (near) share_out(w.blocks.count(), work);            // in which the block's own sharing comes to nothing
    else for (long b = 0; b < w.blocks.count(); ++b) work(b);
}

}  // namespace winograd
