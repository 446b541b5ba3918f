#include "counts.hpp"

#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace {

struct Count {
    long calls = 0;
    size_t bytes = 0;
};

std::mutex counts_mutex;
auto& counts = *new std::map<std::pair<std::string, std::string>, Count>;  // by kind and name

bool empty_at_first() {
    const char* wanted = std::getenv("CUDA_EMULATOR_EMPTY");
    return wanted && std::string_view(wanted) == "1";
}

}  // namespace

extern "C" {

int cuda_empty = empty_at_first();

// What was counted since the last call of this function: lines of kind, name, calls and bytes. The
// text is valid until the next call.
const char* cuda_counts() {
    static std::string text;
    std::lock_guard lock(counts_mutex);
    text.clear();
    for (const auto& [key, count] : counts) {
        text += key.first + " " + key.second + " ";
        text += std::to_string(count.calls) + " " + std::to_string(count.bytes) + "\n";
    }
    counts.clear();
    return text.c_str();
}

}  // extern "C"

void cuda_emulator::count(const char* kind, const char* name, size_t bytes) {
    std::lock_guard lock(counts_mutex);
    Count& found = counts[{kind, name}];
    ++found.calls;
    found.bytes += bytes;
}
