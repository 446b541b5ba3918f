// The gradient by the weights of a convolution, without a column matrix:
//
//     dW[o, c, t] += sum over images and positions of
//                    dy[o](r, q) x[c](s r + t_y - top, s q + t_x - left)
//
// As a matrix product: rows are pairs (c, t), read straight from the padded image; columns are
// outputs o, for which dy is transposed; k runs over positions. The sum takes all images, block
// after block, and a task owns some of dW. So there is nothing to reduce, and the result is the
// same for any number of threads.
#pragma once

#include <algorithm>
#include <vector>

#include "across.hpp"
#include "buffer.hpp"
#include "convolution_slides.hpp"
#include "copy.hpp"
#include "isa.hpp"
#include "padded.hpp"
#include "shapes.hpp"
#include "simd.hpp"
#include "slide.hpp"
#include "threads.hpp"
#include "tile.hpp"

namespace ISA {
namespace weights {

constexpr long DEPTH = 256;  // positions at a time: their numbers of dy stay in the first cache
constexpr long TILES = 8;    // of a task, below each other
constexpr long LONG = 128;   // positions of an image that are worth a run of their own
constexpr long LEAST = 512;  // positions of a block that cores share
constexpr long MANY = 64;    // rows of a core

struct Gradient {
    Slide s;  // the forward pass
    Blocks blocks;
    std::vector<Place> places;
    long height = ROWS;  // of a tile

    long panels() const { return parts(s.outputs, COLS); }  // of a group's outputs
    long positions() const { return blocks.images * blocks.rows * s.width; }  // of a block
    long rows() const { return parts(s.pairs(), height) * height; }           // of whole tiles

    // ROWS rows of dW from k on, as what they read from the place `from` of the channels on.
    Rows rows(const float* from, long k) const {
        Rows a;
        for (long j = 0; j < ROWS; ++j)
            a.row[j] = from + places[std::min(k + j, s.pairs() - 1)].offset;
        return a;
    }

    // With a single tap they are channels.
    bool are_channels() const { return s.taps.size() == 1; }
    EvenRows channels(const float* from, long k) const {
        return {from + places[k].offset, s.in.channel()};
    }

    long sums() const { return room(s.groups, panels(), rows(), COLS); }
};

// A task's share of a block: some tiles of one panel of outputs.
struct Share {
    const float* seen;     // the images of the panel's group
    const float* columns;  // the panel: dy, transposed (positions, COLS)
    long width;            // outputs of the panel, at most COLS of which are in it
    long begin, end;       // rows of dW
    long at;               // where the panel begins among the sums (groups, panels, rows, COLS)
};

// Copies a panel of dy (positions, COLS): `width` outputs from `channel` on, filled up with zeros.
inline void transpose(const Gradient& w, const float* dy, const Block& block, long channel,
                      long width, float* to) {
    const long n = block.rows * w.s.width;
    const long channels = w.s.groups * w.s.outputs;
    for (long i = 0; i < block.images; ++i, to += n * COLS) {
        const long plane = (block.image + i) * channels + channel;
        const float* from = dy + plane * w.s.channel + block.row * w.s.width;
        for (long p = 0; p < n; p += LANES)
            for (long j = 0; j < width; j += LANES) {
                vec v[LANES];
                load_across(from + j * w.s.channel + p, w.s.channel, width - j, n - p, v);
                for (int k = 0; k < std::min<long>(LANES, n - p); ++k)
                    store(to + (p + k) * COLS + j, v[k]);
            }
    }
}

// sums = (fresh) or += a share's products over the positions of a block.
inline void add_products(const Gradient& w, const Block& block, const Share& share, float* sums,
                         bool fresh) {
    // Over one run of positions; `from` is the first one's place in the padded image.
    const auto add = [&](const Run& run, long from, const float* columns, bool first) {
        const float* seen = share.seen + from;
        for (long k = share.begin; k < share.end; k += ROWS) {
            const long rows = share.end - k;
            const auto multiply_by = [&](const auto& a) {
                multiply(rows, share.width, a, run, columns, sums + k * COLS, first);
            };
            if (w.are_channels() && rows >= ROWS) multiply_by(w.channels(seen, k));
            else multiply_by(w.rows(seen, k));
        }
    };
    const Padded& in = w.s.in;
    const long line = w.s.width;
    const long all = block.images * block.rows * line;
    const bool no_border = in.rows == block.rows && in.columns == line;
    if (no_border) {  // between the lines, which are one; where x is read in place, one an image
        const long length = in.in_place ? block.rows * line : all;
        for (long start = 0; start < all; start += length)
            for (long n = 0; n < length; n += DEPTH) {
                const Run run{1, std::min(DEPTH, length - n), 0};
                const float* columns = share.columns + (start + n) * COLS;
                add(run, in.position(start / length, 0, n), columns, fresh && !start && !n);
            }
        return;
    }
    const long step = std::max(1L, DEPTH / line);
    for (long i = 0; i < block.images; ++i)
        for (long r = 0; r < block.rows; r += step) {
            const Run run{std::min(step, block.rows - r), line, in.columns};
            const float* columns = share.columns + (i * block.rows + r) * line * COLS;
            add(run, in.position(i, r, 0), columns, fresh && !i && !r);
        }
}

// A block as products read it: padded, unless x is read in place, and dy transposed.
struct LaidOut {
    const Gradient& w;
    const Block& block;
    const float *x, *dy;
    long copied = w.s.in.in_place ? 0 : w.s.in.channels;  // channels
    float* padded = buffer(PADDED, copied ? w.s.in.size() : 0);
    float* columns = buffer(COLUMNS, panels(), size());

    long panels() const { return w.s.groups * w.panels(); }
    long size() const { return w.positions() * COLS; }  // of a panel

    void copy_channel(long i) const {
        w.s.in.fill(x, block, i, padded + i * w.s.in.channel());
    }

    void transpose_panel(long panel) const {
        const long group = panel / w.panels();
        const long first = panel % w.panels() * COLS;
        const long width = std::min<long>(COLS, w.s.outputs - first);
        transpose(w, dy, block, group * w.s.outputs + first, width, columns + panel * size());
    }

    // The share of these rows of dW, for a panel.
    Share share(long panel, long begin, long end) const {
        const long group = panel / w.panels();
        Share share;
        share.seen = copied ? padded : w.s.in.first(x, block);
        share.seen += group * w.s.inputs * w.s.in.channel();
        share.columns = columns + panel * size();
        share.width = w.s.outputs - panel % w.panels() * COLS;
        share.begin = begin;
        share.end = std::min(w.s.pairs(), end);
        share.at = panel * w.rows() * COLS;
        return share;
    }
};

// Rows of dW that each core takes, if they are enough: to transpose all of dy for them is then
// little work. Else 0.
inline long rows_of_a_core(const Gradient& w) {
    const long rows = parts(w.rows(), threads() * ROWS) * ROWS;  // no tile of another core's
    return rows >= MANY ? rows : 0;
}

// Calls work(block, share) for all blocks and the rows begin .. end - 1 of dW, after laying out
// what they read.
template <class Work>
void each_share_of_rows(const Gradient& w, long begin, long end, const float* x, const float* dy,
                        const Work& work) {
    const long taps = w.s.taps.size();
    for (long b = 0; b < w.blocks.count(); ++b) {
        const Block block = w.blocks[b];
        const LaidOut made{w, block, x, dy};
        for (long g = 0; made.copied && g < w.s.groups; ++g)
            for (long c = begin / taps; c < parts(end, taps); ++c)
                made.copy_channel(g * w.s.inputs + c);
        for (long panel = 0; panel < made.panels(); ++panel)
            made.transpose_panel(panel);
        for (long k = begin; k < end; k += TILES * ROWS)  // which stay in the cache for all panels
            for (long panel = 0; panel < made.panels(); ++panel)
                work(block, made.share(panel, k, std::min(end, k + TILES * ROWS)));
    }
}

// Lays out a block together; then calls work(block, share) for each part of dW.
template <class Work>
void each_share_of_block(const Gradient& w, const Block& block, const float* x, const float* dy,
                         const Work& work) {
    const LaidOut made{w, block, x, dy};
    share_out(made.copied + made.panels(), [&](long i) {
        if (i < made.copied) made.copy_channel(i);
        else made.transpose_panel(i - made.copied);
    });
    const long tiles = w.rows() / ROWS * w.panels();
    const long rows = ROWS * std::max(1L, std::min(TILES, tiles / (4 * threads())));
    const long shares = parts(w.rows(), rows);
    share_out(made.panels() * shares, [&](long task) {
        const long begin = task % shares * rows;
        work(block, made.share(task / shares, begin, begin + rows));
    });
}

// Calls work(block, share) for each part of dW, block after block: each core takes rows of its own,
// and lays out by itself what they read, or the cores share each block.
template <class Work>
void each_share(const Gradient& w, const float* x, const float* dy, const Work& work) {
    if (const long rows = rows_of_a_core(w))
        return share_out_ranges(w.s.pairs(), rows, [&](long begin, long end) {
            each_share_of_rows(w, begin, end, x, dy, work);
        });
    for (long b = 0; b < w.blocks.count(); ++b)
        each_share_of_block(w, w.blocks[b], x, dy, work);
}

// `room`: the floats of a block, about; `least`: positions.
inline Gradient gradient(const Convolution& c, long room, long least) {
    const long floats_of_a_position = c.channels * c.stride_y * c.stride_x + c.outputs + 1;
    const long limit = std::max(least, room / floats_of_a_position);
    Gradient w{forward_slide(c), Blocks(c.images, c.out_height, c.out_width, limit), {}};
    w.s.fit(w.blocks);
    if (w.blocks.rows * w.s.width < LONG) w.s.in.in_place = false;  // a copy joins images
    w.places = w.s.places(w.s.inputs);
    return w;
}

}  // namespace weights
}  // namespace ISA
