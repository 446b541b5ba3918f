// Streams that are as late as a GPU may be. A copy between host and device that does not wait is
// done when something waits for it or follows it in its stream. So whoever reads too early, or
// changes the source too early, gets wrong numbers. Everything else is done at once.
#pragma once
#include <cuda.h>

#include <functional>

namespace cuda_emulator {

// Puts the work off; in the null stream it is done now.
void later(CUstream, std::function<void()> work);

// Does what waits in the stream; the null stream stands for all of them.
void finish(CUstream);

// The same, because the host waits in the call of this name; cuda_waits counts these calls.
void wait_for(CUstream, const char* name);

}  // namespace cuda_emulator
