#include "streams.hpp"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

struct CUstream_st { std::vector<std::function<void()>> waiting; };

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
  if (stream) stream->waiting.push_back(std::move(work));
  else finish(nullptr), work();
}

void finish(CUstream stream) {
  if (!stream) {
    for (auto& each : streams) finish(each.get());
    return;
  }
  for (auto& work : std::exchange(stream->waiting, {})) work();
}

void wait_for(CUstream stream) {
  ++cuda_waits;
  finish(stream);
}

}  // namespace cuda_emulator

using cuda_emulator::finish;
using cuda_emulator::streams;
using cuda_emulator::wait_for;

extern "C" {

CUresult cuStreamCreate(CUstream* stream, unsigned) {
  return *stream = streams.emplace_back(new CUstream_st).get(), CUDA_SUCCESS;
}
CUresult cuStreamDestroy(CUstream) { return CUDA_SUCCESS; }
CUresult cuStreamSynchronize(CUstream stream) { return wait_for(stream), CUDA_SUCCESS; }
CUresult cuStreamWaitEvent(CUstream, CUevent event, unsigned) {
  return finish(event->stream), CUDA_SUCCESS;
}

CUresult cuEventCreate(CUevent* event, unsigned) { return *event = new CUevent_st, CUDA_SUCCESS; }
CUresult cuEventDestroy(CUevent event) { return delete event, CUDA_SUCCESS; }
CUresult cuEventRecord(CUevent event, CUstream stream) {
  return *event = {std::chrono::steady_clock::now(), stream}, CUDA_SUCCESS;
}
CUresult cuEventSynchronize(CUevent event) { return wait_for(event->stream), CUDA_SUCCESS; }
CUresult cuEventQuery(CUevent event) {
  const bool idle = !event->stream || event->stream->waiting.empty();
  return idle ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}
CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
  return CUDA_SUCCESS;
}

}  // extern "C"
