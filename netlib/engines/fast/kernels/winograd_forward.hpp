// The forward pass of a convolution by Winograd's transform, and its gradient by the data.
//
// The steps: transform the filters; then, block by block, transform the patches, multiply, and
// transform the cells back. There are three ways to share them out among cores:
//
// - Where a core's cache has room for the transforms of a block, each core takes blocks of its own.
// - Where one block is all there is, each core takes some outputs; it transforms their filters just
//   before it multiplies by them.
// - Else the cores share each step of each block.
#pragma once

#include <algorithm>

#include "across.hpp"
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
#include "winograd_grid.hpp"

namespace ISA {
namespace winograd {

// Cells that make a block worthwhile, since for each block all filters are read: where these stay
// in the last-level cache, and where they do not.
constexpr long ENOUGH_CELLS = 24;
constexpr long MANY_CELLS = 32;

// Filters of a panel of outputs, (inputs, COLS) for each place, `step` apart: S E g E' S, for the
// vector of outputs from `first` on. Lanes without an output hold zeros.
template <int FILTER>
void transform_filters(const Grid<FILTER>& grid, const float* W, long group, long first, float* to,
                       long step) {
    constexpr int SIZE = FILTER * FILTER;
    constexpr int PATCH = Grid<FILTER>::PATCH;
    const long outputs = grid.outputs - first;
    const float* from = W + group * grid.inputs * grid.outputs * SIZE + first * grid.output_step;
    to += first % COLS;
    for (long c = 0; c < grid.inputs; ++c, from += grid.input_step, to += COLS) {
        vec g[parts(SIZE, LANES) * LANES];
        for (long k = 0; k < SIZE; k += LANES)
            load_across(from + k, grid.output_step, outputs, SIZE - k, g + k);
        if (grid.backward) std::reverse(g, g + SIZE);
        const auto put = [&](int i, int j, vec v) {
            store(to + (i * PATCH + j) * step, scale<PATCH>(i, j) * v);
        };
        transform<Evaluate<FILTER, PATCH>>([&](int i, int j) { return g[i * FILTER + j]; }, put);
    }
}

// products (cells, COLS) of one place and one panel.
template <int FILTER>
void multiply_panel(const Grid<FILTER>& grid, long cells, long cols, const float* filters,
                    const float* patches, float* products) {
    for (long t = 0; t < cells; t += ROWS) {
        const EvenRows rows{patches + t * grid.cell_step(), grid.cell_step()};
        multiply(cells - t, cols, rows, Run{1, grid.inputs, 0}, filters, products + t * COLS, true);
    }
}

// One vector of outputs of a block: E' m E, finished and stored in y. The products m of its panel
// lie `step` apart for each place.
template <int FILTER>
void transform_back(const Grid<FILTER>& grid, const Block& block, long group, long first,
                    const float* products, long step, float* y) {
    constexpr int PATCH = Grid<FILTER>::PATCH;
    const Band band = grid.out(block);
    const long outputs = grid.outputs - first;
    const long plane = grid.out_height * grid.out_width;
    const long channel = group * grid.outputs + first;
    const long row = band.columns * LANES;
    const float* from = products + first % COLS;
    const auto finished = grid.finish.channels(channel, outputs);
    float* made = buffer(LINE, band.size());
    for (long i = 0; i < block.images; ++i) {
        for (long r = 0; r < block.rows; ++r)
            for (long q = 0; q < grid.across(); ++q, from += COLS) {
                float* to = made + (r * band.columns + q) * CELL * LANES;
                transform<Collect<CELL, PATCH>>(
                    [=](int i, int j) { return load(from + (i * PATCH + j) * step); },
                    [&](int i, int j, vec v) { store(to + i * row + j * LANES, finished(v)); });
            }
        const long image = (block.image + i) * grid.groups * grid.outputs;
        band.empty(made, y + (image + channel) * plane, plane, outputs);
    }
}

// y of a block, for a panel of outputs. Its filters (inputs, COLS) lie `size` apart for each place.
template <int FILTER>
void make_panel(const Grid<FILTER>& grid, const Block& block, long group, long first,
                const float* patches, const float* filters, long size, float* y) {
    const long end = std::min(grid.outputs, first + COLS);
    const long step = grid.panel_step() + LANES;
    float* products = buffer(PRODUCTS, grid.PLACES, step);
    for (long place = 0; place < grid.PLACES; ++place)
        multiply_panel(grid, grid.cells_of(block), end - first, filters + place * size,
                       patches + place * grid.patches_step() + group * grid.inputs,
                       products + place * step);
    for (long v = first; v < end; v += LANES)
        transform_back(grid, block, group, v, products, step, y);
}

// Filters of all panels, (PLACES, group, panel, inputs, COLS).
template <int FILTER>
float* transform_all_filters(const Grid<FILTER>& grid, const float* W) {
    const long vectors = parts(grid.outputs, LANES);
    const long panels = grid.groups * grid.panels();
    const long size = grid.inputs * COLS;
    float* filters = buffer(FILTERS, grid.PLACES, panels, size);
    share_out(grid.groups * vectors, [&](long i) {
        const long group = i / vectors;
        const long first = i % vectors * LANES;
        const long panel = group * grid.panels() + first / COLS;
        transform_filters(grid, W, group, first, filters + panel * size, panels * size);
    });
    return filters;
}

// Each core takes blocks of its own.
template <int FILTER>
void forward_near(const Grid<FILTER>& grid, const float* x, const float* W, float* y) {
    const float* filters = transform_all_filters(grid, W);
    const long panels = grid.groups * grid.panels();
    const long size = grid.inputs * COLS;
    share_out_equal(grid.blocks.count(), [&](long b) {
        const Block block = grid.blocks[b];
        float* patches = buffer(PATCHES, grid.PLACES, grid.patches_step());
        for (long v = 0; v < grid.vectors(); ++v)
            transform_patches(grid, block, x, v, patches);
        for (long i = 0; i < panels; ++i)
            make_panel(grid, block, i / grid.panels(), i % grid.panels() * COLS, patches,
                       filters + i * size, panels * size, y);
    });
}

// All cells as one block. Each core takes panels of outputs.
template <int FILTER>
void forward_panels(const Grid<FILTER>& grid, const float* x, const float* W, float* y) {
    const Block all = grid.blocks[0];
    float* patches = buffer(PATCHES, grid.PLACES, grid.patches_step());
    share_out(grid.vectors(), [&](long v) { transform_patches(grid, all, x, v, patches); });
    share_out(grid.groups * grid.panels(), [&](long i) {
        const long group = i / grid.panels();
        const long first = i % grid.panels() * COLS;
        const long size = grid.inputs * COLS;
        float* filters = buffer(FILTERS, grid.PLACES, size);
        for (long v = first; v < std::min(grid.outputs, first + COLS); v += LANES)
            transform_filters(grid, W, group, v, filters, size);
        make_panel(grid, all, group, first, patches, filters, size, y);
    });
}

// The cores share each step of a block.
template <int FILTER>
void forward_block(const Grid<FILTER>& grid, const Block& block, const float* x,
                   const float* filters, float* y) {
    const long panels = grid.groups * grid.panels();
    const long vectors = parts(grid.outputs, LANES);
    float* patches = buffer(PATCHES, grid.PLACES, grid.patches_step());
    float* products = buffer(PRODUCTS, grid.PLACES, grid.panels_step());
    share_out(grid.vectors(), [&](long v) { transform_patches(grid, block, x, v, patches); });
    share_out(grid.PLACES * panels, [&](long i) {
        const long place = i / panels;
        const long panel = i % panels;
        const long group = panel / grid.panels();
        const long cols = grid.outputs - panel % grid.panels() * COLS;
        multiply_panel(grid, grid.cells_of(block), cols, filters + i * grid.inputs * COLS,
                       patches + place * grid.patches_step() + group * grid.inputs,
                       products + place * grid.panels_step() + panel * grid.panel_step());
    });
    share_out(grid.groups * vectors, [&](long i) {
        const long group = i / vectors;
        const long first = i % vectors * LANES;
        const long panel = group * grid.panels() + first / COLS;
        const float* from = products + panel * grid.panel_step();
        transform_back(grid, block, group, first, from, grid.panels_step(), y);
    });
}

template <int FILTER>
void convolve(const Convolution& c, bool backward, const float* x, const float* W, float* y,
              Finish finish = {}) {
    const Grid<FILTER> whole(c, backward, finish);
    const auto pays = [&](long cells, long blocks_of_a_core) {
        const long enough = whole.filters_size() <= FAR_ROOM ? ENOUGH_CELLS : MANY_CELLS;
        const long blocks = whole.in_blocks(cells).blocks.count();
        return cells >= enough && blocks >= blocks_of_a_core * threads();
    };
    const long near = NEAR_ROOM / whole.floats_by_panels();
    if (pays(near, 2)) return forward_near(whole.in_blocks(near), x, W, y);
    const long next = NEXT_ROOM / whole.floats_by_panels();
    if (pays(next, 4)) return forward_near(whole.in_blocks(next), x, W, y);
    const bool fits = whole.PLACES * whole.patches_step() <= FAR_ROOM;
    if (fits && whole.groups * whole.panels() >= threads()) return forward_panels(whole, x, W, y);
    const Grid<FILTER> far = whole.in_blocks(FAR_ROOM / whole.floats_of_a_cell());
    const float* filters = transform_all_filters(far, W);
    for (long b = 0; b < far.blocks.count(); ++b)
        forward_block(far, far.blocks[b], x, filters, y);
}

}  // namespace winograd
}  // namespace ISA
