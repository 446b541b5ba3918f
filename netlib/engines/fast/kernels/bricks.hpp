// Matrix products by the matrix unit, of numbers as precise as floats: a float is the sum of two
// bfloat16 and a rest,
//
//     a = high + low + at most 2^-18 a        high: a, rounded; low: a - high, rounded
//
// and a product of two numbers is three products of such parts,
//
//     a b = high high' + high low' + low high'
//
// The unit sums them as floats. What is left out, rests and low low', is at most 2^-16 of a b. Sums
// differ from those of the definition by 4e-6 to 1e-5 of the largest value, as with Winograd's
// transform.
//
// A brick holds 16 rows of a, or 16 columns of b, for 32 values of k, as the unit reads them: first
// their high parts, then the low ones. It takes the room of the floats themselves.
//
// In cycles of the unit, which takes 16 for c (16, 16) += a (16, 32) b (32, 16): three products of
// 16 x 16 x 32 numbers take 48, by AVX-512's multiply-adds (32 in a cycle) they take 256. But
// packing a brick takes about 250 cycles, too.
#pragma once

#include <algorithm>

#include "across.hpp"
#include "isa.hpp"
#include "matrix.hpp"
#include "matrix_unit.hpp"
#include "simd.hpp"

#ifdef MATRIX_UNIT
namespace ISA {
namespace bricks {

constexpr long SIDE = UNIT_ROWS;          // rows of a, or columns of b
constexpr long DEPTH = 2 * LANES;         // values of k
constexpr long HALF = SIDE * LANES;       // floats whose room the high parts take
constexpr long BRICK = 2 * HALF;          // and a brick
constexpr long BLOCK = 2 * SIDE;          // rows and columns of c that are computed at a time
constexpr long BLOCK_SIZE = BLOCK * BLOCK;

enum class Operand { LEFT, RIGHT };

// The upper halves of floats, rounded to the nearest, to even ones between two. NaN stays NaN or
// becomes infinite; numbers next to the largest float become infinite.
inline words rounded(vec x) {
    const words bits = words(x);
    const words up = bits + 0x7fff + (bits >> 16 & 1);
    return (x == x ? up : bits) & UPPER_HALF;
}

// The parts of the numbers for an even k and for k + 1, as words.
struct Parts {
    vec high, low;
    Parts(vec first, vec second) {
        const words first_high = rounded(first);
        const words second_high = rounded(second);
        const words first_low = rounded(first - vec(first_high));
        const words second_low = rounded(second - vec(second_high));
        high = vec(first_high >> 16 | second_high);
        low = vec(first_low >> 16 | second_low);
    }
};

// Packs x (n, depth), rows of a or columns of b with their k across, as one brick, filled up with
// zeros.
inline void pack_brick(const Matrix& x, long n, long depth, Operand operand, float* to) {
    const bool by_row = x.across == 1;
    vec high[SIDE], low[SIDE];
    const auto keep = [&](long line, const Parts& parts) {
        high[line] = parts.high;
        low[line] = parts.low;
    };
    const auto numbers_for = [&](long k) { return load_part(x.at(0, k), k < depth ? n : 0); };
    for (long line = 0; line < SIDE; ++line) {
        if (by_row) {
            const long count = line < n ? depth : 0;
            const vec first = load_part(x.at(line, 0), count);
            const vec second = load_part(x.at(line, LANES), count - LANES);
            keep(line, Parts(even(first, second), odd(first, second)));
        } else {
            keep(line, Parts(numbers_for(2 * line), numbers_for(2 * line + 1)));
        }
    }
    if (by_row != (operand == Operand::LEFT)) {
        transpose(high);
        transpose(low);
    }
    for (long line = 0; line < SIDE; ++line) {
        store(to + line * LANES, high[line]);
        store(to + HALF + line * LANES, low[line]);
    }
}

// How many bricks it takes for so many values of k, and the room of those of SIDE rows or columns.
constexpr long deep(long depth) { return parts(depth, DEPTH); }
constexpr long column_size(long depth) { return deep(depth) * BRICK; }

// Packs x (n, depth): for SIDE rows of a or columns of b after the other, the bricks along k.
inline void pack(const Matrix& x, long n, long depth, Operand operand, float* to) {
    for (long i = 0; i < n; i += SIDE)
        for (long k = 0; k < depth; k += DEPTH, to += BRICK)
            pack_brick(x.from(i, k), std::min(SIDE, n - i), std::min(DEPTH, depth - k), operand,
                       to);
}

// Registers 0 to 3 hold c, 4 and 5 parts of a, 6 and 7 parts of b.

template <int FIRST, int COUNT>
void load_parts(const float* from, long step) {
    load_register<FIRST>(from);
    if constexpr (COUNT > 1) load_register<FIRST + 1>(from + step);
}

template <int DOWN, int ACROSS>
void multiply_parts() {
    multiply_registers<0, 4, 6>();
    if constexpr (ACROSS > 1) multiply_registers<1, 4, 7>();
    if constexpr (DOWN > 1) multiply_registers<2, 5, 6>();
    if constexpr (DOWN > 1 && ACROSS > 1) multiply_registers<3, 5, 7>();
}

// c (BLOCK, BLOCK) = the product of DOWN times ACROSS columns of `count` bricks, `step` apart. The
// rest of c is undefined.
template <int DOWN, int ACROSS>
void multiply_columns(const float* a, const float* b, long count, long step, float* c) {
    constexpr long ROW = BLOCK * sizeof(float);
    clear_register<0>();
    clear_register<1>();
    clear_register<2>();
    clear_register<3>();
    for (long k = 0; k < count; ++k, a += BRICK, b += BRICK) {
        load_parts<4, DOWN>(a, step);
        load_parts<6, ACROSS>(b + HALF, step);
        multiply_parts<DOWN, ACROSS>();
        load_parts<6, ACROSS>(b, step);
        multiply_parts<DOWN, ACROSS>();
        load_parts<4, DOWN>(a + HALF, step);
        multiply_parts<DOWN, ACROSS>();
    }
    store_register<0>(c, ROW);
    if constexpr (ACROSS > 1) store_register<1>(c + SIDE, ROW);
    if constexpr (DOWN > 1) store_register<2>(c + SIDE * BLOCK, ROW);
    if constexpr (DOWN > 1 && ACROSS > 1) store_register<3>(c + SIDE * BLOCK + SIDE, ROW);
}

// Whether all of c's first rows and columns are finite.
inline bool finite(const float* c, long rows, long cols) {
    vec nothing{};
    for (long i = 0; i < rows; ++i)
        for (long j = 0; j < cols; j += LANES)
            nothing += 0 * load_part(c + i * BLOCK + j, cols - j);
    for (int lane = 0; lane < LANES; ++lane)
        if (nothing[lane] != 0) return false;  // NaN
    return true;
}

// c (BLOCK, BLOCK) = the product of packed a (rows, depth) and b (depth, cols), of at most BLOCK
// rows and columns. The rest of c is undefined. Returns whether all is finite. Where not, c is
// undefined: in parts, what is infinite becomes NaN.
inline bool multiply(const float* a, const float* b, long rows, long cols, long depth, float* c) {
    const long count = deep(depth);
    const long step = column_size(depth);
    const bool high = rows > SIDE;
    const bool wide = cols > SIDE;
    if (high && wide) multiply_columns<2, 2>(a, b, count, step, c);
    else if (high) multiply_columns<2, 1>(a, b, count, step, c);
    else if (wide) multiply_columns<1, 2>(a, b, count, step, c);
    else multiply_columns<1, 1>(a, b, count, step, c);
    return finite(c, rows, cols);
}

}  // namespace bricks
}  // namespace ISA
#endif
