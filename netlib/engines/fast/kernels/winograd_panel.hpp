// The steps of a convolution by Winograd's transform for one panel of outputs, COLS of them:
// transform their filters, multiply, and transform the cells back.
#pragma once

#include <algorithm>

#include "across.hpp"
#include "band.hpp"
#include "buffer.hpp"
#include "isa.hpp"
#include "simd.hpp"
#include "threads.hpp"
#include "tile.hpp"
#include "winograd.hpp"
#include "winograd_grid.hpp"

namespace ISA {
namespace winograd {

// Inputs whose filters are loaded at a time. Those of one would fill half of what is transposed.
constexpr long FILTERS_AT_A_TIME = 8;

// g (inputs, FILTER, FILTER) = filters of a vector of `outputs`, for a few inputs.
template <int FILTER>
void load_filters(const Grid<FILTER>& grid, const float* from, long outputs, long inputs, vec* g) {
    constexpr int SIZE = FILTER * FILTER;
    const bool adjoin = grid.input_step == SIZE;
    const long runs = adjoin ? 1 : inputs;
    const long length = adjoin ? inputs * SIZE : SIZE;
    for (long run = 0; run < runs; ++run, from += grid.input_step, g += length)
        for (long k = 0; k < length; k += LANES)
            load_across(from + k, grid.output_step, outputs, length - k, g + k);
}

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
    vec some[FILTERS_AT_A_TIME * SIZE + LANES];
    for (long c = 0; c < grid.inputs; ++c, to += COLS) {
        vec* g = some + c % FILTERS_AT_A_TIME * SIZE;
        if (g == some)
            load_filters(grid, from + c * grid.input_step, outputs,
                         std::min(FILTERS_AT_A_TIME, grid.inputs - c), some);
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

// y of a block, for a panel of outputs. Its filters (inputs, COLS) lie `filters_step` apart for
// each place.
template <int FILTER>
void make_panel(const Grid<FILTER>& grid, const Block& block, long group, long first,
                const float* patches, const float* filters, long filters_step, float* y) {
    const long end = std::min(grid.outputs, first + COLS);
    const long step = grid.panel_step() + LANES;
    float* products = buffer(PRODUCTS, grid.PLACES, step);
    for (long place = 0; place < grid.PLACES; ++place)
        multiply_panel(grid, grid.cells_of(block), end - first, filters + place * filters_step,
                       patches + place * grid.patches_step() + group * grid.inputs,
                       products + place * step);
    for (long v = first; v < end; v += LANES)
        transform_back(grid, block, group, v, products, step, y);
}

}  // namespace winograd
}  // namespace ISA
