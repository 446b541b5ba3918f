// How a slide is computed by the matrix unit (slide.hpp says what a slide is).
//
// A panel has BLOCK filters, as bricks. For some pairs at a time, the columns of each tile are
// copied as floats, and then packed as bricks, too. If a sum is not finite, the slide is left to
// multiply-adds: infinite numbers shall give what floats give.
#pragma once

#include <algorithm>
#include <vector>

#include "bricks.hpp"
#include "buffer.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "matrix_unit.hpp"
#include "slide.hpp"
#include "tile.hpp"

#ifdef MATRIX_UNIT
namespace ISA {
namespace bricks {

constexpr long PAIRS = sliding::DEPTH;    // at a time
constexpr long TILE_ROOM = PAIRS * COLS;  // of a tile's bricks
static_assert(COLS == BLOCK, "a tile has the columns of a block");

struct Slides {
    static constexpr long HEIGHT = BLOCK;

    static long panel_size(const Slide& s) { return deep(s.pairs()) * BRICK * 2; }

    static void pack_filters(const Slide& s, const float* filters, long rows, float* to) {
        const long K = s.pairs();
        const Matrix rows_in_order{const_cast<float*>(filters), s.output_step, 1};
        if (s.contiguous()) return pack(rows_in_order, rows, K, Operand::LEFT, to);
        float* panel = buffer(COLUMNS, K, BLOCK);
        sliding::pack_panel(s, filters, rows, BLOCK, panel);
        pack({panel, 1, BLOCK}, rows, K, Operand::LEFT, to);
    }

    // Packs what `depth` places read for each tile.
    static void pack_tiles(const Padded& in, const std::vector<Tile>& tiles, const float* seen,
                           const Place* places, long depth, float* to) {
        float* columns = buffer(COLUMNS, PAIRS, COLS);
        for (const Tile& tile : tiles) {
            for (long k = 0; k < depth; ++k)
                sliding::pack_row(in, seen + places[k].offset, tile, columns + k * COLS);
            pack({columns, 1, COLS}, tile.columns, depth, Operand::RIGHT, to);
            to += TILE_ROOM;
        }
    }

    // Computes a part of y. Returns whether it is finite.
    static bool multiply_part(const Slide& s, const std::vector<Tile>& tiles,
                              const sliding::Part& part, const Place* places, float* y) {
        const MatrixUnit unit;
        const long T = tiles.size();
        const long K = s.pairs();
        const long row = deep(K) * BRICK;  // of filters
        float* columns = buffer(RIGHT_BRICKS, T, TILE_ROOM);
        const bool once = K <= PAIRS;  // then no sums have to wait
        float* sums = buffer(SUMS, once ? 1 : (part.end - part.begin) * T, BLOCK_SIZE);
        bool all_finite = true;
        for (long k0 = 0; k0 < K; k0 += PAIRS) {
            const long depth = std::min(PAIRS, K - k0);
            pack_tiles(s.in, tiles, part.seen, places + k0, depth, columns);
            for (long p = part.begin; p < part.end; ++p) {
                const long rows = std::min(BLOCK, s.outputs - p * BLOCK);
                const Packed filters{part.filters + p * 2 * row + k0 / DEPTH * BRICK, row};
                for (long t = 0; t < T; ++t) {
                    float* sum = once ? sums : sums + ((p - part.begin) * T + t) * BLOCK_SIZE;
                    const Packed right{columns + t * TILE_ROOM, deep(depth) * BRICK};
                    const long width = tiles[t].columns;
                    multiply(rows, width, filters, right, deep(depth), sum, k0 == 0);
                    if (k0 + depth < K) continue;
                    all_finite &= finite(sum, rows, width);
                    sliding::deliver(s, tiles[t], sum, rows, part.channel + p * BLOCK, y);
                }
            }
        }
        return all_finite;
    }
};

}  // namespace bricks
}  // namespace ISA
#endif
