// What the emulated cuBLAS and cuDNN ask about numbers, and about where they lie.
#pragma once
#include <cuda.h>

#include <cstdint>
#include <cstring>

namespace cuda_emulator {

// Whether that many floats lie in one buffer of the device.
inline bool on_device(const float* values, int64_t count) {
    CUdeviceptr start;
    size_t bytes;
    const auto pointer = reinterpret_cast<CUdeviceptr>(values);
    if (cuMemGetAddressRange(&start, &bytes, pointer)) return false;
    return pointer + count * sizeof(float) <= start + bytes;
}

// The number as a tensor core takes it, with 10 bits after the point, or as it is.
inline float tf32(float number, bool rounded) {
    if (!rounded) return number;
    uint32_t bits;
    std::memcpy(&bits, &number, sizeof bits);
    bits = (bits + 0x1000) & ~0x1fffu;
    std::memcpy(&number, &bits, sizeof bits);
    return number;
}

}  // namespace cuda_emulator
