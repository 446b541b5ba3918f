// The gradient by the weights of a convolution: which way is the best one.
//
// By Winograd's transform there are three ways to share out the work:
//
// - Where it is enough for portions, the cores take these (winograd_portions.hpp).
// - Where outputs are not few for so many cores, each takes some of dW, and transforms what that needs
//   by itself, although others transform the same.
// - Else the cores share each step of each block.
#pragma once

#include <algorithm>

#include "brick_weights.hpp"
#include "bricks.hpp"
#include "buffer.hpp"
#include "convolution_slides.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "matrix_unit.hpp"
#include "padded.hpp"
#include "pointwise.hpp"
#include "shapes.hpp"
#include "simd.hpp"
#include "threads.hpp"
#include "tile.hpp"
#include "weights_portions.hpp"
#include "winograd_gradients.hpp"
#include "winograd_grid.hpp"
#include "winograd_portions.hpp"

namespace ISA {
namespace winograd {

constexpr long MOST = 6 * ROWS;  // inputs of a part: its sums stay in a core's cache

// Parts of a panel of outputs, and what is summed for each of them.
template <int FILTER>
struct Sums {
    const Grid<FILTER>& grid;
    long rows;  // inputs of a part

    long parts_down() const { return parts(grid.inputs, rows); }
    long size() const { return grid.PLACES * parts(rows, ROWS) * ROWS * COLS; }

    Part part(long i) const {
        const long panel = i / parts_down();
        const long first = i % parts_down() * rows;
        return {panel / grid.panels(), panel % grid.panels(), first,
                std::min(rows, grid.inputs - first)};
    }

    // Sums of so many parts: one after the other at the same place where none has to wait.
    float* buffer_for(long count) const {
        return buffer(SUMS, grid.blocks.count() == 1 ? 1 : count, size());
    }
    float* at(float* sums, long i) const {
        return grid.blocks.count() == 1 ? sums : sums + i * size();
    }

    // Adds the products of block b to a part's sums; after the last block dW += what they make,
    // while they are in the cache. The gradients of the part's panel lie `step` apart.
    void add(long b, const Part& part, const float* patches, const float* gradients, long step,
             float* sums, float* dW) const {
        const long cells = grid.cells_of(grid.blocks[b]);
        add_products(grid, part, cells, patches, gradients, step, sums, b == 0);
        if (b < grid.blocks.count() - 1) return;
        const long outputs = std::min<long>(COLS, grid.outputs - part.outputs());
        for (long lane = 0; lane < outputs; lane += LANES)
            add_filters(
                grid, part, lane,
                [=](long c, vec* out) {
                    const auto put = [=](int k, vec v) { out[k] = v; };
                    collect<FILTER>(part, sums + c * COLS + lane, put);
                },
                dW);
    }
};

// The parts begin .. end - 1 of all panels, by one core.
template <int FILTER>
void sum_parts(const Sums<FILTER>& of, long begin, long end, const float* x, const float* dy,
               float* dW) {
    const Grid<FILTER>& grid = of.grid;
    const long step = grid.panel_step() + LANES;
    float* patches = buffer(PATCHES, grid.PLACES, grid.patches_step());
    float* gradients = buffer(PRODUCTS, grid.PLACES, step);
    float* sums = of.buffer_for(end - begin);
    const long of_group = of.parts_down() * grid.panels();
    for (long b = 0; b < grid.blocks.count(); ++b) {
        const Block block = grid.blocks[b];
        transform_patches(grid, block, x, begin / of_group, parts(end, of_group), patches);
        for (long i = begin; i < end; ++i) {
            const Part part = of.part(i);
            if (i == begin || !part.first) transform_panel(grid, block, part, dy, gradients, step);
            of.add(b, part, patches, gradients, step, of.at(sums, i - begin), dW);
        }
    }
}

// Each core takes parts of its own, and transforms what they need by itself.
template <int FILTER>
void sum_alone(const Grid<FILTER>& grid, const float* x, const float* dy, float* dW) {
    const Sums<FILTER> of{grid, inputs_of_a_part(grid, MOST)};
    const long count = grid.groups * grid.panels() * of.parts_down();
    share_out_ranges(count, parts(count, threads()),
                     [&](long begin, long end) { sum_parts(of, begin, end, x, dy, dW); });
}

// The cores share each step of each block.
template <int FILTER>
void sum_together(const Grid<FILTER>& grid, const float* x, const float* dy, float* dW) {
    const long panels = grid.groups * grid.panels();
    const Sums<FILTER> of{grid, share(grid.inputs, MOST, ROWS, parts(4 * threads(), panels))};
    float* patches = buffer(PATCHES, grid.PLACES, grid.patches_step());
    float* gradients = buffer(PRODUCTS, grid.PLACES, grid.panels_step());
    float* sums = of.buffer_for(panels * of.parts_down());
    for (long b = 0; b < grid.blocks.count(); ++b) {
        transform_both(grid, grid.blocks[b], x, dy, patches, gradients);
        share_out(panels * of.parts_down(), [&](long i) {
            float* mine = grid.blocks.count() == 1 ? of.buffer_for(1) : of.at(sums, i);
            of.add(b, of.part(i), patches, gradients + i / of.parts_down() * grid.panel_step(),
                   grid.panels_step(), mine, dW);
        });
    }
}

template <int FILTER>
void backward_weights(const Convolution& c, const float* x, const float* dy, float* dW) {
    const Grid<FILTER> whole(c, false);
    const Portions<FILTER> portions(whole.in_blocks(PORTION_ROOM / whole.floats_by_panels()));
    if (portions.pay()) return portions.add_all(x, dy, dW);
    const Grid<FILTER> far = whole.in_blocks(FAR_ROOM / whole.floats_of_a_cell());
    const long outputs = far.groups * parts(far.outputs, LANES);  // vectors
    if (2 * outputs >= threads()) sum_alone(far, x, dy, dW);
    else sum_together(far, x, dy, dW);
}

}  // namespace winograd

// dW += the gradient as weights.hpp defines it, by the best way.
inline void sum_positions(const Convolution& c, const float* x, const float* dy, float* dW) {
#ifdef MATRIX_UNIT
    const long positions = c.images * c.out_height * c.out_width;
    const long pairs = c.inputs_of_group() * c.kernel();
    const bool pays = bricks::pay(pairs, c.outputs_of_group(), positions);
    if (pays && bricks::backward_weights(c, x, dy, dW)) return;
#endif
    weights::backward_weights(c, x, dy, dW);
}

// The same; `winograd`: by its transform, if that pays.
inline void add_gradient(const Convolution& c, const float* x, const float* dy, float* dW,
                         bool winograd) {
    if (pointwise::pays_for_weights(c)) pointwise::backward_weights(c, x, dy, dW);
    else if (!winograd || !c.images || slides_win(c, c.outputs_of_group()))
        sum_positions(c, x, dy, dW);
    else if (c.kernel_y == 3) winograd::backward_weights<3>(c, x, dy, dW);
    else winograd::backward_weights<5>(c, x, dy, dW);
}

EXPORT(conv_backward_weights)(const float* x, const float* dy, float* dW, const Convolution* c,
                              long winograd) try {
    add_gradient(*c, x, dy, dW, winograd);
} REFUSED

}  // namespace ISA
