// The sums of weights.hpp, added to dW.
#pragma once

#include <algorithm>

#include "across.hpp"
#include "buffer.hpp"
#include "copy.hpp"
#include "isa.hpp"
#include "padded.hpp"
#include "shapes.hpp"
#include "simd.hpp"
#include "threads.hpp"
#include "tile.hpp"
#include "weights.hpp"

namespace ISA {
namespace weights {

// Strips of outputs, LANES side by side, of all groups.
inline long strips(const Gradient& w) { return w.s.groups * parts(w.s.outputs, LANES); }

// dW (groups, outputs, pairs) += sums (groups, panels, rows, COLS), for the rows begin .. end - 1
// of a strip.
inline void add_strip(const Gradient& w, const float* sums, long strip, long begin, long end,
                      float* dW) {
    const long pairs = w.s.pairs();
    const long strips_of_group = parts(w.s.outputs, LANES);
    const long g = strip / strips_of_group;
    const long o = strip % strips_of_group * LANES;
    const long panel = g * w.panels() + o / COLS;
    const float* from = sums + panel * w.rows() * COLS + o % COLS;
    float* to = dW + (g * w.s.outputs + o) * pairs;
    const long outputs = std::min<long>(LANES, w.s.outputs - o);
    for (long k = begin; k < end; k += LANES) {
        vec v[LANES];
        load_across(from + k * COLS, COLS, end - k, outputs, v);
        for (long j = 0; j < outputs; ++j) {
            float* line = to + j * pairs + k;
            store_part(line, load_part(line, end - k) + v[j], end - k);
        }
    }
}

// dW (pairs, outputs) += sums (panels, rows, COLS), for one row.
inline void add_row(const Gradient& w, const float* sums, long k, float* dW) {
    const long outputs = w.s.outputs;
    const float* from = sums + k * COLS;
    for (long o = 0; o < outputs; o += COLS, from += w.rows() * COLS)
        add(dW + k * outputs + o, from, std::min<long>(COLS, outputs - o));
}

// dW += the sums of dy and x, which may have changed places, for the rows begin .. end - 1.
inline void deliver_rows(const Gradient& w, const float* sums, long begin, long end, bool exchanged,
                         float* dW) {
    for (long k = begin; exchanged && k < end; ++k)
        add_row(w, sums, k, dW);
    for (long i = 0; !exchanged && i < strips(w); ++i)
        add_strip(w, sums, i, begin, end, dW);
}

// The same for all rows, whoever has summed them.
inline void deliver(const Gradient& w, const float* sums, bool exchanged, float* dW) {
    const long pairs = w.s.pairs();
    if (exchanged) share_out(pairs, [&](long k) { add_row(w, sums, k, dW); });
    else share_out(strips(w), [&](long i) { add_strip(w, sums, i, 0, pairs, dW); });
}

// The same for sums from `each_share`: by the cores that have them in their caches.
inline void deliver_shares(const Gradient& w, const float* sums, bool exchanged, float* dW) {
    const long rows = rows_of_a_core(w);
    if (!rows) return deliver(w, sums, exchanged, dW);
    share_out_ranges(w.s.pairs(), rows, [&](long begin, long end) {
        deliver_rows(w, sums, begin, end, exchanged, dW);
    });
}

// dW of all blocks, one after the other.
inline void sum_blocks(const Convolution& c, const float* x, const float* dy, bool exchanged,
                       float* dW) {
    const Gradient w = gradient(c, 1 << 20, LEAST);  // a block stays in the last-level cache
    if (!w.blocks.count()) return;
    float* sums = buffer(SUMS, w.sums());
    each_share(w, x, dy, [&](const Block& block, const Share& share) {
        add_products(w, block, share, sums + share.at, block.is_first());
    });
    deliver_shares(w, sums, exchanged, dW);
}

}  // namespace weights
}  // namespace ISA
