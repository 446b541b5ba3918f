// Convolution as a matrix product without a column matrix (an implicit GEMM).
//
// A slide is a sum of shifted images,
//
//     y[m](r, q) = sum over channels c and taps t of
//                  A[m, c, t] x[c](s r + t_y - top, s q + t_x - left)
//
// The forward pass is one slide; its taps are the places of the kernel. The gradient by the data is
// one slide over dy for each phase of the stride: dx at s r + p depends on dy at r - a through the
// kernel's place s a + p.
//
// A task is a block of positions. If need be, it pads its part of the images, which is small enough
// for the second-level cache, and multiplies: for DEPTH pairs (c, t) at a time it copies the rows
// that they read as panels of COLS positions.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "across.hpp"
#include "buffer.hpp"
#include "copy.hpp"
#include "finish.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "padded.hpp"
#include "simd.hpp"
#include "threads.hpp"
#include "tile.hpp"

namespace ISA {

// A place of the kernel: its offset in the padded image, and its number in the kernel.
struct Tap {
    long y, x, number;
};

// Where in the buffer of padded images a pair (c, t) begins to read.
struct Place {
    long offset;
};

struct Slide {
    Padded in;
    long groups, inputs, outputs;  // channels of a group
    long height, width;            // rows and columns of positions in an image
    long channel, row, column;     // floats between neighbors in y
    long output_step, input_step;  // floats between filters in W, by output and by input
    long kernel;                   // places in a kernel
    std::vector<Tap> taps;
    Finish finish;

    long pairs() const { return inputs * taps.size(); }  // (c, t): the K of the product

    // Whether the numbers of a filter are those of its pairs, in the same order.
    bool contiguous() const { return input_step == kernel && long(taps.size()) == kernel; }

    std::vector<Place> places(long channels) const {
        std::vector<Place> places;
        for (long c = 0; c < channels; ++c)
            for (const Tap& t : taps)
                places.push_back({c * in.channel() + in.at(t.y, t.x)});
        return places;
    }

    // Makes room in the buffer for a block and for what the taps read beyond it, if x has to be
    // copied for that.
    void fit(const Blocks& blocks) {
        long y = 0;
        long x = 0;
        for (const Tap& t : taps) {
            y = std::max(y, t.y / in.stride_y);
            x = std::max(x, t.x / in.stride_x);
        }
        in.images = blocks.images;
        in.rows = blocks.rows + y;
        in.columns = width + x;
        in.in_place = in.is_plain() && height + y <= in.height;
    }
};

// Some columns of a tile that lie side by side at `place` of the padded image, or of y.
struct Stretch {
    long start, length, place;
};

// The columns of a tile, which are positions: where they read, and where they write.
struct Tile {
    std::vector<Stretch> reads, writes;
    long columns;
};

namespace sliding {

constexpr long DEPTH = 256;      // pairs at a time
constexpr long POSITIONS = 512;  // of a block, at most

// Appends a stretch, or lengthens the last one.
inline void add(std::vector<Stretch>& to, Stretch more) {
    const bool adjoins = !to.empty() && to.back().place + to.back().length == more.place;
    if (adjoins) to.back().length += more.length;
    else to.push_back(more);
}

// Cuts a block into tiles: its positions row by row, image by image.
inline std::vector<Tile> tiles_of(const Slide& s, const Block& block) {
    const long of_image = block.rows * s.width;
    const long all = block.images * of_image;
    std::vector<Tile> tiles;
    for (long start = 0; start < all; start += COLS) {
        Tile tile{{}, {}, std::min<long>(COLS, all - start)};
        for (long n = 0, length; n < tile.columns; n += length) {
            const long i = (start + n) / of_image;
            const long r = (start + n) % of_image / s.width;
            const long q = (start + n) % s.width;
            length = std::min(s.width - q, tile.columns - n);
            add(tile.reads, {n, length, s.in.position(i, r, q)});
            const long image = (block.image + i) * s.groups * s.outputs * s.channel;
            const long to = image + (block.row + r) * s.row + q * s.column;
            if (s.column == 1) add(tile.writes, {n, length, to});
            else tile.writes.push_back({n, length, to});
        }
        tiles.push_back(std::move(tile));
    }
    return tiles;
}

// Copies a row of a tile's panel: what one place reads. Stretches go from left to right and row by
// row, so the next one overwrites what a copy writes beyond its stretch.
inline void pack_row(const Padded& in, const float* from, const Tile& tile, float* to) {
    const Stretch* const first = tile.reads.data();
    const Stretch* const end = first + tile.reads.size();
    for (const Stretch* s = first; s < end; ++s)
        in.read(from + s->place, s->length, to + s->start);
}

// Floats from the panel of a tile to the next one's. A row may be copied beyond its end.
constexpr long panel_step(long depth) { return depth * COLS + LANES; }

// Copies the panels of all tiles: what `depth` places read, one place after the other, since what
// neighboring tiles read is side by side.
inline void pack(const Padded& in, const float* seen, const Place* places, long depth,
                 const std::vector<Tile>& tiles, float* to) {
    for (long k = 0; k < depth; ++k, to += COLS) {
        float* row = to;
        for (const Tile& tile : tiles) {
            pack_row(in, seen + places[k].offset, tile, row);
            row += panel_step(depth);
        }
    }
}

// Fetches what `deliver` will write.
inline void fetch_outputs(const Slide& s, const Tile& tile, long rows, long channel, float* y) {
    y += channel * s.channel;
    for (long i = 0; i < rows; ++i, y += s.channel)
        for (const Stretch& w : tile.writes) {
            __builtin_prefetch(y + w.place, 1);
            __builtin_prefetch(y + w.place + w.length - 1, 1);
        }
}

// Stores the sums of `rows` outputs, from `channel` on.
inline void deliver(const Slide& s, const Tile& tile, float* sums, long rows, long channel,
                    float* y) {
    y += channel * s.channel;
    for (long i = 0; i < rows; ++i, sums += COLS, y += s.channel) {
        const auto finished = s.finish.channel(channel + i);
        for (long lane = 0; s.finish && lane < tile.columns; lane += LANES)
            store(sums + lane, finished(load(sums + lane)));
        for (const Stretch& w : tile.writes)
            scatter(y + w.place, sums + w.start, s.column, w.length);
    }
}

// Copies `rows` filters as a panel (pairs, height), filled up with zeros.
inline void pack_panel(const Slide& s, const float* filters, long rows, long height, float* panel) {
    const long T = s.taps.size();
    const long K = s.pairs();
    if (s.contiguous()) {
        for (long k = 0; k < K; k += LANES)
            for (long i = 0; i < height; i += LANES) {
                vec numbers[LANES];
                load_across(filters + i * s.output_step + k, s.output_step, rows - i, K - k,
                            numbers);
                for (long j = 0; j < std::min<long>(LANES, K - k); ++j) {
                    float* to = panel + (k + j) * height + i;
                    if (height < LANES && k + j + 1 < K) store(to, numbers[j]);  // rest overwritten
                    else store_part(to, numbers[j], height - i);
                }
            }
        return;
    }
    for (long c = 0; c < s.inputs; ++c)
        for (long t = 0; t < T; ++t, panel += height) {
            const float* from = filters + c * s.input_step + s.taps[t].number;
            gather(panel, from, s.output_step, rows);
            std::fill(panel + rows, panel + height, 0.f);
        }
}

// Some panels of a group's filters, and what they make of a block.
struct Part {
    const float* seen;     // the images of the group
    const float* filters;  // of all panels
    long channel;          // the group's first one, in y
    long begin, end;       // panels
};

// Multiplies by multiply-adds, panels of HEIGHT filters by tiles of positions.
struct MultiplyAdds {
    static constexpr long HEIGHT = ROWS;

    static long panel_size(const Slide& s) { return s.pairs() * HEIGHT; }

    static void pack_filters(const Slide& s, const float* filters, long rows, float* to) {
        pack_panel(s, filters, rows, HEIGHT, to);
    }

    // Computes a part of y. Returns whether it could.
    static bool multiply_part(const Slide& s, const std::vector<Tile>& tiles, const Part& part,
                              const Place* places, float* y) {
        const long T = tiles.size();
        const long K = s.pairs();
        float* columns = buffer(COLUMNS, T, panel_step(DEPTH));
        const bool once = K <= DEPTH;  // then no sums have to wait
        float* sums = buffer(SUMS, once ? TILE_SIZE : (part.end - part.begin) * T * TILE_SIZE);
        for (long k0 = 0; k0 < K || k0 == 0; k0 += DEPTH) {
            const long depth = std::min(DEPTH, K - k0);
            const bool last = k0 + depth >= K;
            pack(s.in, part.seen, places + k0, depth, tiles, columns);
            for (long p = part.begin; p < part.end; ++p) {
                const long rows = std::min<long>(ROWS, s.outputs - p * ROWS);
                const Panel panel{part.filters + (p * K + k0) * ROWS};
                const long channel = part.channel + p * ROWS;
                for (long t = 0; t < T; ++t) {
                    if (last) fetch_outputs(s, tiles[t], rows, channel, y);
                    float* sum = once ? sums : sums + ((p - part.begin) * T + t) * TILE_SIZE;
                    multiply(rows, tiles[t].columns, panel, Run{1, depth, 0},
                             columns + t * panel_step(depth), sum, k0 == 0);
                    if (last) deliver(s, tiles[t], sum, rows, channel, y);
                }
            }
        }
        return true;
    }
};

// Packs the filters of each group, panel after panel.
template <class Way>
void pack_all_filters(const Slide& s, const float* W, long panels, bool alone, float* to) {
    const auto pack_panel = [&](long task) {
        const long g = task / panels;
        const long first = task % panels * Way::HEIGHT;
        const long rows = std::min(Way::HEIGHT, s.outputs - first);
        const float* filters = W + g * s.inputs * s.outputs * s.kernel + first * s.output_step;
        Way::pack_filters(s, filters, rows, to + task * Way::panel_size(s));
    };
    if (!alone) return share_out(s.groups * panels, pack_panel);
    for (long task = 0; task < s.groups * panels; ++task)
        pack_panel(task);
}

}  // namespace sliding

// y = the slide of all images of x with the filters W; `images` in all. Returns whether this way
// could compute it.
template <class Way = sliding::MultiplyAdds>
bool slide(Slide s, const float* x, const float* W, float* y, long images) {
    using namespace sliding;
    const Blocks blocks(images, s.height, s.width, POSITIONS);
    if (!blocks.count()) return true;
    s.fit(blocks);
    const long panels = parts(s.outputs, Way::HEIGHT);  // of a group
    const long filters_of_group = panels * Way::panel_size(s);
    float* filters = buffer(FILTERS, s.groups, filters_of_group);
    const double positions = 1. * images * s.height * s.width;
    const bool alone = tasks_for(positions * s.groups * s.outputs * s.pairs()) == 1;
    pack_all_filters<Way>(s, W, panels, alone, filters);
    const std::vector<Place> places = s.places(s.inputs);
    // With few blocks, as for a single image, the outputs are shared out as well.
    const long shares = std::min(panels, parts(2 * threads(), blocks.count()));
    const long share = parts(panels, shares);
    return share_out_all(blocks.count() * shares, alone, [&](long task) {
        const Block block = blocks[task / shares];
        const long panel = task % shares * share;
        const float* seen = lay_out(s.in, x, block);
        const std::vector<Tile> tiles = tiles_of(s, block);
        bool computed = true;
        for (long g = 0; g < s.groups; ++g) {
            const Part part{seen + g * s.inputs * s.in.channel(), filters + g * filters_of_group,
                            g * s.outputs, panel, std::min(panels, panel + share)};
            computed &= Way::multiply_part(s, tiles, part, places.data(), y);
        }
        return computed;
    });
}

}  // namespace ISA
