// Convolution as a matrix product without a column matrix (an implicit GEMM).
//
// A slide is a sum of shifted images,
//
//     y[m](r, q) = sum over channels c and taps t of  A[m, c, t] x[c](s r + t_y - top, s q + t_x - left)
//
// The forward pass is one slide; its taps are the places of the kernel. The gradient by the data is one slide over dy
// for each phase of the stride: dx at s r + p hears of dy at r - a through the kernel's place s a + p.
//
// A task is a block of positions. It pads its part of the images, which is small enough for the second-level cache, and
// multiplies: for DEPTH pairs (c, t) at a time the rows that they see are copied as panels of COLS positions.

struct Tap { long y, x, number; };                          // in the padded image; its number in the kernel
struct Place { long offset; };                              // in the buffer of padded images

struct Slide {
    Padded in;
    long groups, inputs, outputs;                           // channels of a group
    long height, width;                                     // rows and columns of positions in an image
    long channel, row, column;                              // floats between neighbours in y
    long output_step, input_step;                           // floats between filters in W, by output and by input
    long kernel;                                            // places in a kernel
    std::vector<Tap> taps;
    Finish finish = {};

    long depth() const { return inputs * taps.size(); }
    long panels() const { return parts(outputs, ROWS); }
    std::vector<Place> places(long channels) const {        // of the pairs (c, t)
        std::vector<Place> places;
        for (long c = 0; c < channels; ++c)
            for (const Tap& t : taps)
                places.push_back({c * in.channel() + in.at(t.y, t.x)});
        return places;
    }
    void fit(const Blocks& blocks) {
        long y = 0, x = 0;
        for (const Tap& t : taps) {
            y = std::max(y, t.y / in.stride_y);
            x = std::max(x, t.x / in.stride_x);
        }
        in.images = blocks.images;
        in.rows = blocks.rows + y;
        in.columns = width + x;
    }
};

// A stretch of a tile's columns that lie side by side in the padded image, or in y.
struct Stretch { long start, length, place; };
struct Tile { std::vector<Stretch> reads, writes; long columns; };

namespace sliding {

constexpr long DEPTH = 256, POSITIONS = 256;

// One more stretch, or a longer last one.
inline void add(std::vector<Stretch>& to, Stretch more) {
    if (!to.empty() && to.back().place + to.back().length == more.place) to.back().length += more.length;
    else to.push_back(more);
}

// The columns of the tiles of a block: its positions row by row, image by image.
inline std::vector<Tile> tiles_of(const Slide& s, const Block& block) {
    const long of_image = block.rows * s.width, all = block.images * of_image;
    std::vector<Tile> tiles;
    for (long start = 0; start < all; start += COLS) {
        Tile tile{{}, {}, std::min<long>(COLS, all - start)};
        for (long n = 0, length; n < tile.columns; n += length) {
            const long i = (start + n) / of_image, r = (start + n) % of_image / s.width, q = (start + n) % s.width;
            length = std::min(s.width - q, tile.columns - n);
            add(tile.reads, {n, length, s.in.position(i, r, q)});
            const long to = (block.image + i) * s.groups * s.outputs * s.channel
                            + (block.row + r) * s.row + q * s.column;
            if (s.column == 1) add(tile.writes, {n, length, to});
            else tile.writes.push_back({n, length, to});
        }
        tiles.push_back(std::move(tile));
    }
    return tiles;
}

// The panel of a tile: what `depth` places see. Stretches go from left to right and row by row, so what a copy writes
// beyond its stretch is overwritten by the next one.
inline void pack(const float* padded, const Place* places, long depth, const Tile& tile, float* to) {
    const Stretch* const first = tile.reads.data();
    const Stretch* const end = first + tile.reads.size();
    for (long k = 0; k < depth; ++k, to += COLS)
        for (const Stretch* s = first; s < end; ++s)
            copy_beyond(to + s->start, padded + places[k].offset + s->place, s->length);
}

// The sums of `rows` outputs from `channel` on, to their places.
inline void deliver(const Slide& s, const Tile& tile, float* sums, long rows, long channel, float* y) {
    y += channel * s.channel;
    for (long i = 0; i < rows; ++i, sums += COLS, y += s.channel) {
        const auto finished = s.finish.channel(channel + i);
        for (long lane = 0; s.finish && lane < tile.columns; lane += LANES)
            store(sums + lane, finished(load(sums + lane)));
        for (const Stretch& w : tile.writes)
            scatter(y + w.place, sums + w.start, s.column, w.length);
    }
}

// `rows` filters as a panel ((c, t), ROWS), filled up with zeros.
inline void pack_panel(const Slide& s, const float* filters, long rows, float* panel) {
    const long T = s.taps.size(), K = s.depth();
    if (s.input_step == s.kernel && T == s.kernel) {        // a filter's numbers lie side by side
        for (long k = 0; k < K; k += LANES)
            for (long i = 0; i < ROWS; i += LANES) {
                vec numbers[LANES];
                load_across(filters + i * s.output_step + k, s.output_step, rows - i, K - k, numbers);
                for (long j = 0; j < std::min<long>(LANES, K - k); ++j)
                    store_part(panel + (k + j) * ROWS + i, numbers[j], ROWS - i);
            }
        return;
    }
    for (long c = 0; c < s.inputs; ++c)
        for (long t = 0; t < T; ++t, panel += ROWS) {
            gather(panel, filters + c * s.input_step + s.taps[t].number, s.output_step, rows);
            std::fill(panel + rows, panel + ROWS, 0.f);
        }
}

// The filters of each group, panel after panel.
inline void pack_filters(const Slide& s, const float* W, float* to) {
    share_out(s.groups * s.panels(), [&](long task) {
        const long g = task / s.panels(), first = task % s.panels() * ROWS;
        pack_panel(s, W + g * s.inputs * s.outputs * s.kernel + first * s.output_step,
                   std::min<long>(ROWS, s.outputs - first), to + task * s.depth() * ROWS);
    });
}

// Panels panel0 .. panel1 of a group's outputs, from `channel` on, for one block of positions.
inline void slide_group(const Slide& s, const std::vector<Tile>& tiles, const float* padded, const Place* places,
                        const float* filters, long channel, long panel0, long panel1, float* y) {
    const long T = tiles.size(), K = s.depth();
    float* columns = buffer(COLUMNS, T * DEPTH * COLS);
    const bool once = K <= DEPTH;                           // then no sums have to wait
    float* sums = buffer(SUMS, once ? TILE_SIZE : (panel1 - panel0) * T * TILE_SIZE);
    for (long k0 = 0; k0 < K || k0 == 0; k0 += DEPTH) {
        const long depth = std::min(DEPTH, K - k0);
        for (long t = 0; t < T; ++t)
            pack(padded, places + k0, depth, tiles[t], columns + t * depth * COLS);
        for (long p = panel0; p < panel1; ++p) {
            const long rows = std::min<long>(ROWS, s.outputs - p * ROWS);
            const Panel panel{filters + (p * K + k0) * ROWS};
            for (long t = 0; t < T; ++t) {
                float* sum = once ? sums : sums + ((p - panel0) * T + t) * TILE_SIZE;
                multiply(rows, tiles[t].columns, panel, Run{1, depth, 0}, columns + t * depth * COLS, sum, k0 == 0);
                if (k0 + depth >= K) deliver(s, tiles[t], sum, rows, channel + p * ROWS, y);
            }
        }
    }
}

}  // namespace sliding

// y = the slide of all images of x with the filters W; `images` in all.
inline void slide(Slide s, const float* x, const float* W, float* y, long images) {
    using namespace sliding;
    const Blocks blocks(images, s.height, s.width, POSITIONS);
    if (!blocks.count()) return;
    s.fit(blocks);
    float* filters = buffer(FILTERS, s.groups * s.panels() * s.depth() * ROWS);
    pack_filters(s, W, filters);
    const std::vector<Place> places = s.places(s.inputs);
    // With few blocks, as for a single image, the outputs are shared out as well.
    const long shares = std::min(s.panels(), parts(2 * threads(), blocks.count())), share = parts(s.panels(), shares);
    share_out(blocks.count() * shares, [&](long task) {
        const Block block = blocks[task / shares];
        const long panel = task % shares * share;
        float* padded = buffer(PADDED, s.in.size());
        for (long c = 0; c < s.in.channels; ++c)
            s.in.fill(x, block, c, padded + c * s.in.channel());
        const std::vector<Tile> tiles = tiles_of(s, block);
        for (long g = 0; g < s.groups; ++g)
            slide_group(s, tiles, padded + g * s.inputs * s.in.channel(), places.data(),
                        filters + g * s.panels() * s.depth() * ROWS, g * s.outputs, panel,
                        std::min(s.panels(), panel + share), y);
    });
}
