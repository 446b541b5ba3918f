// What a compiled kernel and the launcher in libcuda.so.1 know about each other.
#pragma once
#include <stddef.h>

namespace cuda_emulator {

struct Index {
    unsigned x = 1, y = 1, z = 1;
};

// Of the thread that runs now. One thread runs at a time.
extern Index threadIdx, blockIdx, blockDim, gridDim;
extern char* dynamic_shared;

void wait_at_barrier(int line);

// A file of kernels exports one of these for kernel `f`, under the name `f_kernel`.
struct Kernel {
    const char* name;
    void (*run_thread)(const char* arguments);
    size_t argument_bytes;
    char *shared, *shared_end;  // the __shared__ arrays of the file
};

}  // namespace cuda_emulator
