// What the parts of the emulated driver share: its limits, its context, and how they report errors.
#pragma once
#include <cuda.h>

#include <cstddef>
#include <string>

namespace cuda_emulator {

constexpr size_t total_memory = size_t(8) << 30;  // bytes
constexpr unsigned max_threads = 1024;            // of a block
constexpr unsigned max_shared = 48 << 10;         // bytes of a block

// How often this thread has pushed the one context; 0: it has no current context.
extern thread_local int context_depth;

// Keeps the text for cuGetErrorString and returns the code.
CUresult fail(CUresult code, const std::string& text);

// With CUDA_EMULATOR_LATE_FAULTS, keeps the fault of a kernel for a later call, as a GPU does that
// computes while the host goes on; otherwise as `fail`.
CUresult fail_later(const std::string& text);

// The fault that was kept, or success.
CUresult late_fault();

// The error of a call from a thread without a current context.
CUresult no_context();

}  // namespace cuda_emulator
