// The gradient by the weights of a convolution, where a core's cache has room for the sums.
//
// Each core takes portions of the blocks, of which it lays out one after the other and adds its
// products to sums of its own. So what it reads and sums stays in its own cache, as in
// winograd_portions.hpp.
#pragma once

#include <algorithm>
#include <utility>

#include "buffer.hpp"
#include "isa.hpp"
#include "padded.hpp"
#include "shapes.hpp"
#include "threads.hpp"
#include "weights.hpp"
#include "weights_sums.hpp"

namespace ISA {
namespace weights {

constexpr long PORTION_ROOM = 1 << 16;  // floats of a block
constexpr long SUMS_ROOM = 1 << 18;
constexpr long PORTION_POSITIONS = 4096;  // that make a portion worthwhile
constexpr long FEWEST_PORTIONS = 4, MOST_PORTIONS = 16;

// The positions of an image, if they are not too many: one that is read whole is fetched ahead.
inline long whole_image(const Convolution& c) {
    const long positions = c.out_height * c.out_width;
    return positions <= 2 * LEAST ? positions : DEPTH;
}

struct Portions {
    const Gradient w;
    long blocks;  // of a portion: their number depends on the shapes alone, and so do the results

    explicit Portions(const Convolution& c) : w(gradient(c, PORTION_ROOM, whole_image(c))) {
        const long positions = w.blocks.all_images * w.blocks.height * w.s.width;
        const long wanted =
            std::clamp(positions / PORTION_POSITIONS, FEWEST_PORTIONS, MOST_PORTIONS);
        blocks = parts(w.blocks.count(), wanted);
    }

    bool pay() const { return w.sums() <= SUMS_ROOM && w.blocks.count() >= FEWEST_PORTIONS; }
    long count() const { return parts(w.blocks.count(), blocks); }

    // sums = the products over a portion, for the panels begin .. end - 1.
    void sum(long portion, long begin, long end, const float* x, const float* dy,
             float* sums) const {
        const long first = portion * blocks;
        const long last = std::min(first + blocks, w.blocks.count());
        for (long b = first; b < last; ++b) {
            const Block block = w.blocks[b];
            const LaidOut made{w, block, x, dy};
            for (long i = 0; i < made.copied; ++i)
                made.copy_channel(i);
            for (long panel = begin; panel < end; ++panel) {
                made.transpose_panel(panel);
                const Share all = made.share(panel, 0, w.s.pairs());
                add_products(w, block, all, sums + all.at, b == first);
            }
        }
    }

    // Where there are few portions for many cores, several share one, each with panels of its own.
    void add_all(const float* x, const float* dy, bool exchanged, float* dW) const {
        const long size = w.sums();
        float* sums = buffer(FILTERS, count(), size);
        const long panels = w.s.groups * w.panels();
        const long splits = std::clamp(parts(2 * threads(), count()), 1L, panels);
        const long panels_of_split = parts(panels, splits);
        share_out_equal(count() * splits, [&](long i) {
            const long begin = std::min(panels, i % splits * panels_of_split);
            const long end = std::min(panels, begin + panels_of_split);
            sum(i / splits, begin, end, x, dy, sums + i / splits * size);
        });
        for (long i = 0; i < count(); ++i)
            deliver(w, sums + i * size, exchanged, dW);
    }
};

// Whether dy is the better x. Of a plain product, dW = dy x^T: then the smaller one is transposed.
inline bool better_exchanged(const Convolution& c) {
    return c.is_product() && !c.has_stride() && c.groups == 1 && c.channels < c.outputs;
}

inline void backward_weights(Convolution c, const float* x, const float* dy, float* dW) {
    const bool exchange = better_exchanged(c);
    if (exchange) {
        std::swap(c.channels, c.outputs);
        std::swap(x, dy);
    }
    const Portions portions(c);
    if (portions.pay()) portions.add_all(x, dy, exchange, dW);
    else sum_blocks(c, x, dy, exchange, dW);
}

}  // namespace weights
}  // namespace ISA
