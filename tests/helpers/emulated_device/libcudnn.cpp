// A libcudnn that convolves on the CPU: the functions of it that the CUDA engine uses.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "numbers.hpp"

using cuda_emulator::on_device;
using cuda_emulator::tf32;

namespace {

enum Status { success = 0, bad_parameter = 2000, not_supported = 3000, execution_failed = 5000 };
const int axes = 3, float_type = 0, row_order = 0, cross_correlation = 1, default_math = 0;

// The axes that are left out, in front of the others, have extent 1.
struct Shape {
  int n, c;
  std::array<int, axes> extent;
  int64_t count() const { return int64_t(n) * c * extent[0] * extent[1] * extent[2]; }
  int64_t at(int i, int j, const std::array<int, axes>& place) const {
    int64_t index = int64_t(i) * c + j;
    for (int axis = 0; axis < axes; ++axis) index = index * extent[axis] + place[axis];
    return index;
  }
};

struct Window {
  std::array<int, axes> pad{}, stride{1, 1, 1}, dilation{1, 1, 1};
  int groups = 1, math = default_math;
};

struct Algorithm {
  int number, status;
  float time;
  size_t workspace;
  int deterministic, math, reserved[3];
};

// The fastest first: one that is not there, one that needs room, one that needs none.
const size_t workspace_bytes = 64;
const Algorithm algorithms[] = {
    {6, not_supported, -1, 0, 1, 0, {}}, {0, success, 1, workspace_bytes, 0, 0, {}}, {1, success, 2, 0, 1, 0, {}}};

Status set_shape(Shape* shape, int type, int dims, const int* extents) {
  if (type != float_type || dims < 4 || dims > 5) return bad_parameter;
  for (int i = 0; i < dims; ++i)
    if (extents[i] < 1) return bad_parameter;
  *shape = {extents[0], extents[1], {1, 1, 1}};
  for (int i = 2; i < dims; ++i) shape->extent[axes - dims + i] = extents[i];
  return success;
}

Status check(const Shape& x, const Shape& w, const Window& p, const Shape& y) {
  bool fits = x.n == y.n && y.c == w.n && x.c == w.c * p.groups && w.n % p.groups == 0;
  for (int i = 0; i < axes; ++i) {
    int reach = p.dilation[i] * (w.extent[i] - 1) + 1;
    fits &= y.extent[i] == (x.extent[i] + 2 * p.pad[i] - reach) / p.stride[i] + 1;
  }
  return fits ? success : bad_parameter;
}

// Calls f(place in image, place in kernel) for each place of the kernel that lies in the image.
template <class F>
void slide(const Shape& x, const Shape& w, const Window& p, const std::array<int, axes>& position, F f) {
  std::array<int, axes> o, at;
  for (o[0] = 0; o[0] < w.extent[0]; ++o[0])
    for (o[1] = 0; o[1] < w.extent[1]; ++o[1])
      for (o[2] = 0; o[2] < w.extent[2]; ++o[2]) {
        bool inside = true;
        for (int i = 0; i < axes; ++i) {
          at[i] = position[i] * p.stride[i] - p.pad[i] + o[i] * p.dilation[i];
          inside &= at[i] >= 0 && at[i] < x.extent[i];
        }
        if (inside) f(at, o);
      }
}

// Calls f(i, j, k) for every product x[i] w[j] that adds to y[k].
template <class F> void products(const Shape& x, const Shape& w, const Window& p, const Shape& y, F f) {
  std::array<int, axes> v;
  for (int n = 0; n < y.n; ++n)
    for (int c = 0; c < y.c; ++c)
      for (v[0] = 0; v[0] < y.extent[0]; ++v[0])
        for (v[1] = 0; v[1] < y.extent[1]; ++v[1])
          for (v[2] = 0; v[2] < y.extent[2]; ++v[2])
            slide(x, w, p, v, [&](auto& at, auto& o) {
              for (int d = 0; d < w.c; ++d)
                f(x.at(n, c / (y.c / p.groups) * w.c + d, at), w.at(c, d, o), y.at(n, c, v));
            });
}

// out = alpha (the sum of products that `add` makes) + beta out, with all operands on the device.
template <class Add>
int compute(const Shape& sa, const float* a, const Shape& sb, const float* b, const Shape& so, float* out,
            float alpha, float beta, const Window& p, int algorithm, float* workspace, size_t bytes, Add add) {
  if (!on_device(a, sa.count()) || !on_device(b, sb.count()) || !on_device(out, so.count()))
    return execution_failed;
  if (algorithm == 0) {
    if (bytes < workspace_bytes) return bad_parameter;
    if (!on_device(workspace, bytes / sizeof(float))) return execution_failed;
    for (size_t i = 0; i < bytes / sizeof(float); ++i) workspace[i] = NAN;
  }
  const bool rounded = p.math == default_math;
  std::vector<double> sums(so.count());
  add([&](int64_t i, int64_t j, int64_t k) { sums[k] += tf32(a[i], rounded) * tf32(b[j], rounded); });
  for (int64_t i = 0; i < so.count(); ++i) out[i] = alpha * sums[i] + (beta ? beta * out[i] : 0);
  return success;
}

int list(int most, int* count, Algorithm* found) {
  for (*count = 0; *count < most && *count < 3; ++*count) found[*count] = algorithms[*count];
  return success;
}

}  // namespace

extern "C" {

int cudnnCreate(void** handle) { return *handle = handle, success; }
int cudnnDestroy(void*) { return success; }
int cudnnSetStream(void*, void*) { return success; }

int cudnnCreateTensorDescriptor(Shape** s) { return *s = new Shape, success; }
int cudnnCreateFilterDescriptor(Shape** s) { return *s = new Shape, success; }
int cudnnCreateConvolutionDescriptor(Window** p) { return *p = new Window, success; }
int cudnnDestroyTensorDescriptor(Shape* s) { return delete s, success; }
int cudnnDestroyFilterDescriptor(Shape* s) { return delete s, success; }
int cudnnDestroyConvolutionDescriptor(Window* p) { return delete p, success; }

int cudnnSetTensorNdDescriptor(Shape* s, int type, int dims, const int* extents, const int* strides) {
  int step = 1;
  for (int i = dims - 1; i >= 0; step *= extents[i--])
    if (strides[i] != step) return not_supported;
  return set_shape(s, type, dims, extents);
}
int cudnnSetFilterNdDescriptor(Shape* s, int type, int order, int dims, const int* extents) {
  return order == row_order ? set_shape(s, type, dims, extents) : bad_parameter;
}
int cudnnSetConvolutionNdDescriptor(Window* p, int dims, const int* pad, const int* stride,
                                    const int* dilation, int mode, int type) {
  if (dims < 2 || dims > axes || mode != cross_correlation || type != float_type) return bad_parameter;
  for (int i = 0, axis = axes - dims; i < dims; ++i, ++axis) {
    p->pad[axis] = pad[i];
    p->stride[axis] = stride[i];
    p->dilation[axis] = dilation[i];
  }
  return success;
}
int cudnnSetConvolutionGroupCount(Window* p, int groups) { return p->groups = groups, success; }
int cudnnSetConvolutionMathType(Window* p, int math) { return p->math = math, success; }

int cudnnGetConvolutionForwardAlgorithm_v7(void*, Shape* x, Shape* w, Window* p, Shape* y, int most,
                                           int* count, Algorithm* found) {
  const Status status = check(*x, *w, *p, *y);
  return status ? status : list(most, count, found);
}
int cudnnGetConvolutionBackwardDataAlgorithm_v7(void*, Shape* w, Shape* y, Window* p, Shape* x, int most,
                                                int* count, Algorithm* found) {
  const Status status = check(*x, *w, *p, *y);
  return status ? status : list(most, count, found);
}
int cudnnGetConvolutionBackwardFilterAlgorithm_v7(void*, Shape* x, Shape* y, Window* p, Shape* w, int most,
                                                  int* count, Algorithm* found) {
  const Status status = check(*x, *w, *p, *y);
  return status ? status : list(most, count, found);
}

int cudnnConvolutionForward(void*, const float* alpha, Shape* sx, const float* x, Shape* sw, const float* w,
                            Window* p, int algorithm, float* workspace, size_t bytes, const float* beta,
                            Shape* sy, float* y) {
  return compute(*sx, x, *sw, w, *sy, y, *alpha, *beta, *p, algorithm, workspace, bytes,
                 [&](auto add) { products(*sx, *sw, *p, *sy, add); });
}
int cudnnConvolutionBackwardData(void*, const float* alpha, Shape* sw, const float* w, Shape* sy,
                                 const float* dy, Window* p, int algorithm, float* workspace, size_t bytes,
                                 const float* beta, Shape* sx, float* dx) {
  return compute(*sw, w, *sy, dy, *sx, dx, *alpha, *beta, *p, algorithm, workspace, bytes, [&](auto add) {
    products(*sx, *sw, *p, *sy, [&](auto i, auto j, auto k) { add(j, k, i); });
  });
}
int cudnnConvolutionBackwardFilter(void*, const float* alpha, Shape* sx, const float* x, Shape* sy,
                                   const float* dy, Window* p, int algorithm, float* workspace,
                                   size_t bytes, const float* beta, Shape* sw, float* dw) {
  return compute(*sx, x, *sy, dy, *sw, dw, *alpha, *beta, *p, algorithm, workspace, bytes, [&](auto add) {
    products(*sx, *sw, *p, *sy, [&](auto i, auto j, auto k) { add(i, k, j); });
  });
}

}  // extern "C"
