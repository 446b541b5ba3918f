// Memory whose misuse shows: it lies between two pages that cannot be touched, and starts as NaNs.
// It has to start at a multiple of 16, so a few bytes of slack separate it from those pages.
#pragma once
#include <cstddef>
#include <string>

namespace cuda_emulator {

class Buffer {
public:
    Buffer(const char* kind, size_t bytes);  // throws std::bad_alloc
    ~Buffer();
    Buffer(const Buffer&) = delete;

    void fill_with_nans();
    bool mend_slack();  // fills it with NaNs again; returns whether it had been written to

    const char* const kind;
    const size_t bytes;
    char *start, *end;
    char *guard, *guard_end;  // from the first byte that cannot be touched to the end of the last
};

// The buffer that holds this byte, inside or in the page before or after it, or nullptr.
const Buffer* buffer_at(const void* address);

// "4 bytes past the end of a device buffer of 80 bytes"
std::string describe(const void* address);

// The first buffer whose slack was written to, now mended, or nullptr.
const Buffer* mend_damaged_buffer();

}  // namespace cuda_emulator
