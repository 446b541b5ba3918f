// For g++, what nvcc gives to device code by itself. The stand-in nvcc includes this before each
// file of kernels. It turns `__global__` and `__shared__` into C++ itself, having to find them.
#pragma once
#include <math.h>
#include <string.h>

#include "kernel.hpp"

#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__

using cuda_emulator::blockDim;
using cuda_emulator::blockIdx;
using cuda_emulator::gridDim;
using cuda_emulator::threadIdx;
using dim3 = cuda_emulator::Index;

inline void __syncthreads(int line = __builtin_LINE()) { cuda_emulator::wait_at_barrier(line); }

inline void __threadfence() {}  // one thread runs at a time

// The upper half of the product.
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned long long)a * b >> 32; }

struct alignas(16) float4 {
    float x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

inline unsigned atomicInc(unsigned* address, unsigned last) {
    unsigned old = *address;
    *address = old >= last ? 0 : old + 1;
    return old;
}

template <class T>
T atomicAdd(T* address, T value) {
    T old = *address;
    *address += value;
    return old;
}

// As in CUDA, of a NaN and a number, the number is both the larger and the smaller.
inline float max(float a, float b) { return fmaxf(a, b); }
inline float min(float a, float b) { return fminf(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline int max(int a, int b) { return a > b ? a : b; }
inline int min(int a, int b) { return a < b ? a : b; }
inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline double rsqrt(double x) { return 1 / sqrt(x); }
inline void sincos(float x, float* sine, float* cosine) { sincosf(x, sine, cosine); }

namespace cuda_emulator {

// The section that `__shared__` puts its arrays in; the linker makes these two symbols.
extern "C" char __start_shared_memory[] __attribute__((weak, visibility("hidden")));
extern "C" char __stop_shared_memory[] __attribute__((weak, visibility("hidden")));

// Arguments lie in their buffer like the members of a struct.
template <class T>
constexpr size_t end_of(size_t previous) {
    return (previous + alignof(T) - 1) / alignof(T) * alignof(T) + sizeof(T);
}

template <class T>
T next_argument(const char* buffer, size_t& end) {
    T value;
    end = end_of<T>(end);
    memcpy(&value, buffer + end - sizeof(T), sizeof(T));
    return value;
}

struct Call {
    template <class... T>
    Call(void (*kernel)(T...), T... arguments) {
        kernel(arguments...);
    }
};

template <auto kernel, class... T>
Kernel entry(const char* name, void (*)(T...)) {
    size_t bytes = 0;
    ((bytes = end_of<T>(bytes)), ...);
    auto run_thread = [](const char* buffer) {
        [[maybe_unused]] size_t end = 0;
        Call{kernel, next_argument<T>(buffer, end)...};  // braces: evaluated from left to right
    };
    return {name, run_thread, bytes, __start_shared_memory, __stop_shared_memory};
}

}  // namespace cuda_emulator
