// The forward pass of a convolution by Winograd's transform, and its gradient by the data.
//
// The steps: transform the filters; then, block by block, transform the patches, multiply, and
// transform the cells back. There are three ways to share them out among cores:
//
// - Where a core's cache has room for the transforms of a block, each core takes blocks of its own.
// - Where there are few cells, each core takes some outputs of some cells, and makes what they need
//   by itself (winograd_alone.hpp).
// - Else the cores share each step of each block.
#pragma once

#include "buffer.hpp"
#include "finish.hpp"
#include "isa.hpp"
#include "padded.hpp"
#include "shapes.hpp"
#include "threads.hpp"
#include "tile.hpp"
#include "winograd_alone.hpp"
#include "winograd_grid.hpp"
#include "winograd_panel.hpp"

namespace ISA {
namespace winograd {

// Cells that make a block worthwhile, since for each block all filters are read: where these stay
// in the last-level cache, and where they do not.
constexpr long ENOUGH_CELLS = 24;
constexpr long MANY_CELLS = 32;

// Filters of all panels, (PLACES, group, panel, inputs, COLS).
template <int FILTER>
float* transform_all_filters(const Grid<FILTER>& grid, const float* W) {
    const long vectors = parts(grid.outputs, LANES);
    float* filters = buffer(FILTERS, grid.PLACES, grid.filters_step());
    share_out(grid.groups * vectors, [&](long i) {
        const long group = i / vectors;
        const long first = i % vectors * LANES;
        const long panel = group * grid.panels() + first / COLS;
        float* to = filters + panel * grid.filters_of_panel();
        transform_filters(grid, W, group, first, to, grid.filters_step());
    });
    return filters;
}

// Each core takes blocks of its own.
template <int FILTER>
void forward_near(const Grid<FILTER>& grid, const float* x, const float* W, float* y) {
    const float* filters = transform_all_filters(grid, W);
    const long panels = grid.groups * grid.panels();
    share_out_equal(grid.blocks.count(), [&](long b) {
        const Block block = grid.blocks[b];
        float* patches = buffer(PATCHES, grid.PLACES, grid.patches_step());
        transform_patches(grid, block, x, 0, grid.groups, patches);
        for (long i = 0; i < panels; ++i)
            make_panel(grid, block, i / grid.panels(), i % grid.panels() * COLS, patches,
                       filters + i * grid.filters_of_panel(), grid.filters_step(), y);
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
        multiply_panel(grid, grid.cells_of(block), cols,
                       filters + place * grid.filters_step() + panel * grid.filters_of_panel(),
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
        const bool near = whole.PLACES * whole.filters_step() <= FAR_ROOM;
        const long enough = near ? ENOUGH_CELLS : MANY_CELLS;
        const long blocks = whole.in_blocks(cells).blocks.count();
        return cells >= enough && blocks >= blocks_of_a_core * threads();
    };
    const long near = NEAR_ROOM / whole.floats_by_panels();
    if (pays(near, 2)) return forward_near(whole.in_blocks(near), x, W, y);
    const long next = NEXT_ROOM / whole.floats_by_panels();
    if (pays(next, 4)) return forward_near(whole.in_blocks(next), x, W, y);
    const bool fits = whole.PLACES * whole.patches_step() <= FAR_ROOM;
    if (fits) return forward_alone(whole, x, W, y);
    const Grid<FILTER> far = whole.in_blocks(FAR_ROOM / whole.floats_of_a_cell());
    const float* filters = transform_all_filters(far, W);
    for (long b = 0; b < far.blocks.count(); ++b)
        forward_block(far, far.blocks[b], x, filters, y);
}

}  // namespace winograd
}  // namespace ISA
