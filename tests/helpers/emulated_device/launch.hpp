// Runs the threads of a kernel on the CPU.
#pragma once
#include <string>

#include "kernel.hpp"

namespace cuda_emulator {

// Runs all blocks. Returns what went wrong, or nothing.
std::string launch(const Kernel&, Index grid, Index block, size_t shared_bytes,
                   const char* arguments);

}  // namespace cuda_emulator
