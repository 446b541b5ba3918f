// The algorithms that the emulated cuDNN has, and what it says of them.
#pragma once
#include <algorithm>
#include <cstddef>
#include <utility>

// A test may break algorithms: bit n says that number n fails when it runs. -1: nothing works, not
// even a measurement.
extern "C" int cudnn_broken;

namespace cuda_emulator {

const int no_activation = 30;  // the bit that says that a convolution takes no bias and ReLU along

enum Status {
    success = 0,
    not_initialized = 1001,
    bad_parameter = 2000,
    not_supported = 3000,
    allocation_failed = 4002,
    execution_failed = 5000
};

// Math types.
const int default_math = 0;  // takes TF32
const int half_math = 2;     // rounds to 16 bits
const int fma_math = 3;

struct Algorithm {
    int number, status;
    float time;
    size_t workspace;
    int deterministic, math, reserved[3];
};

// Pairs of an algorithm and a math type. `expected` is the time that the heuristic gives, and
// `measured` the one that a measurement gives, always the same.
struct Pair {
    int number, math;
    float expected, measured;
    size_t workspace;
    int deterministic;
};

// As the heuristic has them, the fastest first. Each pair has a workspace of its own.
// clang-format off
const Pair pairs[] = {
    {6, default_math, -1, -1, 0, 1},  // not supported
    {2, half_math, 0.5, 0.5, 16, 1},
    {0, default_math, 1, 4, 128, 0},
    {1, default_math, 2, 1, 32, 1},
    {0, fma_math, 3, 6, 64, 0},
    {3, fma_math, 4, 3, 48, 0},
    {1, fma_math, 5, 5, 0, 1},
};
// clang-format on

inline Algorithm offer(const Pair& pair, float time) {
    const int status = time < 0 ? not_supported : success;
    return {pair.number, status, time, pair.workspace, pair.deterministic, pair.math, {}};
}

// The pair of this algorithm and this math type, or nullptr.
inline const Pair* find_pair(int number, int math) {
    for (const Pair& pair : pairs)
        if (pair.number == number && pair.math == math && pair.expected >= 0) return &pair;
    return nullptr;
}

// What the heuristic offers.
inline int list(int most, int* count, Algorithm* found) {
    *count = 0;
    for (const Pair& pair : pairs)
        if (*count < most) found[(*count)++] = offer(pair, pair.expected);
    return success;
}

// What a measurement finds in a workspace of so many bytes: the pairs by their time, those that
// failed at the end.
inline int list_measured(size_t bytes, int most, int* count, Algorithm* found) {
    *count = 0;
    for (const Pair& pair : pairs) {
        if (*count == most) break;
        Algorithm& each = found[(*count)++];
        each = offer(pair, pair.measured);
        if (!each.status && pair.workspace > bytes) each.status = allocation_failed;
        if (cudnn_broken >> pair.number & 1) each.status = execution_failed;
    }
    std::stable_sort(found, found + *count, [](const Algorithm& left, const Algorithm& right) {
        return std::pair(left.status, left.time) < std::pair(right.status, right.time);
    });
    return success;
}

}  // namespace cuda_emulator
