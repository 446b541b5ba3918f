// The gradient by the weights of a convolution by Winograd's transform.
//
// Each block transforms x and dy. For each place they are multiplied, and the products of the
// block's cells added to sums over all cells of all blocks: matrices whose rows are inputs and
// whose columns are outputs. A task owns some rows of a panel of outputs, for all places: after the
// last block it transforms its sums back while they are in its cache.
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

constexpr long DEPTH = 128;      // cells at a time: their gradients stay in the first-level cache
constexpr long MOST = 6 * ROWS;  // rows of a task

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

// A task's part of the sums (PLACES, rows, COLS): `count` inputs of a group from `first` on, by a
// panel of its outputs.
struct Part {
    long group, panel, first, count;

    long rows() const { return parts(count, ROWS) * ROWS; }
    long outputs() const { return panel * COLS; }  // before the panel's
};

// sums = (fresh) or += patches times gradients.
template <int FILTER>
void add_products(const Grid<FILTER>& grid, const Part& part, long cells, const float* patches,
                  const float* gradients, float* sums, bool fresh) {
    const long cols = grid.outputs - part.outputs();
    patches += part.group * grid.inputs + part.first;
    gradients += (part.group * grid.panels() + part.panel) * grid.panel_step();
    for (long place = 0; place < grid.PLACES; ++place) {
        for (long t = 0; t < cells; t += DEPTH)
            for (long c = 0; c < part.count; c += ROWS) {
                const Panel panel{patches + t * grid.cell_step() + c, grid.cell_step()};
                const Run run{1, std::min(DEPTH, cells - t), 0};
                multiply(part.count - c, cols, panel, run, gradients + t * COLS, sums + c * COLS,
                         fresh && !t);
            }
        patches += grid.patches_step();
        gradients += grid.panels_step();
        sums += part.rows() * COLS;
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

// dW (groups, outputs, inputs, FILTER, FILTER) += E' S sums S E, for a vector of the panel's
// outputs, those from `lane` on.
template <int FILTER>
void add_filters(const Grid<FILTER>& grid, const Part& part, long lane, const float* sums,
                 float* dW) {
    constexpr int PATCH = Grid<FILTER>::PATCH;
    const long first = part.outputs() + lane;
    const long step = part.rows() * COLS;
    const float* from = sums + lane;
    float* to = dW + (part.group * grid.outputs + first) * grid.output_step;
    to += part.first * grid.input_step;
    for (long c = 0; c < part.count; ++c, from += COLS, to += grid.input_step) {
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
            add_products(grid, part, grid.cells_of(block), patches, gradients, mine, b == 0);
            const long outputs = std::min<long>(COLS, grid.outputs - part.outputs());
            for (long lane = 0; b == blocks - 1 && lane < outputs; lane += LANES)
                add_filters(grid, part, lane, mine, dW);
        });
    }
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
} REFUSED

}  // namespace ISA
