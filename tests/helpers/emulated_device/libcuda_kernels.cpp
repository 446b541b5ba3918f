// The modules of the emulated device, shared objects made by the stand-in nvcc, and the launches of
// their kernels.
#include <cuda.h>
#include <dlfcn.h>
#include <elf.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "counts.hpp"
#include "driver.hpp"
#include "kernel.hpp"
#include "launch.hpp"
#include "streams.hpp"

using cuda_emulator::context_depth;
using cuda_emulator::fail;
using cuda_emulator::Index;
using cuda_emulator::Kernel;

namespace {

std::string wrong_arguments(const Kernel& kernel, size_t bytes) {
    return std::string("kernel ") + kernel.name + " takes arguments of "
           + std::to_string(kernel.argument_bytes) + " bytes, not " + std::to_string(bytes);
}

// What is wrong with the sizes of a launch, or nothing.
std::string size_fault(const Index& grid, const Index& block, unsigned shared_bytes) {
    const bool empty_grid = !grid.x || !grid.y || !grid.z;
    if (empty_grid || grid.x > 0x7fffffff || grid.y > 0xffff || grid.z > 0xffff)
        return "a grid has 1 to 2147483647 x 65535 x 65535 blocks";
    const size_t threads = size_t(block.x) * block.y * block.z;
    if (!threads || block.z > 64 || threads > cuda_emulator::max_threads)
        return "a block has 1 to 1024 threads, at most 64 along z";
    if (shared_bytes > cuda_emulator::max_shared) return "a block has 48 KiB of shared memory";
    return "";
}

}  // namespace

extern "C" {

CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned, CUjit_option*, void**) {
    dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);  // lets kernels find the launcher
    const auto header = static_cast<const Elf64_Ehdr*>(image);
    // The section headers end the file.
    const size_t bytes = header->e_shoff + size_t(header->e_shentsize) * header->e_shnum;
    char path[] = "/tmp/emulated-device-XXXXXX";
    const int file = mkstemp(path);
    const bool written = write(file, image, bytes) == ssize_t(bytes);
    close(file);
    *module = written ? static_cast<CUmodule>(dlopen(path, RTLD_NOW | RTLD_LOCAL)) : nullptr;
    unlink(path);
    return *module ? CUDA_SUCCESS : fail(CUDA_ERROR_INVALID_IMAGE, dlerror());
}

CUresult cuModuleUnload(CUmodule module) {
    dlclose(module);
    return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
    const std::string symbol = std::string(name) + "_kernel";
    *function = static_cast<CUfunction>(dlsym(module, symbol.c_str()));
    if (*function) return CUDA_SUCCESS;
    return fail(CUDA_ERROR_NOT_FOUND, std::string("no kernel is named ") + name);
}

CUresult cuFuncSetBlockShape(CUfunction, int, int, int) { return CUDA_SUCCESS; }

CUresult cuLaunchKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                        unsigned by, unsigned bz, unsigned shared_bytes, CUstream stream,
                        void** parameters, void** extra) {
    if (!context_depth) return cuda_emulator::no_context();
    cuda_emulator::finish(stream);
    const bool packed = !parameters && extra && extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER
                        && extra[2] == CU_LAUNCH_PARAM_BUFFER_SIZE;
    if (!packed) return CUDA_ERROR_NOT_SUPPORTED;
    const Index grid{gx, gy, gz};
    const Index block{bx, by, bz};
    const std::string fault = size_fault(grid, block, shared_bytes);
    if (!fault.empty()) return fail(CUDA_ERROR_INVALID_VALUE, fault);
    const auto& kernel = *reinterpret_cast<const Kernel*>(function);
    const auto arguments = static_cast<const char*>(extra[1]);
    const size_t bytes = *static_cast<size_t*>(extra[3]);
    if (bytes != kernel.argument_bytes)
        return fail(CUDA_ERROR_INVALID_VALUE, wrong_arguments(kernel, bytes));
    cuda_emulator::count("kernel", kernel.name);
    if (cuda_empty) return CUDA_SUCCESS;
    const std::string error = cuda_emulator::launch(kernel, grid, block, shared_bytes, arguments);
    return error.empty() ? CUDA_SUCCESS : fail(CUDA_ERROR_LAUNCH_FAILED, error);
}

}  // extern "C"
