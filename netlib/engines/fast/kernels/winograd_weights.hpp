// The gradient by the weights of a convolution: which way is the best one.
//
// By Winograd's transform there are three ways to share out the work:
//
// - Where it is enough for portions, the cores take these (winograd_portions.hpp).
// - Where outputs are not few for so many cores, each takes parts of dW, and transforms what these
//   need by itself, although others transform the same.
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

// What is summed for the parts of dW.
template <int FILTER>
struct Sums {
    const PartsOfWeights<FILTER> parts_of;

    long blocks() const { return parts_of.grid.blocks.count(); }
    long size() const { return parts_of.grid.PLACES * parts(parts_of.rows, ROWS) * ROWS * COLS; }

    // Sums of so many parts: one after the other at the same place where none has to wait.
    float* room_for(long count) const { return buffer(SUMS, blocks() == 1 ? 1 : count, size()); }
    float* at(float* sums, long i) const { return blocks() == 1 ? sums : sums + i * size(); }

    // Adds the products of block b to a part's sums; after the last block dW += what they make,
    // while they are in the cache. The gradients of the part's panel lie `step` apart.
    void add(long b, const Part& part, const float* patches, const float* gradients, long step,
             float* sums, float* dW) const {
        const Grid<FILTER>& grid = parts_of.grid;
        const long cells = grid.cells_of(grid.blocks[b]);
        add_products(grid, part, cells, patches, gradients, step, sums, b == 0);
        if (b < blocks() - 1) return;
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

// Each core takes parts of its own, and transforms what they need by itself.
template <int FILTER>
void sum_alone(const Grid<FILTER>& grid, const float* x, const float* dy, float* dW) {
    const PartsOfWeights<FILTER> all{grid, inputs_of_a_part(grid, MOST)};
    const Sums<FILTER> work{all};
    all.each_shared_out([&](long begin, long end) {
        float* sums = work.room_for(end - begin);
        const auto add = [&](long b, long i, const float* patches, const float* gradients) {
            work.add(b, all[i], patches, gradients, all.step(), work.at(sums, i - begin), dW);
        };
        all.each(begin, end, x, dy, add);
    });
}

// The cores share each step of each block.
template <int FILTER>
void sum_together(const Grid<FILTER>& grid, const float* x, const float* dy, float* dW) {
    const long panels = grid.groups * grid.panels();
    const long rows = share(grid.inputs, MOST, ROWS, parts(4 * threads(), panels));
    const PartsOfWeights<FILTER> all{grid, rows};
    const Sums<FILTER> work{all};
    float* patches = buffer(PATCHES, grid.PLACES, grid.patches_step());
    float* gradients = buffer(PRODUCTS, grid.PLACES, grid.panels_step());
    float* sums = work.room_for(all.count());
    for (long b = 0; b < work.blocks(); ++b) {
        transform_both(grid, grid.blocks[b], x, dy, patches, gradients);
        share_out(all.count(), [&](long i) {
            float* mine = work.blocks() == 1 ? work.room_for(1) : work.at(sums, i);
            const float* of_panel = gradients + i / all.of_a_panel() * grid.panel_step();
            work.add(b, all[i], patches, of_panel, grid.panels_step(), mine, dW);
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
