// AMX's instructions for a processor without them: each one traps, and a handler of the signal does
// what Intel's manual says of it. So what is compiled for AMX runs, a thousand times slower.
//
// Only the forms that occur are known: those of kernels/matrix_unit.hpp, with 16 rows of 64 bytes.
// Anything else ends the process.

#include <signal.h>
#include <ucontext.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

// How many instructions ran, in the order of `Kind`.
extern "C" std::atomic<long> ran[6];
std::atomic<long> ran[6];

namespace {

enum Kind { CONFIGURE, RELEASE, CLEAR, LOAD, STORE, MULTIPLY };

struct Unit {
    bool configured;
    float tiles[8][16][16];
};
thread_local Unit unit;

void require(bool holds) {
    if (!holds) std::abort();
}

// An instruction: a VEX prefix of three bytes, an opcode, and its operands.
struct Instruction {
    int prefix, opcode, reg, rm, third;
    bool in_memory;
    char* address;
    long step, length;
};

// The general registers by their numbers.
greg_t value(const greg_t* registers, int number) {
    constexpr int PLACES[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI,
                              REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13,
                              REG_R14, REG_R15};
    return registers[PLACES[number]];
}

Instruction decode(const std::uint8_t* code, const greg_t* registers) {
    require(code[0] == 0xc4 && (code[1] & 31) == 2);
    const int more_reg = code[1] & 0x80 ? 0 : 8;
    const int more_index = code[1] & 0x40 ? 0 : 8;
    const int more_base = code[1] & 0x20 ? 0 : 8;
    const int mode = code[4] >> 6;
    Instruction it{};
    it.prefix = code[2] & 3;
    it.opcode = code[3];
    it.reg = (code[4] >> 3 & 7) + more_reg;
    it.rm = code[4] & 7;
    it.third = ~code[2] >> 3 & 15;
    it.in_memory = mode != 3;
    it.length = 5;
    if (!it.in_memory) return it;
    int base = it.rm;
    if (it.rm == 4) {
        const int scaled = code[it.length++];
        const int index = (scaled >> 3 & 7) + more_index;
        base = scaled & 7;
        if (index != 4) it.step = value(registers, index) << (scaled >> 6);
    }
    require(mode != 0 || base != 5);
    it.address = reinterpret_cast<char*>(value(registers, base + more_base));
    if (mode == 1) {
        it.address += std::int8_t(code[it.length++]);
    } else if (mode == 2) {
        std::int32_t offset;
        std::memcpy(&offset, code + it.length, 4);
        it.address += offset;
        it.length += 4;
    }
    return it;
}

// The layout that matrix_unit.hpp asks for, byte by byte.
void configure(const char* layout) {
    for (int i = 0; i < 64; ++i) {
        const bool row_bytes = i >= 16 && i < 32 && i % 2 == 0;
        const bool rows = i >= 48 && i < 56;
        const int expected = row_bytes ? 64 : rows ? 16 : i == 0;
        require(layout[i] == expected);
    }
    unit = {true, {}};
}

// Numbers below 2^-126 count as zeros.
float flushed(float x) { return std::fabs(x) < 0x1p-126f ? 0 : x; }

// The bfloat16 of a word: the lower or the upper one, as a float.
float part(float word, bool upper) {
    std::uint32_t bits;
    std::memcpy(&bits, &word, 4);
    bits = upper ? bits & 0xffff0000 : bits << 16;
    float x;
    std::memcpy(&x, &bits, 4);
    return flushed(x);
}

void multiply(int c, int a, int b) {
    for (int i = 0; i < 16; ++i)
        for (int j = 0; j < 16; ++j) {
            float sums[2] = {};
            for (int p = 0; p < 16; ++p)
                for (int odd = 0; odd < 2; ++odd) {
                    const float left = part(unit.tiles[a][i][p], odd);
                    const float right = part(unit.tiles[b][p][j], odd);
                    sums[odd] = flushed(std::fma(left, right, sums[odd]));
                }
            float& sum = unit.tiles[c][i][j];
            sum = flushed(sum + flushed(sums[0] + sums[1]));
        }
}

Kind kind_of(const Instruction& it) {
    constexpr int NONE = 0, F3 = 2, F2 = 3;
    if (it.opcode == 0x49 && it.prefix == NONE) return it.in_memory ? CONFIGURE : RELEASE;
    if (it.opcode == 0x49 && it.prefix == F2) return CLEAR;
    if (it.opcode == 0x4b && it.prefix == F2) return LOAD;
    if (it.opcode == 0x4b && it.prefix == F3) return STORE;
    require(it.opcode == 0x5c && it.prefix == F3);
    return MULTIPLY;
}

void handle(int, siginfo_t*, void* context) {
    greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    const auto* code = reinterpret_cast<const std::uint8_t*>(registers[REG_RIP]);
    const Instruction it = decode(code, registers);
    const Kind kind = kind_of(it);
    ++ran[kind];
    require(kind == CONFIGURE || unit.configured);
    if (kind == CONFIGURE) configure(it.address);
    if (kind == RELEASE) unit.configured = false;
    if (kind == CLEAR) std::memset(unit.tiles[it.reg], 0, sizeof unit.tiles[0]);
    for (int row = 0; kind == LOAD && row < 16; ++row)
        std::memcpy(unit.tiles[it.reg][row], it.address + row * it.step, 64);
    for (int row = 0; kind == STORE && row < 16; ++row)
        std::memcpy(it.address + row * it.step, unit.tiles[it.reg][row], 64);
    if (kind == MULTIPLY) multiply(it.reg, it.rm, it.third);
    registers[REG_RIP] += it.length;
}

}  // namespace

extern "C" void install() {
    struct sigaction action {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &action, nullptr);
}
