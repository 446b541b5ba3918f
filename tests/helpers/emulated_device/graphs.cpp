#include "graphs.hpp"

#include <utility>
#include <vector>

#include "counts.hpp"
#include "driver.hpp"
#include "streams.hpp"

// A graph and its executable form, which are the same here.
struct CUgraph_st {
    std::vector<cuda_emulator::Work> work;
};

struct CUgraphExec_st {
    std::vector<cuda_emulator::Work> work;
};

namespace cuda_emulator {
namespace {

CUgraph capturing;
bool spoiled;

}  // namespace

CUresult now_or_captured(Work work) {
    if (!capturing) return work();
    capturing->work.push_back(std::move(work));
    return CUDA_SUCCESS;
}

void spoil_capture() { spoiled = true; }

}  // namespace cuda_emulator

using cuda_emulator::capturing;
using cuda_emulator::fail;
using cuda_emulator::spoiled;

extern "C" {

CUresult cuStreamBeginCapture(CUstream, CUstreamCaptureMode) {
    if (capturing) return fail(CUDA_ERROR_ILLEGAL_STATE, "a graph is being captured");
    capturing = new CUgraph_st;
    spoiled = false;
    return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream, CUgraph* graph) {
    if (!capturing) return fail(CUDA_ERROR_ILLEGAL_STATE, "no graph is being captured");
    *graph = std::exchange(capturing, nullptr);
    if (!spoiled) return CUDA_SUCCESS;
    delete *graph;
    *graph = nullptr;
    return fail(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "a call waited while a graph was captured");
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec* executable, CUgraph graph, unsigned long long) {
    *executable = new CUgraphExec_st{graph->work};
    return CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream) {
    cuda_emulator::count("graph", "launch");
    cuda_emulator::finish(stream);
    for (auto& work : executable->work)
        if (const CUresult result = work()) return result;
    return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph graph) {
    delete graph;
    return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(CUgraphExec executable) {
    delete executable;
    return CUDA_SUCCESS;
}

}  // extern "C"
