// Matrix products by the matrix unit, of numbers as precise as floats: a float is the sum of two
// bfloat16 and a rest,
//
//     a = high + low + at most 2^-17 a        high: a, rounded; low: a - high, rounded
//
// and a product of two numbers is three products of such parts,
//
//     a b = high high' + high low' + low high'
//
// The unit sums them as floats. What is left out, rests and low low', is at most 2^-15 of a b. Sums
// differ from those of the definition by 4e-6 to 1e-5 of the largest value, as with Winograd's
// transform.
//
// A brick holds 16 rows of a, or 16 columns of b, for 32 values of k, as the unit reads them: first
// their high parts, then the low ones. It takes the room of the floats themselves.
//
// In cycles of the unit, which takes 16 for c (16, 16) += a (16, 32) b (32, 16): three products of
// 16 x 16 x 32 numbers take 48, by AVX-512's multiply-adds (32 in a cycle) they take 256. Packing a
// brick takes about 150, and 250 where it is transposed.
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

constexpr long SIDE = UNIT_ROWS;     // rows of a, or columns of b
constexpr long DEPTH = 2 * LANES;    // values of k
constexpr long HALF = SIDE * LANES;  // floats whose room the high parts take
constexpr long BRICK = 2 * HALF;     // floats whose room a brick takes
constexpr long BLOCK = 2 * SIDE;     // rows and columns of c that are computed at a time
constexpr long BLOCK_SIZE = BLOCK * BLOCK;

enum class Operand { LEFT, RIGHT };

// Whether bricks are the faster way to a product c (M, N) += a (M, K) b (K, N). For each 32 values
// of k they take 48 (M / 16) (N / 16) + 200 (M / 16 + N / 16) cycles, multiply-adds M N. So bricks
// win from about 32 x 32 on.
inline bool pay(long M, long N, long K) { return K >= DEPTH && M * N >= SIDE * (M + N); }

// Half a unit of a float's upper half. Added to a float before its lower half is cut off, it rounds
// to the nearest. Numbers next to the largest float become infinite. NaN is only cut off: with more
// in its lower half it could become 0.
inline words half_unit(vec x) { return x == x ? words{} + 0x8000 : words{}; }

// The parts of the numbers for an even k and for k + 1, as words.
struct Parts {
    vec high, low;
    Parts(vec even, vec odd) {
        const words even_high = (words(even) + half_unit(even)) & UPPER_HALF;
        const words odd_high = (words(odd) + half_unit(odd)) & UPPER_HALF;
        const words even_low = words(even - vec(even_high)) + half_unit(even);
        const words odd_low = words(odd - vec(odd_high)) + half_unit(odd);
        high = vec(even_high >> 16 | odd_high);
        low = vec(even_low >> 16 | (odd_low & UPPER_HALF));
    }
};

// The parts of a brick, in vectors.
struct Brick {
    vec high[SIDE], low[SIDE];
    void keep(long line, const Parts& parts) {
        high[line] = parts.high;
        low[line] = parts.low;
    }
};

// Reads x (n, depth), where numbers for successive k are neighbors: a vector for each row.
inline void read_rows(const Matrix& x, long n, long depth, Brick& brick) {
    for (long i = 0; i < SIDE; ++i) {
        const long count = i < n ? depth : 0;
        const vec first = load_part(x.at(i, 0), count);
        const vec second = load_part(x.at(i, LANES), count - LANES);
        brick.keep(i, Parts(even(first, second), odd(first, second)));
    }
}

// Reads x (n, depth), where the numbers for one k are neighbors: a vector for each two k.
inline void read_pairs(const Matrix& x, long n, long depth, Brick& brick) {
    const auto numbers_for = [&](long k) { return load_part(x.at(0, k), k < depth ? n : 0); };
    for (long k = 0; k < DEPTH; k += 2)
        brick.keep(k / 2, Parts(numbers_for(k), numbers_for(k + 1)));
}

// Packs x (n, depth), rows of a or columns of b with their k across, as one brick, filled up with
// zeros.
inline void pack_brick(const Matrix& x, long n, long depth, Operand operand, float* to) {
    Brick brick;
    const bool by_row = x.across == 1;
    (by_row ? read_rows : read_pairs)(x, n, depth, brick);
    if (by_row != (operand == Operand::LEFT)) {
        transpose(brick.high);
        transpose(brick.low);
    }
    for (long line = 0; line < SIDE; ++line) {
        store(to + line * LANES, brick.high[line]);
        store(to + HALF + line * LANES, brick.low[line]);
    }
}

// Packs x (n, depth): SIDE rows of a or columns of b after the other, the bricks along k.
inline void pack(const Matrix& x, long n, long depth, Operand operand, float* to) {
    for (long i = 0; i < n; i += SIDE)
        for (long k = 0; k < depth; k += DEPTH, to += BRICK) {
            const long rows = std::min(SIDE, n - i);
            pack_brick(x.from(i, k), rows, std::min(DEPTH, depth - k), operand, to);
        }
}

// How many bricks it takes for so many values of k.
constexpr long deep(long depth) { return parts(depth, DEPTH); }

// Registers 0 to 3 hold c, 4 and 5 parts of a, 6 and 7 parts of b.

constexpr long ROW_BYTES = BLOCK * sizeof(float);  // of c

inline void clear_sums() {
    clear_register<0>();
    clear_register<1>();
    clear_register<2>();
    clear_register<3>();
}

template <int FIRST, int COUNT>
void load_parts(const float* from, long step) {
    load_register<FIRST>(from, UNIT_STEP);
    if constexpr (COUNT > 1) load_register<FIRST + 1>(from + step, UNIT_STEP);
}

template <int DOWN, int ACROSS>
void multiply_parts() {
    multiply_registers<0, 4, 6>();
    if constexpr (ACROSS > 1) multiply_registers<1, 4, 7>();
    if constexpr (DOWN > 1) multiply_registers<2, 5, 6>();
    if constexpr (DOWN > 1 && ACROSS > 1) multiply_registers<3, 5, 7>();
}

template <int DOWN, int ACROSS>
void load_sums(const float* c) {
    load_register<0>(c, ROW_BYTES);
    if constexpr (ACROSS > 1) load_register<1>(c + SIDE, ROW_BYTES);
    if constexpr (DOWN > 1) load_register<2>(c + SIDE * BLOCK, ROW_BYTES);
    if constexpr (DOWN > 1 && ACROSS > 1) load_register<3>(c + SIDE * BLOCK + SIDE, ROW_BYTES);
}

template <int DOWN, int ACROSS>
void store_sums(float* c) {
    store_register<0>(c, ROW_BYTES);
    if constexpr (ACROSS > 1) store_register<1>(c + SIDE, ROW_BYTES);
    if constexpr (DOWN > 1) store_register<2>(c + SIDE * BLOCK, ROW_BYTES);
    if constexpr (DOWN > 1 && ACROSS > 1) store_register<3>(c + SIDE * BLOCK + SIDE, ROW_BYTES);
}

// c (BLOCK, BLOCK) = (fresh) or += the product of DOWN times ACROSS rows of `count` bricks, which
// begin a_step and b_step apart. The rest of c stays.
template <int DOWN, int ACROSS>
void multiply_rows(const float* a, long a_step, const float* b, long b_step, long count, float* c,
                   bool fresh) {
    if (fresh) clear_sums();
    else load_sums<DOWN, ACROSS>(c);
    for (long k = 0; k < count; ++k, a += BRICK, b += BRICK) {
        load_parts<4, DOWN>(a, a_step);
        load_parts<6, ACROSS>(b + HALF, b_step);
        multiply_parts<DOWN, ACROSS>();
        load_parts<6, ACROSS>(b, b_step);
        multiply_parts<DOWN, ACROSS>();
        load_parts<4, DOWN>(a + HALF, a_step);
        multiply_parts<DOWN, ACROSS>();
    }
    store_sums<DOWN, ACROSS>(c);
}

// Packed numbers: up to two rows of bricks, which begin `step` apart.
struct Packed {
    const float* bricks;
    long step;
};

// c (BLOCK, BLOCK) = (fresh) or += the product of packed a (rows, k) and b (k, cols), with `count`
// bricks along k. The rest of c is undefined.
inline void multiply(long rows, long cols, Packed a, Packed b, long count, float* c, bool fresh) {
    const auto by = [&](auto way) { way(a.bricks, a.step, b.bricks, b.step, count, c, fresh); };
    const bool high = rows > SIDE;
    const bool wide = cols > SIDE;
    if (high && wide) by(multiply_rows<2, 2>);
    else if (high) by(multiply_rows<2, 1>);
    else if (wide) by(multiply_rows<1, 2>);
    else by(multiply_rows<1, 1>);
}

// Whether the first rows and columns of c (BLOCK, BLOCK) are finite. Where they are not, they are
// not to be used: what is infinite for floats may be NaN here, as a sum of infinite parts.
inline bool finite(const float* c, long rows, long cols) {
    vec nothing{};
    for (long i = 0; i < rows; ++i)
        for (long j = 0; j < cols; j += LANES)
            nothing += 0 * load_part(c + i * BLOCK + j, cols - j);
    for (int lane = 0; lane < LANES; ++lane)
        if (nothing[lane] != 0) return false;  // NaN
    return true;
}

}  // namespace bricks
}  // namespace ISA
#endif
