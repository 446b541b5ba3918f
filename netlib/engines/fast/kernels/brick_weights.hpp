// The gradient by the weights of a convolution by the matrix unit (weights.hpp says what it is).
//
// Here a tile of 32 positions (slide.hpp) is the k of a brick. A task owns the gradients of BLOCK
// pairs, for all outputs of a group: it packs what the pairs read as rows, and multiplies them by
// columns of dy, which are packed once. If a sum is not finite, the gradient is left to
// multiply-adds.
#pragma once

#include <algorithm>
#include <vector>

#include "bricks.hpp"
#include "buffer.hpp"
#include "copy.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "matrix_unit.hpp"
#include "padded.hpp"
#include "shapes.hpp"
#include "slide.hpp"
#include "threads.hpp"
#include "tile.hpp"
#include "weights.hpp"
#include "weights_sums.hpp"

#ifdef MATRIX_UNIT
namespace ISA {
namespace bricks {

constexpr long TILES = 64;  // that a task multiplies at a time: its rows stay in a cache

// A block of the batch, laid out for all tasks.
struct Layout {
    Block block;
    std::vector<Tile> tiles;
    const float* seen;  // the images
    float* outputs;  // bricks (groups, sides of a group's outputs, tiles)

    long room(long sides) const { return sides * tiles.size() * BRICK; }
};

// Packs `n` lines of numbers for the positions of a tile; line(i, to) copies one of them.
template <class Line>
void pack_lines(const Tile& tile, long n, Operand operand, const Line& line, float* to) {
    alignas(64) float lines[SIDE * COLS + SPILL];
    for (long i = 0; i < n; ++i)
        line(i, lines + i * COLS);
    pack_brick({lines, COLS, 1}, n, tile.columns, operand, to);
}

// Packs the numbers of dy of SIDE outputs from `first` on, tile after tile.
inline void pack_outputs(const Slide& s, const std::vector<Tile>& tiles, const float* dy,
                         long group, long first, float* to) {
    const float* from = dy + (group * s.outputs + first) * s.channel;
    for (const Tile& tile : tiles) {
        const auto line = [&](long i, float* numbers) {
            for (const Stretch& stretch : tile.writes)
                copy(numbers + stretch.start, from + i * s.channel + stretch.place, stretch.length);
        };
        pack_lines(tile, std::min(SIDE, s.outputs - first), Operand::RIGHT, line, to);
        to += BRICK;
    }
}

// Packs what `n` pairs read, tile after tile.
inline void pack_pairs(const Padded& in, const Tile* tiles, long count, const float* seen,
                       const Place* pairs, long n, float* to) {
    for (const Tile* tile = tiles; tile < tiles + count; ++tile, to += BRICK) {
        const auto line = [&](long i, float* numbers) {
            sliding::pack_row(in, seen + pairs[i].offset, *tile, numbers);
        };
        pack_lines(*tile, n, Operand::LEFT, line, to);
    }
}

// sums (panels, rows, COLS) = (fresh) or += products of a block, for BLOCK pairs from k on. Returns
// whether all are finite.
inline bool add_products(const weights::Gradient& w, const Layout& layout, long group, long k,
                         float* sums, bool fresh) {
    const MatrixUnit unit;
    const long T = layout.tiles.size();
    const long row = layout.room(1);  // of outputs
    const long sides = parts(w.s.outputs, SIDE);
    const long n = std::min(BLOCK, w.s.pairs() - k);
    const float* seen = layout.seen + group * w.s.inputs * w.s.in.channel();
    float* pairs = buffer(LEFT_BRICKS, 2 * TILES, BRICK);
    bool all_finite = true;
    for (long t = 0; t < T; t += TILES) {
        const long count = std::min(TILES, T - t);
        for (long side = 0; side < n; side += SIDE)
            pack_pairs(w.s.in, &layout.tiles[t], count, seen, &w.places[k + side],
                       std::min(SIDE, n - side), pairs + side / SIDE * count * BRICK);
        for (long o = 0; o < w.s.outputs; o += BLOCK) {
            const float* outputs = layout.outputs + layout.room(group * sides + o / SIDE);
            float* sum = sums + (o / BLOCK * w.rows() + k) * COLS;
            const long width = std::min(BLOCK, w.s.outputs - o);
            multiply(n, width, {pairs, count * BRICK}, {outputs + t * BRICK, row}, count, sum,
                     fresh && !t);
            all_finite &= finite(sum, n, width);
        }
    }
    return all_finite;
}

// dW += the gradient. Returns whether it is finite; if not, dW is as before.
inline bool backward_weights(const Convolution& c, const float* x, const float* dy, float* dW) {
    weights::Gradient w = weights::gradient(c, 1 << 20, weights::LEAST);
    w.height = BLOCK;
    const long sides = parts(w.s.outputs, SIDE);
    const long shares = w.rows() / BLOCK;
    float* sums = buffer(SUMS, w.sums());
    const Padded& in = w.s.in;
    float* padded = buffer(PADDED, in.in_place ? 0 : in.size());
    bool all_finite = true;
    for (long i = 0; i < w.blocks.count() && all_finite; ++i) {
        const Block block = w.blocks[i];
        const float* seen = in.in_place ? in.first(x, block) : padded;
        Layout layout{block, sliding::tiles_of(w.s, block), seen, nullptr};
        layout.outputs = buffer(RIGHT_BRICKS, layout.room(w.s.groups * sides));
        share_out((in.in_place ? 0 : in.channels) + w.s.groups * sides, [&](long task) {
            const long channel = task - w.s.groups * sides;
            if (channel >= 0)
                return in.fill(x, block, channel, padded + channel * in.channel());
            pack_outputs(w.s, layout.tiles, dy, task / sides, task % sides * SIDE,
                         layout.outputs + layout.room(task));
        });
        all_finite = share_out_all(w.s.groups * shares, false, [&](long task) {
            const long group = task / shares;
            float* of_group = sums + group * w.panels() * w.rows() * COLS;
            return add_products(w, layout, group, task % shares * BLOCK, of_group, i == 0);
        });
    }
    if (all_finite) weights::deliver(w, sums, false, dW);
    return all_finite;
}

}  // namespace bricks
}  // namespace ISA
#endif
