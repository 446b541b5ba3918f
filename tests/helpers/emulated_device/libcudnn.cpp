// A libcudnn that convolves on the CPU: the functions of it that the CUDA engine uses.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "algorithms.hpp"
#include "convolution.hpp"
#include "counts.hpp"
#include "graphs.hpp"
#include "numbers.hpp"

using namespace cuda_emulator;

int cudnn_broken = 0;

namespace {

const int relu = 1;  // of cuDNN's activations

// An operand on the device: const where it is read.
template <class T>
struct Tensor {
    const Shape& shape;
    T* values;
    bool lies_on_device() const { return on_device(values, shape.count()); }
};

// The factors alpha and beta, and how to compute: which algorithm, and in which workspace.
struct Plan {
    float alpha, beta;
    int algorithm;
    float* workspace;
    size_t bytes;
};

void fill_with_nans(float* values, int64_t count) {
    for (int64_t i = 0; i < count && !cuda_empty; ++i)
        values[i] = NAN;
}

// Whether the algorithm exists with this math type, and the workspace is that of the pair; fills it
// with NaNs, as cuDNN overwrites it.
Status use_workspace(const Plan& plan, int math) {
    if (cudnn_broken >> plan.algorithm & 1) return execution_failed;
    const Pair* pair = find_pair(plan.algorithm, math);
    if (!pair) return not_supported;
    if (plan.bytes != pair->workspace) return bad_parameter;
    const int64_t count = plan.bytes / sizeof(float);
    if (count && !on_device(plan.workspace, count)) return execution_failed;
    fill_with_nans(plan.workspace, count);
    return success;
}

// out = alpha (the sum of the products a b that `each` names) + beta out. `each` calls its argument
// with the indices (i, j, k) of every product a[i] b[j] that adds to out[k].
template <class Each>
int compute(Tensor<const float> a, Tensor<const float> b, Tensor<float> out, const Window& p,
            const Plan& plan, Each each) {
    if (!a.lies_on_device() || !b.lies_on_device() || !out.lies_on_device())
        return execution_failed;
    if (const Status status = use_workspace(plan, p.math)) return status;
    if (cuda_empty) return success;
    const bool rounded = p.math == default_math;
    std::vector<double> sums(out.shape.count());
    each([&](int64_t i, int64_t j, int64_t k) {
        sums[k] += tf32(a.values[i], rounded) * tf32(b.values[j], rounded);
    });
    for (size_t i = 0; i < sums.size(); ++i) {
        const float old = plan.beta ? plan.beta * out.values[i] : 0;
        out.values[i] = plan.alpha * sums[i] + old;
    }
    return success;
}

// y = ReLU(y + bias of the channel)
void rectify(float* y, const float* bias, const Shape& shape) {
    const int64_t inner = shape.count() / shape.n / shape.c;
    for (int64_t i = 0; i < shape.count(); ++i) {
        const float sum = y[i] + bias[i / inner % shape.c];
        y[i] = sum < 0 ? 0 : sum;
    }
}

// As list_measured. A measurement overwrites the output and the workspace.
int measure(Tensor<const float> a, Tensor<const float> b, Tensor<float> out, float* workspace,
            size_t bytes, int most, int* count, Algorithm* found) {
    if (cudnn_broken < 0) return execution_failed;
    const int64_t room = bytes / sizeof(float);
    if (!a.lies_on_device() || !b.lies_on_device() || !out.lies_on_device()) return bad_parameter;
    if (room && !on_device(workspace, room)) return bad_parameter;
    fill_with_nans(workspace, room);
    fill_with_nans(out.values, out.shape.count());
    return list_measured(bytes, most, count, found);
}

// Computes, or keeps that for a graph.
template <class Compute>
int now_or_captured(Compute compute) {
    return cuda_emulator::now_or_captured([=] { return static_cast<CUresult>(compute()); });
}

}  // namespace

extern "C" {

// Handles

size_t cudnnGetVersion() { return 91002; }

const char* cudnnGetErrorString(int status) {
    switch (status) {
        case success: return "CUDNN_STATUS_SUCCESS";
        case not_initialized: return "CUDNN_STATUS_NOT_INITIALIZED";
        case bad_parameter: return "CUDNN_STATUS_BAD_PARAM";
        case not_supported: return "CUDNN_STATUS_NOT_SUPPORTED";
        case allocation_failed: return "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED";
        case execution_failed: return "CUDNN_STATUS_EXECUTION_FAILED";
    }
    return "CUDNN_UNKNOWN_STATUS";
}

int cudnnCreate(void** handle) {
    if (cudnn_broken < 0) return not_initialized;
    *handle = handle;
    return success;
}

int cudnnDestroy(void*) { return success; }
int cudnnSetStream(void*, void*) { return success; }

// Algorithms

int cudnnGetConvolutionForwardAlgorithm_v7(void*, Shape* x, Shape* w, Window* p, Shape* y, int most,
                                           int* count, Algorithm* found) {
    return fit(*x, *w, *p, *y) ? list(most, count, found) : bad_parameter;
}

int cudnnGetConvolutionBackwardDataAlgorithm_v7(void*, Shape* w, Shape* y, Window* p, Shape* x,
                                                int most, int* count, Algorithm* found) {
    return fit(*x, *w, *p, *y) ? list(most, count, found) : bad_parameter;
}

int cudnnGetConvolutionBackwardFilterAlgorithm_v7(void*, Shape* x, Shape* y, Window* p, Shape* w,
                                                  int most, int* count, Algorithm* found) {
    return fit(*x, *w, *p, *y) ? list(most, count, found) : bad_parameter;
}

int cudnnFindConvolutionForwardAlgorithmEx(void*, Shape* sx, const float* x, Shape* sw,
                                           const float* w, Window* p, Shape* sy, float* y, int most,
                                           int* count, Algorithm* found, float* workspace,
                                           size_t bytes) {
    if (!fit(*sx, *sw, *p, *sy)) return bad_parameter;
    return measure({*sx, x}, {*sw, w}, {*sy, y}, workspace, bytes, most, count, found);
}

int cudnnFindConvolutionBackwardDataAlgorithmEx(void*, Shape* sw, const float* w, Shape* sy,
                                                const float* dy, Window* p, Shape* sx, float* dx,
                                                int most, int* count, Algorithm* found,
                                                float* workspace, size_t bytes) {
    if (!fit(*sx, *sw, *p, *sy)) return bad_parameter;
    return measure({*sw, w}, {*sy, dy}, {*sx, dx}, workspace, bytes, most, count, found);
}

int cudnnFindConvolutionBackwardFilterAlgorithmEx(void*, Shape* sx, const float* x, Shape* sy,
                                                  const float* dy, Window* p, Shape* sw, float* dw,
                                                  int most, int* count, Algorithm* found,
                                                  float* workspace, size_t bytes) {
    if (!fit(*sx, *sw, *p, *sy)) return bad_parameter;
    return measure({*sx, x}, {*sy, dy}, {*sw, dw}, workspace, bytes, most, count, found);
}

// Convolutions

int cudnnConvolutionForward(void*, const float* alpha, Shape* sx, const float* x, Shape* sw,
                            const float* w, Window* p, int algorithm, float* workspace,
                            size_t bytes, const float* beta, Shape* sy, float* y) {
    const Plan plan{*alpha, *beta, algorithm, workspace, bytes};
    return now_or_captured([=, sx = *sx, sw = *sw, sy = *sy, p = *p] {
        cuda_emulator::count("cudnn", "ConvolutionForward");
        return compute({sx, x}, {sw, w}, {sy, y}, p, plan,
                       [&](auto add) { products(sx, sw, p, sy, add); });
    });
}

// y = ReLU(alpha1 convolution + alpha2 z + bias); here without z.
int cudnnConvolutionBiasActivationForward(void*, const float* alpha1, Shape* sx, const float* x,
                                          Shape* sw, const float* w, Window* p, int algorithm,
                                          float* workspace, size_t bytes, const float* alpha2,
                                          Shape*, const float*, Shape* sb, const float* bias,
                                          int* activation, Shape* sy, float* y) {
    if (*alpha2 || *activation != relu) return not_supported;
    if (sb->count() != sy->c || sb->c != sy->c) return bad_parameter;
    if (!on_device(bias, sb->count())) return execution_failed;
    if (cudnn_broken >> no_activation & 1) return not_supported;
    const Plan plan{*alpha1, 0, algorithm, workspace, bytes};
    return now_or_captured([=, sx = *sx, sw = *sw, sy = *sy, p = *p] {
        cuda_emulator::count("cudnn", "ConvolutionBiasActivationForward");
        const int status = compute({sx, x}, {sw, w}, {sy, y}, p, plan,
                                   [&](auto add) { products(sx, sw, p, sy, add); });
        if (!status && !cuda_empty) rectify(y, bias, sy);
        return status;
    });
}

int cudnnConvolutionBackwardData(void*, const float* alpha, Shape* sw, const float* w, Shape* sy,
                                 const float* dy, Window* p, int algorithm, float* workspace,
                                 size_t bytes, const float* beta, Shape* sx, float* dx) {
    const Plan plan{*alpha, *beta, algorithm, workspace, bytes};
    return now_or_captured([=, sx = *sx, sw = *sw, sy = *sy, p = *p] {
        cuda_emulator::count("cudnn", "ConvolutionBackwardData");
        return compute({sw, w}, {sy, dy}, {sx, dx}, p, plan, [&](auto add) {
            products(sx, sw, p, sy, [&](auto i, auto j, auto k) { add(j, k, i); });
        });
    });
}

int cudnnConvolutionBackwardFilter(void*, const float* alpha, Shape* sx, const float* x, Shape* sy,
                                   const float* dy, Window* p, int algorithm, float* workspace,
                                   size_t bytes, const float* beta, Shape* sw, float* dw) {
    const Plan plan{*alpha, *beta, algorithm, workspace, bytes};
    return now_or_captured([=, sx = *sx, sw = *sw, sy = *sy, p = *p] {
        cuda_emulator::count("cudnn", "ConvolutionBackwardFilter");
        return compute({sx, x}, {sy, dy}, {sw, dw}, p, plan, [&](auto add) {
            products(sx, sw, p, sy, [&](auto i, auto j, auto k) { add(i, k, j); });
        });
    });
}

}  // extern "C"
