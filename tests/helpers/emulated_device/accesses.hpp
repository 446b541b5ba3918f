// The bytes that kernels load from device memory, and those that they store there.
#pragma once

namespace cuda_emulator {

// Counts what was loaded and stored since the last call as the kernel's of this name. Only kernels
// that are compiled with -DCOUNTED tell.
void count_accesses(const char* kernel);

}  // namespace cuda_emulator
