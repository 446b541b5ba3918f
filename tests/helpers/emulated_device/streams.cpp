#include "streams.hpp"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "counts.hpp"

struct CUstream_st {
    std::vector<std::function<void()>> waiting;
};

struct CUevent_st {
    std::chrono::steady_clock::time_point time;
    CUstream stream;
};

extern "C" int cuda_waits = 0;  // how often the host has waited for the device, or may have had to

namespace cuda_emulator {
namespace {

auto& streams = *new std::vector<std::unique_ptr<CUstream_st>>;  // outlives every caller

}  // namespace

void later(CUstream stream, std::function<void()> work) {
    if (stream) {
        stream->waiting.push_back(std::move(work));
        return;
    }
    finish(nullptr);
    work();
}

void finish(CUstream stream) {
    if (!stream) {
        for (auto& each : streams)
            finish(each.get());
        return;
    }
    for (auto& work : std::exchange(stream->waiting, {}))
        work();
}

void wait_for(CUstream stream, const char* name) {
    ++cuda_waits;
    count("wait", name);
    finish(stream);
}

}  // namespace cuda_emulator

using cuda_emulator::finish;
using cuda_emulator::streams;
using cuda_emulator::wait_for;

extern "C" {

CUresult cuStreamCreate(CUstream* stream, unsigned) {
    *stream = streams.emplace_back(new CUstream_st).get();
    return CUDA_SUCCESS;
}

CUresult cuStreamDestroy(CUstream) { return CUDA_SUCCESS; }

CUresult cuStreamSynchronize(CUstream stream) {
    wait_for(stream, "cuStreamSynchronize");
    return CUDA_SUCCESS;
}

CUresult cuStreamWaitEvent(CUstream, CUevent event, unsigned) {
    finish(event->stream);
    return CUDA_SUCCESS;
}

CUresult cuEventCreate(CUevent* event, unsigned) {
    *event = new CUevent_st;
    return CUDA_SUCCESS;
}

CUresult cuEventDestroy(CUevent event) {
    delete event;
    return CUDA_SUCCESS;
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
    *event = {std::chrono::steady_clock::now(), stream};
    return CUDA_SUCCESS;
}

CUresult cuEventSynchronize(CUevent event) {
    wait_for(event->stream, "cuEventSynchronize");
    return CUDA_SUCCESS;
}

CUresult cuEventQuery(CUevent event) {
    const bool idle = !event->stream || event->stream->waiting.empty();
    return idle ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
    *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
    return CUDA_SUCCESS;
}

}  // extern "C"
