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
// A task is a block of positions. It pads its part of the images, which is small enough for the
// second-level cache, and multiplies: for DEPTH pairs (c, t) at a time it copies the rows that they
// read as panels of COLS positions.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "across.hpp"
#include "buffer.hpp"
#include "copy.hpp"
#include "finish.hpp"
#include "isa.hpp"
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

    long pairs() const { return inputs * taps.size(); }   // (c, t): the K of the product
    long panels() const { return parts(outputs, ROWS); }  // of a group's filters

    std::vector<Place> places(long channels) const {
        std::vector<Place> places;
        for (long c = 0; c < channels; ++c)
            for (const Tap& t : taps)
                places.push_back({c * in.channel() + in.at(t.y, t.x)});
        return places;
    }

    // Makes room in the buffer for a block and for what the taps read beyond it.
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
constexpr long POSITIONS = 256;  // of a block, at most

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

// Copies the panel of a tile: what `depth` places read. Stretches go from left to right and row by
// row, so the next one overwrites what a copy writes beyond its stretch.
inline void pack(const float* padded, const Place* places, long depth, const Tile& tile,
                 float* to) {
    const Stretch* const first = tile.reads.data();
    const Stretch* const end = first + tile.reads.size();
    for (long k = 0; k < depth; ++k, to += COLS)
        for (const Stretch* s = first; s < end; ++s)
            copy_beyond(to + s->start, padded + places[k].offset + s->place, s->length);
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

// Copies `rows` filters as a panel (pairs, ROWS), filled up with zeros.
inline void pack_panel(const Slide& s, const float* filters, long rows, float* panel) {
    const long T = s.taps.size();
    const long K = s.pairs();
    const bool contiguous = s.input_step == s.kernel && T == s.kernel;  // the numbers of a filter
    if (contiguous) {
        for (long k = 0; k < K; k += LANES)
            for (long i = 0; i < ROWS; i += LANES) {
                const float* from = filters + i * s.output_step + k;
                vec numbers[LANES];
                load_across(from, s.output_step, rows - i, K - k, numbers);
                for (long j = 0; j < std::min<long>(LANES, K - k); ++j)
                    store_part(panel + (k + j) * ROWS + i, numbers[j], ROWS - i);
            }
        return;
    }
    for (long c = 0; c < s.inputs; ++c)
        for (long t = 0; t < T; ++t, panel += ROWS) {
            const float* from = filters + c * s.input_step + s.taps[t].number;
            gather(panel, from, s.output_step, rows);
            std::fill(panel + rows, panel + ROWS, 0.f);
        }
}

// Copies the filters of each group, panel after panel.
inline void pack_filters(const Slide& s, const float* W, float* to) {
    share_out(s.groups * s.panels(), [&](long task) {
        const long g = task / s.panels();
        const long first = task % s.panels() * ROWS;
        const long rows = std::min<long>(ROWS, s.outputs - first);
        const float* filters = W + g * s.inputs * s.outputs * s.kernel + first * s.output_step;
        pack_panel(s, filters, rows, to + task * s.pairs() * ROWS);
    });
}

// Computes panels panel0 .. panel1 - 1 of a group's outputs, which begin at `channel`, for one
// block of positions.
inline void slide_group(const Slide& s, const std::vector<Tile>& tiles, const float* padded,
                        const Place* places, const float* filters, long channel, long panel0,
                        long panel1, float* y) {
    const long T = tiles.size();
    const long K = s.pairs();
    float* columns = buffer(COLUMNS, T, DEPTH, COLS);
    const bool once = K <= DEPTH;  // then no sums have to wait
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
                multiply(rows, tiles[t].columns, panel, Run{1, depth, 0},
                         columns + t * depth * COLS, sum, k0 == 0);
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
    const long filters_of_group = s.panels() * s.pairs() * ROWS;
    float* filters = buffer(FILTERS, s.groups, filters_of_group);
    pack_filters(s, W, filters);
    const std::vector<Place> places = s.places(s.inputs);
    // With few blocks, as for a single image, the outputs are shared out as well.
    const long shares = std::min(s.panels(), parts(2 * threads(), blocks.count()));
    const long share = parts(s.panels(), shares);
    share_out(blocks.count() * shares, [&](long task) {
        const Block block = blocks[task / shares];
        const long panel = task % shares * share;
        const long end = std::min(s.panels(), panel + share);
        float* padded = buffer(PADDED, s.in.size());
        for (long c = 0; c < s.in.channels; ++c)
            s.in.fill(x, block, c, padded + c * s.in.channel());
        const std::vector<Tile> tiles = tiles_of(s, block);
        for (long g = 0; g < s.groups; ++g)
            slide_group(s, tiles, padded + g * s.inputs * s.in.channel(), places.data(),
                        filters + g * filters_of_group, g * s.outputs, panel, end, y);
    });
}

}  // namespace ISA
