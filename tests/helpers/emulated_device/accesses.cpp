// g++ -fsanitize=thread puts a call of one of these functions in front of each access to memory,
// for a library that finds races. Here they count bytes instead.
#include "accesses.hpp"

#include <cstddef>
#include <string_view>
#include <utility>

#include "counts.hpp"
#include "memory.hpp"

namespace {

size_t loaded, stored;

bool on_device(const void* address) {
    const cuda_emulator::Buffer* buffer = cuda_emulator::buffer_at(address);
    return buffer && std::string_view(buffer->kind) == "a device buffer";
}

}  // namespace

void cuda_emulator::count_accesses(const char* kernel) {
    if (loaded) count("loaded", kernel, std::exchange(loaded, 0));
    if (stored) count("stored", kernel, std::exchange(stored, 0));
}

#define ACCESS(bytes)                                                                    \
    void __tsan_read##bytes(void* at) { loaded += on_device(at) ? bytes : 0; }           \
    void __tsan_write##bytes(void* at) { stored += on_device(at) ? bytes : 0; }          \
    void __tsan_unaligned_read##bytes(void* at) { loaded += on_device(at) ? bytes : 0; } \
    void __tsan_unaligned_write##bytes(void* at) { stored += on_device(at) ? bytes : 0; }

extern "C" {

ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
void __tsan_read_range(void* at, size_t bytes) { loaded += on_device(at) ? bytes : 0; }
void __tsan_write_range(void* at, size_t bytes) { stored += on_device(at) ? bytes : 0; }
void __tsan_init() {}

}  // extern "C"
