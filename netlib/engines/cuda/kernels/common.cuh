// What the families of kernels share. The engine compiles this file in front of each of them.
//
// Every kernel says which thread computes what ("Thread <-> ..."). All tensors are contiguous
// float32 in row order: the first element of image n of x (N, C, H, W) is x[n * C * H * W].

// The number of this thread in the whole launch. The last block may have threads to spare: each
// kernel with one thread per element begins with `if (i >= n) return;`.
__device__ inline int thread_number() { return blockIdx.x * blockDim.x + threadIdx.x; }

enum { MAX_AXES = 8 };

// A box of elements, cut from one or two tensors: how many elements along each axis, and how far
// apart neighbors along it lie in tensor a and in tensor b (0: all along this axis the tensor is
// the same).
struct Box {
    int axes;
    int extent[MAX_AXES];
    int a[MAX_AXES];
    int b[MAX_AXES];
};

// Where element i of the box, counted in row order, lies in the tensor with these strides.
__device__ inline int place(int i, const Box& box, const int* stride) {
    int at = 0;
    for (int axis = box.axes - 1; axis >= 0; --axis) {
        at += i % box.extent[axis] * stride[axis];
        i /= box.extent[axis];
    }
    return at;
}

// What slides over an image: for each spatial axis the extents of image, kernel and positions, and
// in front the products of each. Position p sees the places p * stride - pad + o * dilation, for
// each element o of the kernel.
struct Window {
    int axes;
    int places;     // of an image
    int elements;   // of the kernel
    int positions;  // of the window
    int image[MAX_AXES];
    int kernel[MAX_AXES];
    int position[MAX_AXES];
    int stride[MAX_AXES];
    int pad[MAX_AXES];
    int dilation[MAX_AXES];
};

// Defines a function that returns, to all threads of a block, the `combination` of their values,
// such as the sum. Each round combines the upper half of what is left with the lower half; the
// barriers keep a round from reading what the round before has yet to write. blockDim.x is a power
// of two, at most MAX_THREADS, and every thread of the block must call.
enum { MAX_THREADS = 256 };
#define OVER_THE_BLOCK(name, combination)                      \
    __device__ float name(float value) {                       \
        __shared__ float partial[MAX_THREADS];                 \
        int t = threadIdx.x;                                   \
        partial[t] = value;                                    \
        __syncthreads();                                       \
        for (int half = blockDim.x / 2; half > 0; half /= 2) { \
            if (t < half) {                                    \
                float a = partial[t];                          \
                float b = partial[t + half];                   \
                partial[t] = combination;                      \
            }                                                  \
            __syncthreads();                                   \
        }                                                      \
        float result = partial[0];                             \
        __syncthreads();                                       \
        return result;                                         \
    }
