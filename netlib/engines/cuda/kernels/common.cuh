// What the families of kernels share. The engine compiles this file in front of each of them.
//
// Every kernel says which thread computes what ("Thread <-> ..."). All tensors are contiguous
// float32 in row order: the first element of image n of x (N, C, H, W) is x[n * C * H * W].

// The number of this thread in the whole launch. The last block may have threads to spare: each
// kernel with one thread per element begins with `if (i >= n) return;`.
__device__ inline int thread_number() { return blockIdx.x * blockDim.x + threadIdx.x; }

// -- four at a time
// A thread that computes four neighbors asks the memory for 16 bytes at once, where they lie so.

struct Four {
    float at[4];
};

__device__ inline bool aligned(const float* p) { return (size_t)p % sizeof(float4) == 0; }

// p[i] .. p[i + 3], of which those from n on are 0.
__device__ inline Four load_four(const float* p, int i, int n) {
    if (i + 4 <= n && aligned(p + i)) {
        float4 found = *(const float4*)(p + i);
        return {{found.x, found.y, found.z, found.w}};
    }
    Four out;
#pragma unroll
    for (int k = 0; k < 4; ++k)
        out.at[k] = i + k < n ? p[i + k] : 0;
    return out;
}

__device__ inline void store_four(float* p, int i, int n, Four x) {
    if (i + 4 <= n && aligned(p + i)) {
        *(float4*)(p + i) = make_float4(x.at[0], x.at[1], x.at[2], x.at[3]);
        return;
    }
#pragma unroll
    for (int k = 0; k < 4; ++k)
        if (i + k < n) p[i + k] = x.at[k];
}

// The body of a kernel: for elements i .. i + 3 of out, as far as there are n, the variable `y` is
// what `statements` make of element k.
#define FOR_EACH_OF_FOUR(out, i, n, statements)         \
    do {                                                \
        Four all_four;                                  \
        _Pragma("unroll") for (int k = 0; k < 4; ++k) { \
            float y;                                    \
            statements;                                 \
            all_four.at[k] = y;                         \
        }                                               \
        store_four(out, i, n, all_four);                \
    } while (0)

// -- division
// An integer divided by a number that the compiler does not know takes some twenty instructions.
// The host, which knows most of these numbers, finds factor = 2^(31 + shift) / by, rounded up, with
// the least shift for which 2^shift >= by. Then i / by is the upper part of the product i factor:
// for 0 <= i < 2^31 the rounding adds less than 1 / by, so it reaches no further integer. (Granlund
// and Montgomery 1994, Division by invariant integers using multiplication.)

struct Divisor {
    int by;
    unsigned factor;
    int shift;
};

// i / by
__device__ inline int quotient(int i, const Divisor& d) {
    return __umulhi(2u * i, d.factor) >> d.shift;
}

// i % by
__device__ inline int modulo(int i, const Divisor& d) { return i - quotient(i, d) * d.by; }

// -- boxes
// The structs below are arguments of kernels as `const __grid_constant__`: so they are read where
// the launch has put them, and no thread keeps a copy.

enum { MAX_AXES = 8 };

// A box of elements, cut from one or two tensors: how many elements along each axis, and how far
// apart neighbors along it lie in tensor a and in tensor b (0: all along this axis the tensor is
// the same).
struct Box {
    int axes;
    Divisor extent[MAX_AXES];
    int a[MAX_AXES];
    int b[MAX_AXES];
};

// Where element i of the box, counted in row order, lies in the tensor with these strides. Where
// all axes are merged into one, as for tensors of equal shape, nothing is divided.
__device__ inline int place(int i, const Box& box, const int* stride) {
    int at = 0;
    for (int axis = box.axes - 1; axis > 0; --axis) {
        int outer = quotient(i, box.extent[axis]);
        at += (i - outer * box.extent[axis].by) * stride[axis];
        i = outer;
    }
    return at + i * stride[0];
}

// Where elements i .. i + 3 of the box lie in a tensor; those from n on lie nowhere, at -1.
struct FourPlaces {
    enum { SAME, NEIGHBORS, APART } are;
    int at[4];  // only the first one where they are the same or neighbors
};

// Where four elements do not reach into the next row, their places follow from the first one.
__device__ inline FourPlaces four_places(int i, int n, const Box& box, const int* stride) {
    int last = box.axes > 0 ? box.axes - 1 : 0;
    if (box.extent[last].by % 4 == 0 && i + 4 <= n && stride[last] <= 1) {
        int first = place(i, box, stride);
        return {stride[last] == 0 ? FourPlaces::SAME : FourPlaces::NEIGHBORS, {first}};
    }
    FourPlaces out = {FourPlaces::APART};
#pragma unroll
    for (int k = 0; k < 4; ++k)
        out.at[k] = i + k < n ? place(i + k, box, stride) : -1;
    return out;
}

// The numbers of p there; 0 where that is nowhere.
__device__ inline Four load_places(const float* p, const FourPlaces& places) {
    int first = places.at[0];
    if (places.are == FourPlaces::NEIGHBORS) return load_four(p, first, first + 4);
    if (places.are == FourPlaces::SAME) return {{p[first], p[first], p[first], p[first]}};
    Four out;
#pragma unroll
    for (int k = 0; k < 4; ++k)
        out.at[k] = places.at[k] < 0 ? 0 : p[places.at[k]];
    return out;
}

// The same at once. Where several tensors lie alike, their places are found only once by the above.
__device__ inline Four gather_four(const float* p, int i, int n, const Box& box,
                                   const int* stride) {
    return load_places(p, four_places(i, n, box, stride));
}

// What slides over an image: for each spatial axis the extents of image, kernel and positions, and
// in front the products of each. Position p sees the places p * stride - pad + o * dilation, for
// each element o of the kernel.
struct Window {
    int axes;
    Divisor places;     // of an image
    Divisor elements;   // of the kernel
    Divisor positions;  // of the window
    Divisor image[MAX_AXES];
    Divisor kernel[MAX_AXES];
    Divisor position[MAX_AXES];
    Divisor stride[MAX_AXES];
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
