// What the families of kernels share. The engine compiles this file in front of each of them.
//
// Every kernel says which thread computes what ("thread <-> ..."). All tensors are contiguous float32 in row
// order, so the first element of image n of x (N, C, H, W) is x[n * C * H * W].

// The number of this thread in the whole launch. The last block may have threads to spare: each kernel
// that has one thread per element begins with `if (i >= n) return;`.
__device__ inline int thread_number() { return blockIdx.x * blockDim.x + threadIdx.x; }

enum { MAX_AXES = 8 };

// A box of elements, for one or two tensors that it is cut from: how many elements along each axis, and how far
// apart neighbours along it lie in tensor a and in tensor b (0: the tensor is the same all along this axis).
struct Box {
  int axes;
  int extent[MAX_AXES], a[MAX_AXES], b[MAX_AXES];
};

// Where element i of the box, counted in row order, lies in the tensor of the given strides.
__device__ inline int place(int i, const Box& box, const int* stride) {
  int at = 0;
  for (int axis = box.axes - 1; axis >= 0; --axis) {
    at += i % box.extent[axis] * stride[axis];
    i /= box.extent[axis];
  }
  return at;
}

// What slides over an image: for each spatial axis the extents of image, kernel and positions, and the products
// of each. Position p sees the places p * stride - pad + o * dilation, for each element o of the kernel.
struct Window {
  int axes, places, elements, positions;
  int image[MAX_AXES], kernel[MAX_AXES], position[MAX_AXES], stride[MAX_AXES], pad[MAX_AXES], dilation[MAX_AXES];
};

// The sum (the largest) of `value` over the threads of a block, for all of them. Each round adds the upper half of
// what is left to the lower half; the barriers keep a round from reading what the one before has yet to write.
// blockDim.x is a power of two, at most MAX_THREADS, and every thread of the block must call.
enum { MAX_THREADS = 256 };
#define OVER_THE_BLOCK(name, combination) \
  __device__ float name(float value) { \
    __shared__ float partial[MAX_THREADS]; \
    int t = threadIdx.x; \
    partial[t] = value; \
    __syncthreads(); \
    for (int half = blockDim.x / 2; half > 0; half /= 2) { \
      if (t < half) { \
        float a = partial[t], b = partial[t + half]; \
        partial[t] = combination; \
      } \
      __syncthreads(); \
    } \
    float result = partial[0]; \
    __syncthreads(); \
    return result; \
  }
