// The matrix unit of a processor with AMX: eight registers of 16 rows of 64 bytes (Intel says
// tiles). The numbers of a product are bfloat16, the upper halves of floats; sums are floats:
//
//     c (16, 16) += a (16, 32) b (32, 16)
//
// A row of b's register has the numbers for two successive k, column by column: a word of 32 bits
// has a number for an even k in its lower half, and the one for k + 1 in its upper half. So have
// a's rows.
//
// For a processor without the unit there is a stand-in, which computes what Intel's manual says of
// the instruction: products of numbers for even k and for odd k are summed apart, by FMA; then the
// two sums are added, and then added to c. Numbers below 2^-126 count as zeros. (The unit also
// rounds such results to zero. The stand-in does not.)
#pragma once

#include <cstdint>
#include <cstring>

#include "isa.hpp"
#include "simd.hpp"

#ifdef MATRIX_UNIT
namespace ISA {

constexpr long UNIT_ROWS = 16;     // of a register
constexpr long UNIT_STEP = 64;     // bytes of a row
constexpr int UNIT_REGISTERS = 8;  // numbered from 0
constexpr std::uint32_t UPPER_HALF = 0xffff0000;

#ifndef STAND_IN

// The thread's use of the unit. Registers are set up for all rows and columns when it begins. They
// are given back when it ends, so that a switch of threads need not save their 8 KB. Both take some
// tens of cycles, little for a task.
struct MatrixUnit {
    MatrixUnit() {
        struct Layout {
            std::uint8_t palette, start_row, reserved[14];
            std::uint16_t row_bytes[16];
            std::uint8_t rows[16];
        };
        Layout layout = {1, 0, {}, {}, {}};
        for (int i = 0; i < UNIT_REGISTERS; ++i) {
            layout.row_bytes[i] = UNIT_STEP;
            layout.rows[i] = UNIT_ROWS;
        }
        asm volatile("ldtilecfg %0" ::"m"(layout));
    }
    ~MatrixUnit() { asm volatile("tilerelease"); }
    MatrixUnit(const MatrixUnit&) = delete;
    MatrixUnit& operator=(const MatrixUnit&) = delete;
};

// The instructions, with registers by number. GCC's own functions for them do not tell it that a
// load reads memory: it might do a store of those numbers later.

template <int R>
void clear_register() {
    asm volatile("tilezero %%tmm%c0" ::"i"(R));
}

// In memory, rows lie `step` bytes apart.
template <int R>
void load_register(const void* from, long step) {
    asm volatile("tileloadd (%1,%2,1), %%tmm%c0" ::"i"(R), "r"(from), "r"(step) : "memory");
}
template <int R>
void store_register(void* to, long step) {
    asm volatile("tilestored %%tmm%c0, (%1,%2,1)" ::"i"(R), "r"(to), "r"(step) : "memory");
}

template <int C, int A, int B>
void multiply_registers() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
}

#else

struct MatrixUnit {
    MatrixUnit() {}
    ~MatrixUnit() {}
    MatrixUnit(const MatrixUnit&) = delete;
    MatrixUnit& operator=(const MatrixUnit&) = delete;
};

inline words (&unit_register(int number))[UNIT_ROWS] {
    static thread_local words registers[UNIT_REGISTERS][UNIT_ROWS];
    return registers[number];
}

template <int R>
void clear_register() {
    std::memset(unit_register(R), 0, sizeof(words[UNIT_ROWS]));
}

template <int R>
void load_register(const void* from, long step) {
    for (long i = 0; i < UNIT_ROWS; ++i)
        std::memcpy(&unit_register(R)[i], static_cast<const char*>(from) + i * step, UNIT_STEP);
}

template <int R>
void store_register(void* to, long step) {
    for (long i = 0; i < UNIT_ROWS; ++i)
        std::memcpy(static_cast<char*>(to) + i * step, &unit_register(R)[i], UNIT_STEP);
}

// The numbers for even k, or for odd k, of a row.
inline vec numbers_of(words row, bool odd) {
    const words upper = odd ? row & UPPER_HALF : row << 16;
    const words exponent = upper & 0x7f800000;
    return vec(exponent != 0 ? upper : words{});
}

template <int C, int A, int B>
void multiply_registers() {
    for (long i = 0; i < UNIT_ROWS; ++i) {
        const vec left_even = numbers_of(unit_register(A)[i], false);
        const vec left_odd = numbers_of(unit_register(A)[i], true);
        vec even{};
        vec odd{};
        for (long p = 0; p < UNIT_ROWS; ++p) {
            even += left_even[p] * numbers_of(unit_register(B)[p], false);
            odd += left_odd[p] * numbers_of(unit_register(B)[p], true);
        }
        words& sums = unit_register(C)[i];
        sums = words(vec(sums) + (even + odd));
    }
}

#endif

}  // namespace ISA
#endif
