// The steps of the gradient by the weights of a convolution by Winograd's transform.
//
// Each block transforms x and dy. For each place they are multiplied, and the products of the
// block's cells added to sums over all cells of all blocks: matrices whose rows are inputs and
// whose columns are outputs. In the end the sums are transformed back, and added to dW.
#pragma once

#include <algorithm>

#include "across.hpp"
#include "band.hpp"
#include "buffer.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "padded.hpp"
#include "simd.hpp"
#include "threads.hpp"
#include "tile.hpp"
#include "winograd.hpp"
#include "winograd_grid.hpp"

namespace ISA {
namespace winograd {

constexpr long DEPTH = 128;  // cells at a time: their gradients stay in the first-level cache

// E dy E' of a block, for a vector of outputs. Those of its panel lie `step` apart for each place.
template <int FILTER>
void transform_gradients(const Grid<FILTER>& grid, const Block& block, long group, long first,
                         const float* dy, float* gradients, long step) {
    constexpr int PATCH = Grid<FILTER>::PATCH;
    const Band band = grid.out(block);
    const long outputs = grid.outputs - first;
    const long plane = grid.out_height * grid.out_width;
    const long channel = group * grid.outputs + first;
    const long row = band.columns * LANES;
    float* seen = buffer(PADDED, band.size());
    float* to = gradients + first % COLS;
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

// Both transforms of a block: patches, and gradients (PLACES, group, panel, cells, COLS).
template <int FILTER>
void transform_both(const Grid<FILTER>& grid, const Block& block, const float* x, const float* dy,
                    float* patches, float* gradients) {
    const long vectors = parts(grid.outputs, LANES);
    share_out(grid.vectors() + grid.groups * vectors, [&](long i) {
        if (i < grid.vectors()) return transform_patches(grid, block, x, i, patches);
        const long v = i - grid.vectors();
        const long first = v % vectors * LANES;
        const long panel = v / vectors * grid.panels() + first / COLS;
        float* of_panel = gradients + panel * grid.panel_step();
        transform_gradients(grid, block, v / vectors, first, dy, of_panel, grid.panels_step());
    });
}

// A task's part of the sums (PLACES, rows, COLS): `count` inputs of a group from `first` on, by a
// panel of its outputs.
struct Part {
    long group, panel, first, count;

    long rows() const { return parts(count, ROWS) * ROWS; }
    long outputs() const { return panel * COLS; }  // before the panel's
};

// sums = (fresh) or += patches times the gradients of the part's panel, which lie `step` apart for
// each place.
template <int FILTER>
void add_products(const Grid<FILTER>& grid, const Part& part, long cells, const float* patches,
                  const float* gradients, long step, float* sums, bool fresh) {
    const long cols = grid.outputs - part.outputs();
    patches += part.group * grid.inputs + part.first;
    for (long place = 0; place < grid.PLACES; ++place) {
        for (long t = 0; t < cells; t += DEPTH)
            for (long c = 0; c < part.count; c += ROWS) {
                const Panel panel{patches + t * grid.cell_step() + c, grid.cell_step()};
                const Run run{1, std::min(DEPTH, cells - t), 0};
                multiply(part.count - c, cols, panel, run, gradients + t * COLS, sums + c * COLS,
                         fresh && !t);
            }
        patches += grid.patches_step();
        gradients += step;
        sums += part.rows() * COLS;
    }
}

// E dy E' of a block, for a part's panel.
template <int FILTER>
void transform_panel(const Grid<FILTER>& grid, const Block& block, const Part& part,
                     const float* dy, float* gradients, long step) {
    const long last = std::min(part.outputs() + COLS, grid.outputs);
    for (long first = part.outputs(); first < last; first += LANES)
        transform_gradients(grid, block, part.group, first, dy, gradients, step);
}

// How many inputs make a part, `most` or less: so many that the parts come out even for the cores.
template <int FILTER>
long inputs_of_a_part(const Grid<FILTER>& grid, long most) {
    const long panels = grid.groups * grid.panels();
    if (come_out_even(panels)) return most;
    const long of_a_panel = std::max(2L, parts(threads(), panels));
    return share(grid.inputs, most, ROWS / 3, of_a_panel);
}

// All parts of dW, panel after panel.
template <int FILTER>
struct PartsOfWeights {
    const Grid<FILTER>& grid;
    long rows;  // inputs of a part

    long of_a_panel() const { return parts(grid.inputs, rows); }
    long of_a_group() const { return of_a_panel() * grid.panels(); }
    long count() const { return of_a_group() * grid.groups; }

    Part operator[](long i) const {
        const long panel = i / of_a_panel();
        const long first = i % of_a_panel() * rows;
        return {panel / grid.panels(), panel % grid.panels(), first,
                std::min(rows, grid.inputs - first)};
    }

    // Floats between places of the gradients of a panel.
    long step() const { return grid.panel_step() + LANES; }

    // Calls work(b, i, patches, gradients) for each block b and the parts begin .. end - 1, by one
    // core, after transforming what they need.
    template <class Work>
    void each(long begin, long end, const float* x, const float* dy, const Work& work) const {
        float* patches = buffer(PATCHES, grid.PLACES, grid.patches_step());
        float* gradients = buffer(PRODUCTS, grid.PLACES, step());
        for (long b = 0; b < grid.blocks.count(); ++b) {
            const Block block = grid.blocks[b];
            const long groups = parts(end, of_a_group());
            transform_patches(grid, block, x, begin / of_a_group(), groups, patches);
            for (long i = begin; i < end; ++i) {
                const Part part = (*this)[i];
                const bool is_new = i == begin || part.first == 0;
                if (is_new) transform_panel(grid, block, part, dy, gradients, step());
                work(b, i, patches, gradients);
            }
        }
    }

    // The same for all parts: each core takes some of its own.
    template <class Work>
    void each_shared_out(const Work& work) const {
        share_out_ranges(count(), parts(count(), threads()), work);
    }
};

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

// put(k, vector) for the SIZE vectors of E' S sums S E, for one input of a part and a vector of its
// outputs, the first at `sums`.
template <int FILTER, class Put>
void collect(const Part& part, const float* sums, const Put& put) {
    constexpr int PATCH = Grid<FILTER>::PATCH;
    const long step = part.rows() * COLS;
    const auto in = [=](int i, int j) {
        return scale<PATCH>(i, j) * load(sums + (i * PATCH + j) * step);
    };
    transform<Collect<FILTER, PATCH>>(in, [&](int i, int j, vec v) { put(i * FILTER + j, v); });
}

// dW (groups, outputs, inputs, FILTER, FILTER) += what get(c, out) sets out to, for the inputs c of
// a part and a vector of the panel's outputs, those from `lane` on.
template <int FILTER, class Get>
void add_filters(const Grid<FILTER>& grid, const Part& part, long lane, const Get& get, float* dW) {
    const long first = part.outputs() + lane;
    float* to = dW + (part.group * grid.outputs + first) * grid.output_step;
    to += part.first * grid.input_step;
    for (long c = 0; c < part.count; ++c, to += grid.input_step) {
        vec out[parts(FILTER * FILTER, LANES) * LANES] = {};
        get(c, out);
        add_across(grid, grid.outputs - first, out, to);
    }
}

}  // namespace winograd
}  // namespace ISA
