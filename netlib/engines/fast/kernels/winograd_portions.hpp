// The gradient by the weights by Winograd's transform, where a core's cache has room for the sums.
//
// Each core takes portions of the blocks. It transforms a block, and adds its products to sums of
// its own; of a portion it writes only the result. So next to nothing passes from one core's cache
// to another's, which on some processors takes longer than the products.
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "isa.hpp"
#include "padded.hpp"
#include "simd.hpp"
#include "threads.hpp"
#include "tile.hpp"
#include "winograd.hpp"
#include "winograd_gradients.hpp"
#include "winograd_grid.hpp"

namespace ISA {
namespace winograd {

// Floats of a core for the transforms of a block, and for its sums.
constexpr long PORTION_ROOM = 1 << 18;
constexpr long SUMS_ROOM = 1 << 19;

constexpr long PORTION_CELLS = 256;  // that make a portion worthwhile
constexpr long FEWEST_PORTIONS = 4, MOST_PORTIONS = 16;
constexpr long MOST_SPLITS = 2;

// Portions of the blocks, for each of which one core sums the products by all outputs; or half of
// them, after transforming x for each half.
template <int FILTER>
struct Portions {
    static constexpr int SIZE = FILTER * FILTER;

    const Grid<FILTER> grid;
    long panels;             // of outputs, of all groups
    long splits;             // of the panels
    long blocks_of_portion;  // their number depends on the shapes alone, and so do the results

    explicit Portions(const Grid<FILTER>& grid) : grid(grid), panels(grid.groups * grid.panels()) {
        const long cells = grid.blocks.all_images * grid.blocks.height * grid.across();
        const long wanted = std::clamp(cells / PORTION_CELLS, FEWEST_PORTIONS, MOST_PORTIONS);
        splits = std::min(panels, parts(panels * sums_size(), SUMS_ROOM));
        blocks_of_portion = parts(grid.blocks.count(), wanted);
    }

    bool pay() const { return splits <= MOST_SPLITS && grid.blocks.count() >= FEWEST_PORTIONS; }
    long count() const { return parts(grid.blocks.count(), blocks_of_portion); }

    // The part for a panel, and floats of its sums, and of its results.
    Part part(long panel) const {
        return {panel / grid.panels(), panel % grid.panels(), 0, grid.inputs};
    }
    long sums_size() const { return grid.PLACES * part(0).rows() * COLS; }
    long results_size() const { return grid.inputs * COLS * SIZE; }

    // sums = (fresh) or += the products of a block, for the panels begin .. end - 1.
    void add_block(const Block& block, long begin, long end, const float* x, const float* dy,
                   float* sums, bool fresh) const {
        float* patches = buffer(PATCHES, grid.PLACES, grid.patches_step());
        const long step = grid.panel_step() + LANES;
        float* gradients = buffer(PRODUCTS, grid.PLACES, step);
        transform_patches(grid, block, x, 0, grid.groups, patches);
        for (long panel = begin; panel < end; ++panel, sums += sums_size()) {
            const Part mine = part(panel);
            transform_panel(grid, block, mine, dy, gradients, step);
            add_products(grid, mine, grid.cells_of(block), patches, gradients, step, sums, fresh);
        }
    }

    // results (panel, inputs, SIZE, COLS) of a portion, for the panels begin .. end - 1.
    void sum(long portion, long begin, long end, const float* x, const float* dy,
             float* results) const {
        float* sums = buffer(SUMS, end - begin, sums_size());
        const long first = portion * blocks_of_portion;
        const long last = std::min(first + blocks_of_portion, grid.blocks.count());
        for (long b = first; b < last; ++b)
            add_block(grid.blocks[b], begin, end, x, dy, sums, b == first);
        for (long panel = begin; panel < end; ++panel, sums += sums_size())
            for (long c = 0; c < grid.inputs; ++c, results += SIZE * COLS)
                for (long lane = 0; lane < COLS; lane += LANES) {
                    const auto put = [=](int k, vec v) { store(results + k * COLS + lane, v); };
                    collect<FILTER>(part(0), sums + c * COLS + lane, put);
                }
    }

    // dW += the results (portion, panel, inputs, SIZE, COLS) of all portions, for a panel.
    void deliver(long panel, const float* results, float* dW) const {
        const Part mine = part(panel);
        const long outputs = std::min<long>(COLS, grid.outputs - mine.outputs());
        for (long lane = 0; lane < outputs; lane += LANES)
            add_filters(
                grid, mine, lane,
                [&](long c, vec* out) {
                    const float* from = results + panel * results_size() + c * SIZE * COLS + lane;
                    for (long p = 0; p < count(); ++p, from += panels * results_size())
                        for (int k = 0; k < SIZE; ++k)
                            out[k] += load(from + k * COLS);
                },
                dW);
    }

    void add_all(const float* x, const float* dy, float* dW) const {
        float* results = buffer(FILTERS, count() * panels, results_size());
        const long panels_of_split = parts(panels, splits);
        share_out_singly(count() * splits, [&](long i) {
            const long begin = i % splits * panels_of_split;
            const long end = std::min(begin + panels_of_split, panels);
            const long portion = i / splits;
            sum(portion, begin, end, x, dy, results + (portion * panels + begin) * results_size());
        });
        share_out(panels, [&](long panel) { deliver(panel, results, dW); });
    }
};

}  // namespace winograd
}  // namespace ISA
