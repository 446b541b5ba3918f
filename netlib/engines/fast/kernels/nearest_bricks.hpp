// Products of rows that lie anywhere with all centers, by the matrix unit (nearest.hpp).
#pragma once

#include <algorithm>

#include "brick_gemm.hpp"
#include "bricks.hpp"
#include "buffer.hpp"
#include "clustered.hpp"
#include "copy.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "matrix_unit.hpp"
#include "threads.hpp"

#ifdef MATRIX_UNIT
namespace ISA {
namespace clusters {

struct Bricks {
    static constexpr long HIGH = bricks::BLOCK;
    static constexpr long WIDE = bricks::BLOCK;
    static constexpr long TILE = bricks::BLOCK_SIZE;
    static constexpr long DEPTH = bricks::TASK_DEPTH;

    // The centers as columns, for DEPTH numbers of each after the other.
    static const float* pack(const Clustered& c, const float* centers) {
        float* packed = buffer(RIGHT_BRICKS, numbers(c, DEPTH), parts(c.size, DEPTH));
        const Matrix rows{const_cast<float*>(centers), c.size, 1};
        for (long k = 0; k < c.size; k += DEPTH) {
            const long depth = std::min(DEPTH, c.size - k);
            float* to = packed + k / DEPTH * numbers(c, DEPTH);
            bricks::pack(rows.from(0, k), c.centers, depth, bricks::Operand::RIGHT, to);
        }
        return packed;
    }

    // What so many numbers of all centers take, packed.
    static long numbers(const Clustered& c, long depth) {
        return parts(c.centers, bricks::SIDE) * bricks::deep(depth) * bricks::BRICK;
    }

    // tiles (parts of rows, of centers) = the products of the rows of these numbers with all
    // centers.
    static void multiply(const Clustered& c, const float* x, const long* rows, long count,
                         const float* packed, float* tiles) {
        const MatrixUnit unit;
        float* some = buffer(PATCHES, HIGH, DEPTH);
        float* left = buffer(LEFT_BRICKS, HIGH, DEPTH);
        for (long k = 0; k < c.size; k += DEPTH, packed += numbers(c, DEPTH)) {
            const long depth = std::min(DEPTH, c.size - k);
            for (long m = 0; m < count; m += HIGH) {
                const long high = std::min(HIGH, count - m);
                for (long i = 0; i < high; ++i)
                    copy(some + i * DEPTH, x + rows[m + i] * c.size + k, depth);
                bricks::pack({some, DEPTH, 1}, high, depth, bricks::Operand::LEFT, left);
                tiles = multiply_some(c, high, depth, left, packed, tiles, k == 0);
            }
            tiles -= parts(count, HIGH) * parts(c.centers, WIDE) * TILE;
        }
    }

    // A tile for all centers after the other, = (fresh) or += some of their products with a few
    // rows. Returns the end of the tiles.
    static float* multiply_some(const Clustered& c, long high, long depth, const float* left,
                                const float* right, float* tile, bool fresh) {
        const long deep = bricks::deep(depth);
        const long step = deep * bricks::BRICK;
        for (long n = 0; n < c.centers; n += WIDE, tile += TILE) {
            const float* columns = right + n / bricks::SIDE * step;
            const long wide = std::min(WIDE, c.centers - n);
            bricks::multiply(high, wide, {left, step}, {columns, step}, deep, tile, fresh);
        }
        return tile;
    }
};

}  // namespace clusters
}  // namespace ISA
#endif
