#include "memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <new>

namespace cuda_emulator {
namespace {

const size_t page = sysconf(_SC_PAGESIZE);
const char nan_byte = '\xff';

auto& buffers = *new std::map<const void*, Buffer*>;  // by `guard`; outlives every buffer
std::mutex buffers_mutex;

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

bool all_nan(const char* from, const char* to) {
    return std::all_of(from, to, [](char byte) { return byte == nan_byte; });
}

}  // namespace

Buffer::Buffer(const char* kind, size_t bytes) : kind(kind), bytes(bytes) {
    const size_t usable = round_up(bytes, page);
    void* mapped = mmap(nullptr, usable + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    guard = static_cast<char*>(mapped);
    guard_end = guard + usable + 2 * page;
    start = guard_end - page - round_up(bytes, 16);
    end = start + bytes;
    mprotect(guard + page, usable, PROT_READ | PROT_WRITE);
    std::lock_guard lock(buffers_mutex);
    buffers[guard] = this;
}

Buffer::~Buffer() {
    std::lock_guard lock(buffers_mutex);
    buffers.erase(guard);
    munmap(guard, guard_end - guard);
}

void Buffer::fill_with_nans() { std::memset(guard + page, nan_byte, guard_end - guard - 2 * page); }

bool Buffer::mend_slack() {
    char* first = guard + page;
    char* last = guard_end - page;
    if (all_nan(first, start) && all_nan(end, last)) return false;
    std::memset(first, nan_byte, start - first);
    std::memset(end, nan_byte, last - end);
    return true;
}

const Buffer* buffer_at(const void* address) {
    std::lock_guard lock(buffers_mutex);
    const auto next = buffers.upper_bound(address);
    if (next == buffers.begin()) return nullptr;
    const Buffer* buffer = std::prev(next)->second;
    return address < buffer->guard_end ? buffer : nullptr;
}

std::string describe(const void* address) {
    const Buffer* buffer = buffer_at(address);
    if (!buffer) return "where there is no buffer";
    const std::string name = buffer->kind + (" of " + std::to_string(buffer->bytes) + " bytes");
    const auto at = static_cast<const char*>(address);
    if (at < buffer->start)
        return std::to_string(buffer->start - at) + " bytes before the start of " + name;
    return std::to_string(at - buffer->end) + " bytes past the end of " + name;
}

const Buffer* mend_damaged_buffer() {
    std::lock_guard lock(buffers_mutex);
    for (auto& [guard, buffer] : buffers)
        if (buffer->mend_slack()) return buffer;
    return nullptr;
}

}  // namespace cuda_emulator
