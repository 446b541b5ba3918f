// Counts what the host asks of the device, for tests that hold a budget.
#pragma once
#include <cstddef>

// Set it, by CUDA_EMULATOR_EMPTY=1 in the environment or from Python, and nothing is computed or
// copied any more: calls are checked and counted, which takes as little time as calls may.
extern "C" int cuda_empty;

namespace cuda_emulator {

// Counts a call of this name, of the kind 'kernel', 'memset', 'copy', 'cublas', 'cudnn' or 'wait',
// with the bytes that it moves.
void count(const char* kind, const char* name, size_t bytes = 0);

}  // namespace cuda_emulator
