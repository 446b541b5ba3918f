// The descriptors of the emulated cuDNN: shapes of tensors, windows of convolutions, and the kind
// of an activation.
#include "algorithms.hpp"
#include "convolution.hpp"

using namespace cuda_emulator;

namespace {

// The values of cuDNN's enums that the engine passes.
const int float_type = 0;
const int row_order = 0;
const int cross_correlation = 1;

Status set_shape(Shape* shape, int type, int dims, const int* extents) {
    if (type != float_type || dims < 4 || dims > 5) return bad_parameter;
    for (int i = 0; i < dims; ++i)
        if (extents[i] < 1) return bad_parameter;
    *shape = {extents[0], extents[1], {1, 1, 1}};
    for (int i = 2; i < dims; ++i)
        shape->extent[axes - dims + i] = extents[i];
    return success;
}

}  // namespace

extern "C" {

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

int cudnnCreateActivationDescriptor(int** activation) {
    *activation = new int(0);
    return success;
}

int cudnnSetActivationDescriptor(int* activation, int mode, int, double) {
    *activation = mode;
    return success;
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

}  // extern "C"
