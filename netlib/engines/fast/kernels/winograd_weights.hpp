// The gradient by the weights of a convolution: which way is the best one.
//
// By Winograd's transform there are two ways to share out the work. Where it is enough for
// portions, the cores take these (winograd_portions.hpp). Else they share each step of each block.
// A task then owns some rows of a panel of outputs, for all places: after the last block it
// transforms its sums back while they are in its cache.
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

constexpr long MOST = 6 * ROWS;  // rows of a task

// The cores share each step of each block.
template <int FILTER>
void sum_together(const Grid<FILTER>& grid, const float* x, const float* dy, float* dW) {
    const long panels = grid.groups * grid.panels();
    const long rows = share(grid.inputs, MOST, ROWS, parts(4 * threads(), panels));
    const long parts_down = parts(grid.inputs, rows);
    const long size = grid.PLACES * rows * COLS;
    const long blocks = grid.blocks.count();
    const bool once = blocks == 1;  // then no sums have to wait
    float* patches = buffer(PATCHES, grid.PLACES, grid.patches_step());
    float* gradients = buffer(PRODUCTS, grid.PLACES, grid.panels_step());
    float* sums = buffer(SUMS, once ? 1 : panels * parts_down, size);
    for (long b = 0; b < blocks; ++b) {
        const Block block = grid.blocks[b];
        transform_both(grid, block, x, dy, patches, gradients);
        share_out(panels * parts_down, [&](long i) {
            const long panel = i / parts_down;
            const long first = i % parts_down * rows;
            const Part part{panel / grid.panels(), panel % grid.panels(), first,
                            std::min(rows, grid.inputs - first)};
            float* mine = once ? buffer(SUMS, size) : sums + i * size;
            add_products(grid, part, grid.cells_of(block), patches,
                         gradients + panel * grid.panel_step(), grid.panels_step(), mine, b == 0);
            const long outputs = std::min<long>(COLS, grid.outputs - part.outputs());
            for (long lane = 0; b == blocks - 1 && lane < outputs; lane += LANES)
                add_filters(
                    grid, part, lane,
                    [=](long c, vec* out) {
                        const auto put = [=](int k, vec v) { out[k] = v; };
                        collect<FILTER>(part, mine + c * COLS + lane, put);
                    },
                    dW);
        });
    }
}

template <int FILTER>
void backward_weights(const Convolution& c, const float* x, const float* dy, float* dW) {
    const Grid<FILTER> whole(c, false);
    const Portions<FILTER> portions(whole.in_blocks(PORTION_ROOM / whole.floats_by_panels()));
    if (portions.pay()) portions.add_all(x, dy, dW);
    else sum_together(whole.in_blocks(FAR_ROOM / whole.floats_of_a_cell()), x, dy, dW);
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
