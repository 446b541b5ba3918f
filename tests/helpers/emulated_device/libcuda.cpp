// A libcuda.so.1 that emulates one CUDA device on the CPU: as much of the driver's interface as
// PyCUDA asks for. Here are devices and contexts; libcuda_memory.cpp has memory, and
// libcuda_kernels.cpp has modules and launches. The calling thread does all work, at once except
// for what streams.hpp puts off.
#include <cuda.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "driver.hpp"
#include "streams.hpp"

using cuda_emulator::context_depth;
using cuda_emulator::fail;
using cuda_emulator::no_context;

namespace cuda_emulator {
namespace {

thread_local std::string last_error;

}  // namespace

thread_local int context_depth;

CUresult fail(CUresult code, const std::string& text) {
    last_error = text;
    return code;
}

CUresult no_context() {
    return fail(CUDA_ERROR_INVALID_CONTEXT, "no CUDA context is current in this thread");
}

}  // namespace cuda_emulator

namespace {

CUcontext const the_context = reinterpret_cast<CUcontext>(1);
CUdevice the_device;  // whose context that is

// How many devices a process finds; it computes on one.
int devices() {
    const char* count = std::getenv("CUDA_EMULATOR_DEVICES");
    return count ? std::atoi(count) : 1;
}

}  // namespace

extern "C" {

extern const int cuda_is_emulated = 1;  // distinguishes this library from NVIDIA's

CUresult cuInit(unsigned) { return CUDA_SUCCESS; }

CUresult cuDriverGetVersion(int* version) {
    *version = CUDA_VERSION;
    return CUDA_SUCCESS;
}

CUresult cuGetErrorString(CUresult code, const char** text) {
    const bool unsupported = code == CUDA_ERROR_NOT_SUPPORTED;
    *text = unsupported ? "the emulated device cannot do this" : cuda_emulator::last_error.c_str();
    return CUDA_SUCCESS;
}

// Devices

CUresult cuDeviceGetCount(int* count) {
    *count = devices();
    return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice* device, int i) {
    *device = i;
    const bool exists = 0 <= i && i < devices();
    return exists ? CUDA_SUCCESS : fail(CUDA_ERROR_INVALID_DEVICE, "no device has that number");
}

CUresult cuDeviceGetName(char* name, int size, CUdevice) {
    std::snprintf(name, size, "emulated CUDA device");
    return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem(size_t* bytes, CUdevice) {
    *bytes = cuda_emulator::total_memory;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice) {
    static const std::map<CUdevice_attribute, int> values{
        {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 9},
        {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0},
        {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, cuda_emulator::max_threads},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, cuda_emulator::max_threads},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, cuda_emulator::max_threads},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 0x7fffffff},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 0xffff},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 0xffff},
        {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, cuda_emulator::max_shared},
        {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
        {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 4},
        {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536},
    };
    const auto found = values.find(attribute);
    *value = found == values.end() ? 0 : found->second;
    return CUDA_SUCCESS;
}

CUresult cuDeviceComputeCapability(int* major, int* minor, CUdevice device) {
    cuDeviceGetAttribute(major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device);
    return cuDeviceGetAttribute(minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device);
}

// Contexts

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
    the_device = device;
    *context = the_context;
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease(CUdevice) { return CUDA_SUCCESS; }

CUresult cuCtxCreate_v4(CUcontext* context, CUctxCreateParams*, unsigned, CUdevice) {
    *context = the_context;
    ++context_depth;
    return CUDA_SUCCESS;
}

CUresult cuCtxDestroy(CUcontext) { return CUDA_SUCCESS; }
CUresult cuCtxDetach(CUcontext) { return CUDA_SUCCESS; }

CUresult cuCtxPushCurrent(CUcontext) {
    ++context_depth;
    return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent(CUcontext* context) {
    if (!context_depth) return no_context();
    if (context) *context = the_context;
    --context_depth;
    return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext* context) {
    *context = context_depth ? the_context : nullptr;
    return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice* device) {
    *device = the_device;
    return context_depth ? CUDA_SUCCESS : no_context();
}

CUresult cuCtxSynchronize() {
    cuda_emulator::wait_for(nullptr, "cuCtxSynchronize");
    return context_depth ? CUDA_SUCCESS : no_context();
}

}  // extern "C"
