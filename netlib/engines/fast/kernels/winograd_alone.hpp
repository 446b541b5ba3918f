// A convolution of few cells by Winograd's transform, such as that of one image.
//
// A core takes a share: some panels of outputs, of a block of cells. It transforms the filters and
// the patches that these need by itself, although others transform the same ones. That takes less
// time than to pass them from core to core, and the cores meet only at the end.
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "isa.hpp"
#include "simd.hpp"
#include "threads.hpp"
#include "tile.hpp"
#include "winograd_grid.hpp"
#include "winograd_panel.hpp"

namespace ISA {
namespace winograd {

// Cycles for each place of a vector that is transformed; a multiply-add takes one.
constexpr long TRANSFORM_CYCLES = 6;

template <int FILTER>
struct Shares {
    Grid<FILTER> grid;
    long splits;  // of the panels

    long all_panels() const { return grid.groups * grid.panels(); }
    long panels() const { return parts(all_panels(), splits); }
    long count() const { return grid.blocks.count() * splits; }

    // What the slowest core takes, about.
    long cycles() const {
        const long all = grid.groups * parts(grid.outputs, LANES);
        const long outputs = std::min(all, panels() * (COLS / LANES));  // vectors
        const long transforms = outputs * grid.inputs + grid.cells() * (grid.vectors() + outputs);
        const long products = grid.cells() * outputs * grid.inputs;
        const long of_a_share = grid.PLACES * (TRANSFORM_CYCLES * transforms + products);
        return parts(count(), threads()) * of_a_share;
    }

    void make(long share, const float* x, const float* W, float* y) const {
        const Block block = grid.blocks[share / splits];
        const long begin = share % splits * panels();
        const long end = std::min(begin + panels(), all_panels());
        const long step = grid.filters_of_panel() + LANES;
        float* patches = buffer(PATCHES, grid.PLACES, grid.patches_step());
        float* filters = buffer(FILTERS, grid.PLACES, step);
        const long groups = parts(end, grid.panels());
        transform_patches(grid, block, x, begin / grid.panels(), groups, patches);
        for (long i = begin; i < end; ++i) {
            const long group = i / grid.panels();
            const long first = i % grid.panels() * COLS;
            for (long v = first; v < std::min(grid.outputs, first + COLS); v += LANES)
                transform_filters(grid, W, group, v, filters, step);
            make_panel(grid, block, group, first, patches, filters, step, y);
        }
    }
};

// A share for each core, if there are so many panels and rows of cells; the fastest ones.
template <int FILTER>
Shares<FILTER> shares_of(const Grid<FILTER>& grid) {
    const long panels = grid.groups * grid.panels();
    Shares<FILTER> best{grid, 1};
    for (long blocks = 1; blocks <= threads(); ++blocks) {
        const long of_a_share = parts(panels, parts(threads(), blocks));
        const Shares<FILTER> shares{grid.in_parts(blocks), parts(panels, of_a_share)};
        if (shares.cycles() < best.cycles()) best = shares;
    }
    return best;
}

template <int FILTER>
void forward_alone(const Grid<FILTER>& grid, const float* x, const float* W, float* y) {
    const Shares<FILTER> shares = shares_of(grid);
    share_out_singly(shares.count(), [&](long i) { shares.make(i, x, W, y); });
}

}  // namespace winograd
}  // namespace ISA
