// Captured graphs: what is asked of a stream, kept to be done again by one call.
#pragma once
#include <cuda.h>

#include <functional>

namespace cuda_emulator {

using Work = std::function<CUresult()>;

// Does the work, or keeps it for the graph that is being captured. The work must not refer to
// anything that the caller may change.
CUresult now_or_captured(Work work);

// What a call must not do while a graph is captured, such as waiting: the capture then fails.
void spoil_capture();

}  // namespace cuda_emulator
