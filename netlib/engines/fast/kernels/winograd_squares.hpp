// The squared gradient by the weights of each image by itself, summed over images, by Winograd's
// transform.
//
// Each block holds whole images. A core takes parts of dW, inputs times a panel of outputs, and
// transforms what they need by itself. For one image after the other it multiplies a tile of such a
// part for all places, transforms it back and adds the squares. So what an image adds up stays in
// the caches, which the sums of all places for all of dW would not.
#pragma once

#include <algorithm>
#include <vector>

#include "buffer.hpp"
#include "isa.hpp"
#include "padded.hpp"
#include "shapes.hpp"
#include "simd.hpp"
#include "squares.hpp"
#include "threads.hpp"
#include "tile.hpp"
#include "winograd.hpp"
#include "winograd_gradients.hpp"
#include "winograd_grid.hpp"
#include "winograd_weights.hpp"

namespace ISA {
namespace winograd {

constexpr long TILES = 4;  // of a part, at most

template <int FILTER>
struct Squares {
    static constexpr int SIZE = FILTER * FILTER;
    static constexpr int PATCH = Grid<FILTER>::PATCH;
    static constexpr int PLACES = Grid<FILTER>::PLACES;

    const PartsOfWeights<FILTER>& all;
    float* squares;  // (groups, panels, inputs, SIZE, COLS)
    const Grid<FILTER>& grid = all.grid;

    float* at(long panel, long input) const {
        return squares + (panel * grid.inputs + input) * SIZE * COLS;
    }

    // tiles (PLACES, ROWS, COLS) of an image: inputs of a part, from c on, times its panel.
    void multiply_places(long image, const Part& part, long c, const float* patches,
                         const float* gradients, float* tiles) const {
        const long cells = grid.blocks.rows * grid.across();
        const long cell = image * cells;
        const long channel = part.group * grid.inputs + c;
        const long cols = grid.outputs - part.outputs();
        const float* x = patches + cell * grid.cell_step() + channel;
        const float* dy = gradients + cell * COLS;
        for (long place = 0; place < PLACES; ++place) {
            const Panel lines{x + place * grid.patches_step(), grid.cell_step()};
            multiply(grid.inputs - c, cols, lines, Run{1, cells, 0}, dy + place * all.step(),
                     tiles + place * TILE_SIZE, true);
        }
    }

    // to (SIZE, COLS) += (E' S tiles S E)^2 for a vector of outputs.
    static void add(const float* tiles, float* to) {
        const auto in = [=](int i, int j) {
            return scale<PATCH>(i, j) * load(tiles + (i * PATCH + j) * TILE_SIZE);
        };
        const auto put = [=](int i, int j, vec v) {
            float* place = to + (i * FILTER + j) * COLS;
            store(place, load(place) + v * v);
        };
        transform<Collect<FILTER, PATCH>>(in, put);
    }

    // Adds the squares of a block's images, for a part.
    void add_images(long images, const Part& part, const float* patches,
                    const float* gradients) const {
        float* tiles = buffer(SUMS, PLACES, TILE_SIZE);
        const long panel = part.group * grid.panels() + part.panel;
        const long cols = std::min<long>(COLS, grid.outputs - part.outputs());
        const long end = part.first + part.count;
        for (long image = 0; image < images; ++image)
            for (long c = part.first; c < end; c += ROWS) {
                multiply_places(image, part, c, patches, gradients, tiles);
                for (long i = 0; i < std::min<long>(ROWS, end - c); ++i)
                    for (long v = 0; v < cols; v += LANES)
                        add(tiles + i * COLS + v, at(panel, c + i) + v);
            }
    }

    // out (groups, outputs, inputs, FILTER, FILTER) += squares, for a vector of outputs.
    void deliver(long group, long first, float* out) const {
        const long panel = group * grid.panels() + first / COLS;
        float* to = out + (group * grid.outputs + first) * grid.output_step;
        for (long c = 0; c < grid.inputs; ++c, to += grid.input_step) {
            vec numbers[parts(SIZE, LANES) * LANES] = {};
            for (long k = 0; k < SIZE; ++k)
                numbers[k] = load(at(panel, c) + k * COLS + first % COLS);
            add_across(grid, grid.outputs - first, numbers, to);
        }
    }
};

// Returns whether it has: a block has to have room for an image.
template <int FILTER>
bool squared_gradients(const Convolution& c, const float* x, const float* dy, float* out) {
    const Grid<FILTER> whole(c, false);
    const Grid<FILTER> grid = whole.in_blocks(FAR_ROOM / whole.floats_of_a_cell());
    if (grid.blocks.rows < grid.blocks.height) return false;
    const PartsOfWeights<FILTER> all{grid, inputs_of_a_part(grid, TILES * ROWS)};
    const long panels = grid.groups * grid.panels();
    const long size = room(panels, grid.inputs, FILTER * FILTER, COLS);
    float* squares = buffer(FILTERS, size);
    std::fill_n(squares, size, 0.f);
    const Squares<FILTER> work{all, squares};
    all.each_shared_out([&](long begin, long end) {
        const auto add = [&](long b, long i, const float* patches, const float* gradients) {
            work.add_images(grid.blocks[b].images, all[i], patches, gradients);
        };
        all.each(begin, end, x, dy, add);
    });
    const long vectors = parts(grid.outputs, LANES);
    share_out(grid.groups * vectors,
              [&](long i) { work.deliver(i / vectors, i % vectors * LANES, out); });
    return true;
}

}  // namespace winograd

// out += dW^2, dW = 0
inline void move_squares(float* dW, float* out, long n) {
    constexpr long MOST = 1 << 14;  // at a time
    share_out_ranges(n, MOST, [=](long begin, long end) {
        for (long i = begin; i < end; i += LANES) {
            const vec gradient = load_part(dW + i, end - i);
            store_part(out + i, load_part(out + i, end - i) + gradient * gradient, end - i);
            store_part(dW + i, vec{}, end - i);
        }
    });
}

// For large images, one after the other.
inline void square_one_by_one(const Convolution& c, const float* x, const float* dy, float* out,
                              bool winograd) {
    Convolution one = c;
    one.images = 1;
    const long size = room(c.outputs, c.inputs_of_group(), c.kernel());
    std::vector<float> gradient(size);
    for (long i = 0; i < c.images; ++i) {
        add_gradient(one, x, dy, gradient.data(), winograd);
        move_squares(gradient.data(), out, size);
        x += c.channels * c.height * c.width;
        dy += c.outputs * c.out_height * c.out_width;
    }
}

// out (outputs, inputs of a group, kernel) += the sum over images of dW^2
EXPORT(conv_squared_gradients)(const float* x, const float* dy, float* out, const Convolution* c,
                               long winograd) try {
    if (winograd && c->images) {
        const bool done = c->kernel_y == 3 ? winograd::squared_gradients<3>(*c, x, dy, out)
                                           : winograd::squared_gradients<5>(*c, x, dy, out);
        return done ? void() : square_one_by_one(*c, x, dy, out, true);
    }
#ifdef MATRIX_UNIT
    constexpr long MANY_POSITIONS = 256;  // so many that a gradient for each image hardly counts
    if (c->out_height * c->out_width >= MANY_POSITIONS)
        return square_one_by_one(*c, x, dy, out, false);
#endif
    weights::squared_gradients(*c, x, dy, out);
}
REFUSED

}  // namespace ISA
