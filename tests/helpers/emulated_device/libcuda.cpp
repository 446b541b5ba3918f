// A libcuda.so.1 that emulates one CUDA device on the CPU: as much of the driver's interface as
// PyCUDA asks for. Its modules are shared objects made by the stand-in nvcc. All work is done in the
// calling thread, at once but for what streams.hpp says.
#include <cuda.h>
#include <dlfcn.h>
#include <elf.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "launch.hpp"
#include "memory.hpp"
#include "streams.hpp"

using cuda_emulator::Buffer;
using cuda_emulator::finish;
using cuda_emulator::later;
using cuda_emulator::wait_for;

namespace {

const size_t total_memory = size_t(8) << 30;
const unsigned max_threads = 1024, max_shared = 48 << 10;
CUcontext const the_context = reinterpret_cast<CUcontext>(1);
thread_local int context_depth;  // the one context may be pushed many times
CUdevice the_device;             // whose context that is

// How many a process finds; it computes on one.
int devices() {
  const char* count = std::getenv("CUDA_EMULATOR_DEVICES");
  return count ? std::atoi(count) : 1;
}
thread_local std::string last_error;

std::mutex memory_mutex;
// Never destroyed: PyCUDA frees its last buffers when the process ends.
auto& allocations = *new std::map<CUdeviceptr, std::unique_ptr<Buffer>>;
size_t allocated;

CUresult fail(CUresult code, const std::string& text) {
  last_error = text;
  return code;
}
CUresult no_context() {
  return fail(CUDA_ERROR_INVALID_CONTEXT, "no CUDA context is current in this thread");
}

void* host(CUdeviceptr pointer) { return reinterpret_cast<void*>(pointer); }

// Runs `work` if the bytes at `pointer` lie in one device buffer.
template <class Work> CUresult with(CUdeviceptr pointer, size_t bytes, Work work) {
  if (!context_depth) return no_context();
  const Buffer* buffer = cuda_emulator::buffer_at(host(pointer));
  auto start = static_cast<char*>(host(pointer));
  const bool starts_inside = buffer && start >= buffer->start;
  if (!starts_inside || start + bytes > buffer->end)
    return fail(CUDA_ERROR_INVALID_VALUE,
                "a range of " + std::to_string(bytes) + " bytes" +
                    (starts_inside ? " ends " + cuda_emulator::describe(start + bytes)
                                   : " starts " + cuda_emulator::describe(start)));
  work(start);
  return CUDA_SUCCESS;
}

template <class T> CUresult fill(CUdeviceptr to, T value, size_t count) {
  return with(to, count * sizeof(T), [=](char* start) {
    for (size_t i = 0; i < count; ++i) std::memcpy(start + i * sizeof(T), &value, sizeof(T));
  });
}
CUresult upload(CUdeviceptr to, const void* from, size_t bytes) {
  return with(to, bytes, [=](char* start) { std::memcpy(start, from, bytes); });
}
CUresult download(void* to, CUdeviceptr from, size_t bytes) {
  return with(from, bytes, [=](char* start) { std::memcpy(to, start, bytes); });
}
CUresult move(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  CUresult result = CUDA_SUCCESS;
  CUresult source = with(from, bytes, [&](char* start) {
    result = with(to, bytes, [=](char* target) { std::memmove(target, start, bytes); });
  });
  return source ? source : result;
}

}  // namespace

extern "C" {

extern const int cuda_is_emulated = 1;  // tells this library from NVIDIA's

CUresult cuInit(unsigned) { return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int* version) { return *version = CUDA_VERSION, CUDA_SUCCESS; }
CUresult cuGetErrorString(CUresult code, const char** text) {
  *text = code == CUDA_ERROR_NOT_SUPPORTED ? "the emulated device cannot do this"
                                           : last_error.c_str();
  return CUDA_SUCCESS;
}

// Devices and contexts

CUresult cuDeviceGetCount(int* count) { return *count = devices(), CUDA_SUCCESS; }
CUresult cuDeviceGet(CUdevice* device, int i) {
  *device = i;
  const bool there = 0 <= i && i < devices();
  return there ? CUDA_SUCCESS : fail(CUDA_ERROR_INVALID_DEVICE, "no device has that number");
}
CUresult cuDeviceGetName(char* name, int size, CUdevice) {
  return std::snprintf(name, size, "emulated CUDA device"), CUDA_SUCCESS;
}
CUresult cuDeviceTotalMem(size_t* bytes, CUdevice) { return *bytes = total_memory, CUDA_SUCCESS; }
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice) {
  static const std::map<CUdevice_attribute, int> values{
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 9},
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0},
      {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, max_threads},
      {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, max_threads},
      {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, max_threads},
      {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64},
      {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 0x7fffffff},
      {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 0xffff},
      {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 0xffff},
      {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, max_shared},
      {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
      {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 4},
      {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536},
  };
  auto found = values.find(attribute);
  return *value = found == values.end() ? 0 : found->second, CUDA_SUCCESS;
}
CUresult cuDeviceComputeCapability(int* major, int* minor, CUdevice device) {
  cuDeviceGetAttribute(major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device);
  return cuDeviceGetAttribute(minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device);
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  return the_device = device, *context = the_context, CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRelease(CUdevice) { return CUDA_SUCCESS; }
CUresult cuCtxCreate_v4(CUcontext* context, CUctxCreateParams*, unsigned, CUdevice) {
  return *context = the_context, ++context_depth, CUDA_SUCCESS;
}
CUresult cuCtxDestroy(CUcontext) { return CUDA_SUCCESS; }
CUresult cuCtxDetach(CUcontext) { return CUDA_SUCCESS; }
CUresult cuCtxPushCurrent(CUcontext) { return ++context_depth, CUDA_SUCCESS; }
CUresult cuCtxPopCurrent(CUcontext* context) {
  if (!context_depth) return no_context();
  if (context) *context = the_context;
  return --context_depth, CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(CUcontext* context) {
  return *context = context_depth ? the_context : nullptr, CUDA_SUCCESS;
}
CUresult cuCtxGetDevice(CUdevice* device) {
  return *device = the_device, context_depth ? CUDA_SUCCESS : no_context();
}
CUresult cuCtxSynchronize() {
  wait_for(nullptr);
  return context_depth ? CUDA_SUCCESS : no_context();
}

// Memory

CUresult cuMemGetInfo(size_t* free, size_t* total) {
  std::lock_guard lock(memory_mutex);
  return *total = total_memory, *free = total_memory - allocated, CUDA_SUCCESS;
}
CUresult cuMemAlloc(CUdeviceptr* result, size_t bytes) {
  if (!context_depth) return no_context();
  if (!bytes) return fail(CUDA_ERROR_INVALID_VALUE, "a buffer needs at least one byte");
  wait_for(nullptr);
  std::lock_guard lock(memory_mutex);
  if (bytes > total_memory - allocated)
    return fail(CUDA_ERROR_OUT_OF_MEMORY, "out of memory");
  auto buffer = std::make_unique<Buffer>("a device buffer", bytes);
  buffer->fill_with_nans();
  *result = reinterpret_cast<CUdeviceptr>(buffer->start);
  allocations[*result] = std::move(buffer);
  return allocated += bytes, CUDA_SUCCESS;
}
CUresult cuMemFree(CUdeviceptr pointer) {
  wait_for(nullptr);
  std::lock_guard lock(memory_mutex);
  auto found = allocations.find(pointer);
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
  wait_for(nullptr);
  return std::free(pointer), CUDA_SUCCESS;
}

CUresult cuMemcpyHtoD(CUdeviceptr to, const void* from, size_t n) {
  wait_for(nullptr);
  return upload(to, from, n);
}
CUresult cuMemcpyDtoH(void* to, CUdeviceptr from, size_t n) {
  wait_for(nullptr);
  return download(to, from, n);
}
CUresult cuMemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t n) { return move(to, from, n); }
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, size_t n, CUstream stream) {
  return with(to, n, [=](char* start) {
    later(stream, [=] { std::memcpy(start, from, n); });
  });
}
CUresult cuMemcpyDtoHAsync(void* to, CUdeviceptr from, size_t n, CUstream stream) {
  return with(from, n, [=](char* start) {
    later(stream, [=] { std::memcpy(to, start, n); });
  });
}
CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream stream) {
  return finish(stream), move(to, from, n);
}
CUresult cuMemsetD8(CUdeviceptr to, unsigned char value, size_t n) { return fill(to, value, n); }
CUresult cuMemsetD16(CUdeviceptr to, unsigned short value, size_t n) { return fill(to, value, n); }
CUresult cuMemsetD32(CUdeviceptr to, unsigned value, size_t n) { return fill(to, value, n); }
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t n, CUstream stream) {
  return finish(stream), fill(to, value, n);
}
CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t n, CUstream stream) {
  return finish(stream), fill(to, value, n);
}

// Modules and launches

CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned, CUjit_option*, void**) {
  dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);  // lets kernels find the launcher
  auto header = static_cast<const Elf64_Ehdr*>(image);  // the section headers end the file
  const size_t bytes = header->e_shoff + size_t(header->e_shentsize) * header->e_shnum;
  char path[] = "/tmp/emulated-device-XXXXXX";
  const int file = mkstemp(path);
  const bool written = write(file, image, bytes) == ssize_t(bytes);
  close(file);
  *module = written ? static_cast<CUmodule>(dlopen(path, RTLD_NOW | RTLD_LOCAL)) : nullptr;
  unlink(path);
  return *module ? CUDA_SUCCESS : fail(CUDA_ERROR_INVALID_IMAGE, dlerror());
}
CUresult cuModuleUnload(CUmodule module) { return dlclose(module), CUDA_SUCCESS; }
CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
  *function = static_cast<CUfunction>(dlsym(module, (std::string(name) + "_kernel").c_str()));
  return *function ? CUDA_SUCCESS
                   : fail(CUDA_ERROR_NOT_FOUND, std::string("no kernel is named ") + name);
}
CUresult cuFuncSetBlockShape(CUfunction, int, int, int) { return CUDA_SUCCESS; }
CUresult cuLaunchKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                        unsigned by, unsigned bz, unsigned shared_bytes, CUstream stream,
                        void** parameters, void** extra) {
  if (!context_depth) return no_context();
  finish(stream);
  if (parameters || !extra || extra[0] != CU_LAUNCH_PARAM_BUFFER_POINTER ||
      extra[2] != CU_LAUNCH_PARAM_BUFFER_SIZE)
    return CUDA_ERROR_NOT_SUPPORTED;
  if (!gx || !gy || !gz || gx > 0x7fffffff || gy > 0xffff || gz > 0xffff)
    return fail(CUDA_ERROR_INVALID_VALUE, "a grid has 1 to 2147483647 x 65535 x 65535 blocks");
  if (!bx || !by || !bz || bz > 64 || size_t(bx) * by * bz > max_threads)
    return fail(CUDA_ERROR_INVALID_VALUE, "a block has 1 to 1024 threads, at most 64 along z");
  if (shared_bytes > max_shared)
    return fail(CUDA_ERROR_INVALID_VALUE, "a block has 48 KiB of shared memory");
  auto& kernel = *reinterpret_cast<const cuda_emulator::Kernel*>(function);
  const size_t bytes = *static_cast<size_t*>(extra[3]);
  if (bytes != kernel.argument_bytes)
    return fail(CUDA_ERROR_INVALID_VALUE,
                std::string("kernel ") + kernel.name + " takes arguments of " +
                    std::to_string(kernel.argument_bytes) + " bytes, not " + std::to_string(bytes));
  std::string error = cuda_emulator::launch(kernel, {gx, gy, gz}, {bx, by, bz}, shared_bytes,
                                            static_cast<const char*>(extra[1]));
  return error.empty() ? CUDA_SUCCESS : fail(CUDA_ERROR_LAUNCH_FAILED, error);
}

}  // extern "C"
