// The memory of the emulated device, and copies from, to and inside of it.
#include <cuda.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "counts.hpp"
#include "driver.hpp"
#include "memory.hpp"
#include "streams.hpp"

using cuda_emulator::Buffer;
using cuda_emulator::context_depth;
using cuda_emulator::count;
using cuda_emulator::fail;
using cuda_emulator::finish;
using cuda_emulator::later;
using cuda_emulator::no_context;
using cuda_emulator::total_memory;
using cuda_emulator::wait_for;

namespace {

std::mutex memory_mutex;
// Never destroyed: PyCUDA frees its last buffers when the process ends.
auto& allocations = *new std::map<CUdeviceptr, std::unique_ptr<Buffer>>;
size_t allocated;  // bytes

void* host(CUdeviceptr pointer) { return reinterpret_cast<void*>(pointer); }

CUresult bad_range(size_t bytes, const std::string& what) {
    return fail(CUDA_ERROR_INVALID_VALUE, "a range of " + std::to_string(bytes) + " bytes " + what);
}

// Calls work(start) if the bytes at `pointer` lie in one device buffer.
template <class Work>
CUresult with(CUdeviceptr pointer, size_t bytes, Work work) {
    if (!context_depth) return no_context();
    const auto start = static_cast<char*>(host(pointer));
    const Buffer* buffer = cuda_emulator::buffer_at(start);
    if (!buffer || start < buffer->start)
        return bad_range(bytes, "starts " + cuda_emulator::describe(start));
    if (start + bytes > buffer->end)
        return bad_range(bytes, "ends " + cuda_emulator::describe(start + bytes));
    work(start);
    return CUDA_SUCCESS;
}

template <class T>
CUresult fill(CUdeviceptr to, T value, size_t n) {
    count("memset", "set", n * sizeof(T));
    return with(to, n * sizeof(T), [=](char* start) {
        for (size_t i = 0; i < n && !cuda_empty; ++i)
            std::memcpy(start + i * sizeof(T), &value, sizeof(T));
    });
}

void copy(void* to, const void* from, size_t bytes) {
    if (!cuda_empty) std::memmove(to, from, bytes);
}

CUresult upload(CUdeviceptr to, const void* from, size_t bytes) {
    count("copy", "to_device", bytes);
    return with(to, bytes, [=](char* start) { copy(start, from, bytes); });
}

CUresult download(void* to, CUdeviceptr from, size_t bytes) {
    count("copy", "to_host", bytes);
    return with(from, bytes, [=](char* start) { copy(to, start, bytes); });
}

CUresult move(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
    count("copy", "on_device", bytes);
    CUresult result = CUDA_SUCCESS;
    const CUresult source = with(from, bytes, [&](char* start) {
        result = with(to, bytes, [=](char* target) { copy(target, start, bytes); });
    });
    return source ? source : result;
}

}  // namespace

extern "C" {

// Buffers

CUresult cuMemGetInfo(size_t* free, size_t* total) {
    std::lock_guard lock(memory_mutex);
    *total = total_memory;
    *free = total_memory - allocated;
    return CUDA_SUCCESS;
}

CUresult cuMemAlloc(CUdeviceptr* result, size_t bytes) {
    if (!context_depth) return no_context();
    if (!bytes) return fail(CUDA_ERROR_INVALID_VALUE, "a buffer needs at least one byte");
    wait_for(nullptr, "cuMemAlloc");
    std::lock_guard lock(memory_mutex);
    if (bytes > total_memory - allocated) return fail(CUDA_ERROR_OUT_OF_MEMORY, "out of memory");
    auto buffer = std::make_unique<Buffer>("a device buffer", bytes);
    if (!cuda_empty) buffer->fill_with_nans();
    *result = reinterpret_cast<CUdeviceptr>(buffer->start);
    allocations[*result] = std::move(buffer);
    allocated += bytes;
    return CUDA_SUCCESS;
}

CUresult cuMemFree(CUdeviceptr pointer) {
    wait_for(nullptr, "cuMemFree");
    std::lock_guard lock(memory_mutex);
    const auto found = allocations.find(pointer);
    if (found == allocations.end())
        return fail(CUDA_ERROR_INVALID_VALUE, "no device buffer starts here");
    allocated -= found->second->bytes;
    allocations.erase(found);
    return CUDA_SUCCESS;
}

CUresult cuMemGetAddressRange(CUdeviceptr* start, size_t* bytes, CUdeviceptr pointer) {
    return with(pointer, 0, [=](char*) {
        const Buffer* buffer = cuda_emulator::buffer_at(host(pointer));
        *start = reinterpret_cast<CUdeviceptr>(buffer->start);
        *bytes = buffer->bytes;
    });
}

CUresult cuMemHostAlloc(void** result, size_t bytes, unsigned) {
    *result = std::malloc(bytes);
    return *result ? CUDA_SUCCESS : fail(CUDA_ERROR_OUT_OF_MEMORY, "out of host memory");
}

CUresult cuMemFreeHost(void* pointer) {
    wait_for(nullptr, "cuMemFreeHost");
    std::free(pointer);
    return CUDA_SUCCESS;
}

// Copies that wait

CUresult cuMemcpyHtoD(CUdeviceptr to, const void* from, size_t n) {
    wait_for(nullptr, "cuMemcpyHtoD");
    return upload(to, from, n);
}

CUresult cuMemcpyDtoH(void* to, CUdeviceptr from, size_t n) {
    wait_for(nullptr, "cuMemcpyDtoH");
    return download(to, from, n);
}

CUresult cuMemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t n) { return move(to, from, n); }

// Copies that do not wait

CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, size_t n, CUstream stream) {
    count("copy", "to_device", n);
    return with(to, n, [=](char* start) { later(stream, [=] { copy(start, from, n); }); });
}

CUresult cuMemcpyDtoHAsync(void* to, CUdeviceptr from, size_t n, CUstream stream) {
    count("copy", "to_host", n);
    return with(from, n, [=](char* start) { later(stream, [=] { copy(to, start, n); }); });
}

CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream stream) {
    finish(stream);
    return move(to, from, n);
}

// Fills

CUresult cuMemsetD8(CUdeviceptr to, unsigned char value, size_t n) { return fill(to, value, n); }
CUresult cuMemsetD16(CUdeviceptr to, unsigned short value, size_t n) { return fill(to, value, n); }
CUresult cuMemsetD32(CUdeviceptr to, unsigned value, size_t n) { return fill(to, value, n); }

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t n, CUstream stream) {
    finish(stream);
    return fill(to, value, n);
}

CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t n, CUstream stream) {
    finish(stream);
    return fill(to, value, n);
}

}  // extern "C"
