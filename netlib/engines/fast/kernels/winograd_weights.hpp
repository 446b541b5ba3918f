// The gradient by the weights of a convolution by Winograd's transform.
//
// Each block transforms x and dy. For each place it multiplies them, and adds the products of its
// cells to sums over all cells of all blocks: matrices whose rows are inputs and whose columns are
// outputs. At the end the sums are transformed back.
#pragma once

#include <algorithm>

#include "across.hpp"
#include "band.hpp"
#include "brick_weights.hpp"
#include "bricks.hpp"
#include "buffer.hpp"
#include "convolution_slides.hpp"
#include "isa.hpp"
#include "matrix_unit.hpp"
#include "padded.hpp"
#include "pointwise.hpp"
#include "shapes.hpp"
#include "simd.hpp"
#include "threads.hpp"
#include "tile.hpp"
#include "weights.hpp"
#include "winograd.hpp"
#include "winograd_grid.hpp"

namespace ISA {
namespace winograd {

constexpr long DEPTH = 128;  // cells at a time: their gradients stay in the first-level cache

// gradients (PLACES, group, panel, cells, COLS): E dy E' of a block, for a vector of outputs.
template <int FILTER>
void transform_gradients(const Grid<FILTER>& grid, const Block& block, long group, long first,
                         const float* dy, float* gradients) {
    constexpr int PATCH = Grid<FILTER>::PATCH;
    const Band band = grid.out(block);
    const long outputs = grid.outputs - first;
    const long plane = grid.out_height * grid.out_width;
    const long channel = group * grid.outputs + first;
    const long row = band.columns * LANES;
    const long step = grid.panels_step();
    const long panel = group * grid.panels() + first / COLS;
    float* seen = buffer(PADDED, band.size());
    float* to = gradients + panel * grid.panel_step() + first % COLS;
    for (long i = 0; i < block.images; ++i) {
        const long image = (block.image + i) * grid.groups * grid.outputs;
        band.fill(dy + (image + channel) * plane, plane, outputs, seen);
        for (long r = 0; r < block.rows; ++r)
            for (long q = 0; q < grid.across(); ++q, to += COLS) {
                const float* from = seen + (r * band.columns + q) * CELL * LANES;
                transform<Evaluate<CELL, PATCH>>(
                    [=](int i, int j) { return load(from + i * row + j * LANES); },
                    [=](int i, int j, vec v) { store(to + (i * PATCH + j) * step, v); });
            }
    }
}

// Both transforms of a block.
template <int FILTER>
void transform_both(const Grid<FILTER>& grid, const Block& block, const float* x, const float* dy,
                    float* patches, float* gradients) {
    const long vectors = parts(grid.outputs, LANES);
    share_out(grid.vectors() + grid.groups * vectors, [&](long i) {
        if (i < grid.vectors()) return transform_patches(grid, block, x, i, patches);
        const long v = i - grid.vectors();
        const long first = v % vectors * LANES;
        transform_gradients(grid, block, v / vectors, first, dy, gradients);
    });
}

// sums (rows, COLS) of one place and one panel = (fresh) or += patches times gradients.
template <int FILTER>
void add_products(const Grid<FILTER>& grid, long cells, long cols, const float* patches,
                  const float* gradients, float* sums, bool fresh) {
    for (long t = 0; t < cells; t += DEPTH)
        for (long c = 0; c < grid.inputs; c += ROWS) {
            const Panel panel{patches + t * grid.cell_step() + c, grid.cell_step()};
            const Run run{1, std::min(DEPTH, cells - t), 0};
            multiply(grid.inputs - c, cols, panel, run, gradients + t * COLS, sums + c * COLS,
                     fresh && !t);
        }
}

// Adds numbers (SIZE, outputs) to the filters (outputs, SIZE) for one input, the first at `to`.
template <int FILTER>
void add_across(const Grid<FILTER>& grid, long outputs, const vec* numbers, float* to) {
    constexpr int SIZE = FILTER * FILTER;
    vec old[LANES];
    for (long k = 0; k < SIZE; k += LANES) {
        load_across(to + k, grid.output_step, outputs, SIZE - k, old);
        for (int i = 0; i < LANES; ++i)
            old[i] += numbers[k + i];
        store_across(to + k, grid.output_step, outputs, SIZE - k, old);
    }
}

// dW (groups, outputs, inputs, FILTER, FILTER) += E' S sums S E, for a vector of outputs.
template <int FILTER>
void add_filters(const Grid<FILTER>& grid, long group, long first, const float* sums, long rows,
                 float* dW) {
    constexpr int PATCH = Grid<FILTER>::PATCH;
    const long step = grid.groups * grid.panels() * rows * COLS;
    const long panel = group * grid.panels() + first / COLS;
    const float* from = sums + panel * rows * COLS + first % COLS;
    float* to = dW + (group * grid.outputs + first) * grid.output_step;
    for (long c = 0; c < grid.inputs; ++c, from += COLS, to += grid.input_step) {
        vec out[parts(FILTER * FILTER, LANES) * LANES] = {};
        const auto in = [=](int i, int j) {
            return scale<PATCH>(i, j) * load(from + (i * PATCH + j) * step);
        };
        const auto put = [&](int i, int j, vec v) { out[i * FILTER + j] = v; };
        transform<Collect<FILTER, PATCH>>(in, put);
        add_across(grid, grid.outputs - first, out, to);
    }
}

template <int FILTER>
void backward_weights(const Convolution& c, const float* x, const float* dy, float* dW) {
    const Grid<FILTER> grid(c, false, FAR_ROOM);
    const long panels = grid.groups * grid.panels();
    const long vectors = parts(grid.outputs, LANES);
    const long rows = parts(grid.inputs, ROWS) * ROWS;
    float* patches = buffer(PATCHES, grid.PLACES, grid.patches_step());
    float* gradients = buffer(PRODUCTS, grid.PLACES, grid.panels_step());
    float* sums = buffer(SUMS, grid.PLACES, panels, rows, COLS);
    for (long b = 0; b < grid.blocks.count(); ++b) {
        const Block block = grid.blocks[b];
        transform_both(grid, block, x, dy, patches, gradients);
        share_out(grid.PLACES * panels, [&](long i) {
            const long place = i / panels;
            const long panel = i % panels;
            const long group = panel / grid.panels();
            const long cols = grid.outputs - panel % grid.panels() * COLS;
            add_products(grid, grid.cells_of(block), cols,
                         patches + place * grid.patches_step() + group * grid.inputs,
                         gradients + place * grid.panels_step() + panel * grid.panel_step(),
                         sums + i * rows * COLS, b == 0);
        });
    }
    share_out(grid.groups * vectors, [&](long i) {
        const long first = i % vectors * LANES;
        add_filters(grid, i / vectors, first, sums, rows, dW);
    });
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

EXPORT(conv_backward_weights)(const float* x, const float* dy, float* dW, const Convolution* c,
                              long winograd) try {
    if (pointwise::pays(*c)) pointwise::backward_weights(*c, x, dy, dW);
    else if (!winograd || !c->images || slides_win(*c, c->outputs_of_group()))
        sum_positions(*c, x, dy, dW);
    else if (c->kernel_y == 3) winograd::backward_weights<3>(*c, x, dy, dW);
    else winograd::backward_weights<5>(*c, x, dy, dW);
}
REFUSED

}  // namespace ISA
