// Streams that are as late as a GPU may be: a copy between host and device that does not wait is done when something
// waits for it, or comes behind it in its stream. So who reads too early, or changes its source too early, gets wrong
// numbers. All else is done at once.
#pragma once
#include <cuda.h>

#include <functional>

namespace cuda_emulator {

// Leaves the work for later; the null stream does it now.
void later(CUstream, std::function<void()> work);

// Does what waits in the stream; the null stream stands for all of them.
void finish(CUstream);

// The same as what the host waits for, which cuda_waits counts.
void wait_for(CUstream);

}  // namespace cuda_emulator
