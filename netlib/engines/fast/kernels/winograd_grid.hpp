// A convolution of stride 1 cut into Winograd's cells, and the transform of its patches.
//
// The lanes of a vector are channels: whatever the width of an image, a transform is a few dozen
// operations on whole vectors. After the transform the cells of a block stand below each other: for
// each of the places there is one matrix (cells, channels).
#pragma once

#include <algorithm>
#include <utility>

#include "band.hpp"
#include "buffer.hpp"
#include "finish.hpp"
#include "isa.hpp"
#include "padded.hpp"
#include "shapes.hpp"
#include "simd.hpp"
#include "threads.hpp"
#include "tile.hpp"
#include "winograd.hpp"

namespace ISA {
namespace winograd {

// Floats that the second-level cache of a core holds; somewhat more, for a start of what it holds;
// and those of the last-level cache.
constexpr long NEAR_ROOM = 1 << 18;
constexpr long NEXT_ROOM = 1 << 19;
constexpr long FAR_ROOM = 1 << 21;

template <int FILTER>
struct Grid {
    static constexpr int PATCH = FILTER + CELL - 1;
    static constexpr int PLACES = PATCH * PATCH;

    long groups, inputs, outputs;  // channels of a group
    long height, width;            // of x
    long top, left;                // rows and columns of zeros before x
    long out_height, out_width;
    long output_step, input_step;  // floats between filters in W, by output and by input
    bool backward;                 // the gradient by the data: dy with the filters turned around
    Finish finish;
    Blocks blocks;  // whose rows are rows of cells

    // In one block.
    Grid(const Convolution& c, bool backward, Finish finish = {})
        : groups(c.groups),
          inputs(c.inputs_of_group()),
          outputs(c.outputs_of_group()),
          height(c.height),
          width(c.width),
          top(c.pad_y),
          left(c.pad_x),
          out_height(c.out_height),
          out_width(c.out_width),
          output_step(inputs * FILTER * FILTER),
          input_step(FILTER * FILTER),
          backward(backward),
          finish(finish),
          blocks(c.images, 1, 1, 1) {
        if (backward) {
            std::swap(inputs, outputs);
            std::swap(height, out_height);
            std::swap(width, out_width);
            std::swap(output_step, input_step);
            top = FILTER - 1 - top;
            left = FILTER - 1 - left;
        }
        blocks.images = c.images;
        blocks.height = blocks.rows = parts(out_height, CELL);
    }

    // In blocks of about so many cells.
    Grid in_blocks(long cells) const {
        Grid grid = *this;
        const long limit = std::clamp<long>(cells, ROWS, 1024);
        grid.blocks = Blocks(blocks.all_images, blocks.height, across(), limit, ROWS);
        return grid;
    }

    // In so many blocks, or somewhat fewer: whole images, if there are enough.
    Grid in_parts(long count) const {
        Grid grid = *this;
        const long of_an_image = parts(count, blocks.all_images);
        grid.blocks.images = parts(blocks.all_images, count);
        grid.blocks.rows = parts(blocks.height, of_an_image);
        return grid;
    }

    long across() const { return parts(out_width, CELL); }  // cells in a row
    long channels() const { return groups * inputs; }
    long vectors() const { return parts(channels(), LANES); }
    long panels() const { return parts(outputs, COLS); }  // of a group
    long cells() const { return blocks.images * blocks.rows * across(); }
    long whole_tiles() const { return parts(cells(), ROWS) * ROWS; }  // their cells
    long cells_of(const Block& b) const { return b.images * b.rows * across(); }

    // Floats between panels in the filters (group, panel, inputs, COLS), and between places of
    // these, with a gap as between those of patches.
    long filters_of_panel() const { return inputs * COLS; }
    long filters_step() const { return groups * panels() * filters_of_panel() + LANES; }

    // Floats of the transforms of a cell, with those of all outputs or of a panel.
    long floats_of_a_cell() const { return PLACES * (cell_step() + groups * panels() * COLS); }
    long floats_by_panels() const { return PLACES * (cell_step() + COLS); }

    // Floats between cells in the patches. It is an odd number of vectors, since steps of a power
    // of two crowd few sets of a cache; for the same reason there is a gap between places. The last
    // tile reads rows beyond the cells.
    long cell_step() const { return (vectors() | 1) * LANES; }
    long patches_step() const { return whole_tiles() * cell_step() + LANES; }

    // Floats between panels in matrices (group, panel, cells, COLS), and between places of these.
    long panel_step() const { return whole_tiles() * COLS; }
    long panels_step() const { return groups * panels() * panel_step() + LANES; }

    // The rows of x that a block reads, and the rows of y that it holds.
    Band in(const Block& b) const {
        const long rows = b.rows * CELL + FILTER - 1;
        const long columns = across() * CELL + FILTER - 1;
        return {height, width, top - b.row * CELL, left, rows, columns};
    }
    Band out(const Block& b) const {
        return {out_height, out_width, -b.row * CELL, 0, b.rows * CELL, across() * CELL};
    }
};

// patches (PLACES, cells, channels): B' d B of a block, for the channels of a vector.
template <int FILTER>
void transform_patches(const Grid<FILTER>& grid, const Block& block, const float* x, long vector,
                       float* patches) {
    constexpr int PATCH = Grid<FILTER>::PATCH;
    const Band band = grid.in(block);
    const long first = vector * LANES;
    const long channels = grid.channels() - first;
    const long plane = grid.height * grid.width;
    const long row = band.columns * LANES;
    const long step = grid.patches_step();
    float* seen = buffer(PADDED, band.size());
    float* to = patches + first;
    for (long i = 0; i < block.images; ++i) {
        const long channel = (block.image + i) * grid.channels() + first;
        band.fill(x + channel * plane, plane, channels, seen);
        for (long r = 0; r < block.rows; ++r)
            for (long q = 0; q < grid.across(); ++q, to += grid.cell_step()) {
                const float* from = seen + (r * band.columns + q) * CELL * LANES;
                transform<PatchTransform<PATCH>>(
                    [=](int i, int j) { return load(from + i * row + j * LANES); },
                    [=](int i, int j, vec v) { store(to + (i * PATCH + j) * step, v); });
            }
    }
}

// The same for all channels of the groups begin .. end - 1.
template <int FILTER>
void transform_patches(const Grid<FILTER>& grid, const Block& block, const float* x, long begin,
                       long end, float* patches) {
    const long last = parts(end * grid.inputs, LANES);
    for (long v = begin * grid.inputs / LANES; v < last; ++v)
        transform_patches(grid, block, x, v, patches);
}

}  // namespace winograd
}  // namespace ISA
