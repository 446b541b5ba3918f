// A libcudnn that convolves on the CPU: the functions of it that the CUDA engine uses.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "convolution.hpp"
#include "counts.hpp"
#include "numbers.hpp"

using cuda_emulator::axes;
using cuda_emulator::fit;
using cuda_emulator::on_device;
using cuda_emulator::products;
using cuda_emulator::Shape;
using cuda_emulator::tf32;
using cuda_emulator::Window;

namespace {

enum Status { success = 0, bad_parameter = 2000, not_supported = 3000, execution_failed = 5000 };

// The values of cuDNN's enums that the engine passes.
const int float_type = 0;
const int row_order = 0;
const int cross_correlation = 1;
const int default_math = 0;

struct Algorithm {
    int number, status;
    float time;
    size_t workspace;
    int deterministic, math, reserved[3];
};

// The fastest first: one that is not supported, one that needs room, one that needs none.
const size_t workspace_bytes = 64;
const Algorithm algorithms[] = {
    {6, not_supported, -1, 0, 1, 0, {}},
    {0, success, 1, workspace_bytes, 0, 0, {}},
    {1, success, 2, 0, 1, 0, {}},
};

Status set_shape(Shape* shape, int type, int dims, const int* extents) {
    if (type != float_type || dims < 4 || dims > 5) return bad_parameter;
    for (int i = 0; i < dims; ++i)
        if (extents[i] < 1) return bad_parameter;
    *shape = {extents[0], extents[1], {1, 1, 1}};
    for (int i = 2; i < dims; ++i)
        shape->extent[axes - dims + i] = extents[i];
    return success;
}

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

// Whether the workspace suits the algorithm; fills it with NaNs, as cuDNN overwrites it.
Status use_workspace(const Plan& plan) {
    if (plan.algorithm != 0) return success;
    if (plan.bytes < workspace_bytes) return bad_parameter;
    const size_t count = plan.bytes / sizeof(float);
    if (!on_device(plan.workspace, count)) return execution_failed;
    for (size_t i = 0; i < count && !cuda_empty; ++i)
        plan.workspace[i] = NAN;
    return success;
}

// out = alpha (the sum of the products a b that `each` names) + beta out. `each` calls its argument
// with the indices (i, j, k) of every product a[i] b[j] that adds to out[k].
template <class Each>
int compute(Tensor<const float> a, Tensor<const float> b, Tensor<float> out, const Window& p,
            const Plan& plan, Each each) {
    if (!a.lies_on_device() || !b.lies_on_device() || !out.lies_on_device())
        return execution_failed;
    if (const Status status = use_workspace(plan)) return status;
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

int list(int most, int* count, Algorithm* found) {
    *count = 0;
    for (; *count < most && *count < 3; ++*count)
        found[*count] = algorithms[*count];
    return success;
}

}  // namespace

extern "C" {

// Handles and descriptors

int cudnnCreate(void** handle) {
    *handle = handle;
    return success;
}

int cudnnDestroy(void*) { return success; }
int cudnnSetStream(void*, void*) { return success; }

int cudnnCreateTensorDescriptor(Shape** s) {
    *s = new Shape;
    return success;
}

int cudnnCreateFilterDescriptor(Shape** s) {
    *s = new Shape;
    return success;
}

int cudnnCreateConvolutionDescriptor(Window** p) {
    *p = new Window;
    return success;
}

int cudnnDestroyTensorDescriptor(Shape* s) {
    delete s;
    return success;
}

int cudnnDestroyFilterDescriptor(Shape* s) {
    delete s;
    return success;
}

int cudnnDestroyConvolutionDescriptor(Window* p) {
    delete p;
    return success;
}

int cudnnSetTensorNdDescriptor(Shape* s, int type, int dims, const int* extents,
                               const int* strides) {
    int step = 1;
    for (int i = dims - 1; i >= 0; --i) {
        if (strides[i] != step) return not_supported;
        step *= extents[i];
    }
    return set_shape(s, type, dims, extents);
}

int cudnnSetFilterNdDescriptor(Shape* s, int type, int order, int dims, const int* extents) {
    return order == row_order ? set_shape(s, type, dims, extents) : bad_parameter;
}

int cudnnSetConvolutionNdDescriptor(Window* p, int dims, const int* pad, const int* stride,
                                    const int* dilation, int mode, int type) {
    if (dims < 2 || dims > axes) return bad_parameter;
    if (mode != cross_correlation || type != float_type) return bad_parameter;
    for (int i = 0; i < dims; ++i) {
        const int axis = axes - dims + i;
        p->pad[axis] = pad[i];
        p->stride[axis] = stride[i];
        p->dilation[axis] = dilation[i];
    }
    return success;
}

int cudnnSetConvolutionGroupCount(Window* p, int groups) {
    p->groups = groups;
    return success;
}

int cudnnSetConvolutionMathType(Window* p, int math) {
    p->math = math;
    return success;
}

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

// Convolutions

int cudnnConvolutionForward(void*, const float* alpha, Shape* sx, const float* x, Shape* sw,
                            const float* w, Window* p, int algorithm, float* workspace,
                            size_t bytes, const float* beta, Shape* sy, float* y) {
    cuda_emulator::count("cudnn", "ConvolutionForward");
    const Plan plan{*alpha, *beta, algorithm, workspace, bytes};
    return compute({*sx, x}, {*sw, w}, {*sy, y}, *p, plan,
                   [&](auto add) { products(*sx, *sw, *p, *sy, add); });
}

int cudnnConvolutionBackwardData(void*, const float* alpha, Shape* sw, const float* w, Shape* sy,
                                 const float* dy, Window* p, int algorithm, float* workspace,
                                 size_t bytes, const float* beta, Shape* sx, float* dx) {
    cuda_emulator::count("cudnn", "ConvolutionBackwardData");
    const Plan plan{*alpha, *beta, algorithm, workspace, bytes};
    return compute({*sw, w}, {*sy, dy}, {*sx, dx}, *p, plan, [&](auto add) {
        products(*sx, *sw, *p, *sy, [&](auto i, auto j, auto k) { add(j, k, i); });
    });
}

int cudnnConvolutionBackwardFilter(void*, const float* alpha, Shape* sx, const float* x, Shape* sy,
                                   const float* dy, Window* p, int algorithm, float* workspace,
                                   size_t bytes, const float* beta, Shape* sw, float* dw) {
    cuda_emulator::count("cudnn", "ConvolutionBackwardFilter");
    const Plan plan{*alpha, *beta, algorithm, workspace, bytes};
    return compute({*sx, x}, {*sy, dy}, {*sw, dw}, *p, plan, [&](auto add) {
        products(*sx, *sw, *p, *sy, [&](auto i, auto j, auto k) { add(i, k, j); });
    });
}

}  // extern "C"
