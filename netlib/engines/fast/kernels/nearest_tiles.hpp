// Products of rows that lie anywhere with all centers, by multiply-adds (nearest.hpp).
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "clustered.hpp"
#include "copy.hpp"
#include "gemm_task.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "threads.hpp"
#include "tile.hpp"

namespace ISA {
namespace clusters {

struct Tiles {
    static constexpr long HIGH = ROWS;  // rows and centers of a tile
    static constexpr long WIDE = COLS;
    static constexpr long TILE = TILE_SIZE;

    // The centers as panels of columns.
    static const float* pack(const Clustered& c, const float* centers) {
        float* panels = buffer(COLUMNS, product::panel_size(c.size), parts(c.centers, WIDE));
        const Matrix columns{const_cast<float*>(centers), 1, c.size};
        product::pack_columns(columns, c.size, c.centers, panels);
        return panels;
    }

    // tiles (parts of rows, of centers) = the products of the rows of these numbers with all
    // centers.
    static void multiply(const Clustered& c, const float* x, const long* rows, long count,
                         const float* panels, float* tiles) {
        using product::DEPTH, product::ROW_STEP;
        const long across = parts(c.centers, WIDE);
        alignas(64) float packed[ROWS * ROW_STEP] = {};
        const EvenRows lines{packed, ROW_STEP};
        for (long k = 0; k < c.size; k += DEPTH) {
            const long depth = std::min(DEPTH, c.size - k);
            for (long m = 0; m < count; m += HIGH) {
                for (long i = 0; i < std::min(HIGH, count - m); ++i) {
                    copy(packed + i * ROW_STEP, x + rows[m + i] * c.size + k, depth);
                    const long ahead = std::min(m + i + HIGH, count - 1);
                    fetch(x + rows[ahead] * c.size + k, depth);
                }
                for (long p = 0; p < across; ++p) {
                    const float* panel = panels + p * product::panel_size(c.size) + k * WIDE;
                    ISA::multiply(count - m, c.centers - p * WIDE, lines, Run{1, depth, 0}, panel,
                                  tiles + (m / HIGH * across + p) * TILE, k == 0);
                }
            }
        }
    }
};

}  // namespace clusters
}  // namespace ISA
