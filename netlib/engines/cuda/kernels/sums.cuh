// Sums, means and variances by many blocks.

extern "C++" {  // PyCUDA declares its sources extern "C", which has no templates
OVER_THE_BLOCK(block_sum, a + b)

// x (outer, kept, inner) is summed over outer and inner. The terms of each of the `kept` results
// are cut into chunks:  Block <-> chunk blockIdx.x % chunks of result blockIdx.x / chunks; its
// threads take every blockDim.x-th unit of it, a unit being `width` neighbors. The block that
// finishes a result last combines the chunks, by number, so each launch gives the same bits.
struct Terms {
    int kept;
    Divisor inner;   // in units
    int width;       // of a unit: 4 where inner is a multiple of that, else 1
    int units;       // of a result
    int length;      // of a chunk, in units
    Divisor chunks;  // of a result
};

__device__ inline int result_number(const Terms& t) { return quotient(blockIdx.x, t.chunks); }

// The numbers in a chunk.
__device__ inline int chunk_size(const Terms& t, int chunk) {
    return (min((chunk + 1) * t.length, t.units) - chunk * t.length) * t.width;
}

// How a unit is loaded and stored: in one piece of 16 bytes, or number by number.
struct Aligned {
    enum { width = 4 };
    static __device__ Four load(const float* p, int at) {
        float4 found = *(const float4*)(p + at);
        return {{found.x, found.y, found.z, found.w}};
    }
    static __device__ void store(float* p, int at, Four x) {
        *(float4*)(p + at) = make_float4(x.at[0], x.at[1], x.at[2], x.at[3]);
    }
};
struct Unaligned {
    enum { width = 4 };
    static __device__ Four load(const float* p, int at) {
        return {{p[at], p[at + 1], p[at + 2], p[at + 3]}};
    }
    static __device__ void store(float* p, int at, Four x) {
        for (int k = 0; k < 4; ++k)
            p[at + k] = x.at[k];
    }
};
struct Single {
    enum { width = 1 };
    static __device__ Four load(const float* p, int at) { return {{p[at], 0, 0, 0}}; }
    static __device__ void store(float* p, int at, Four x) { p[at] = x.at[0]; }
};

__device__ inline float lane_sum(Four x) { return (x.at[0] + x.at[1]) + (x.at[2] + x.at[3]); }

__device__ inline void add(Four& sum, Four x) {
#pragma unroll
    for (int k = 0; k < 4; ++k)
        sum.at[k] += x.at[k];
}

__device__ inline void add_product(Four& sum, Four x, Four y) {
#pragma unroll
    for (int k = 0; k < 4; ++k)
        sum.at[k] += x.at[k] * y.at[k];
}

// Units of two tensors at the same place.
struct Pair {
    Four first, second;
};

// Where the units lie that this thread takes: it steps from one to the next without a division.
struct Walk {
    int row, column;    // of the unit, in (outer, inner)
    int rows, columns;  // from one unit to the next

    __device__ Walk(const Terms& t, int i) {
        row = quotient(i, t.inner);
        column = i - row * t.inner.by;
        rows = quotient(blockDim.x, t.inner);
        columns = blockDim.x - rows * t.inner.by;
    }

    // The place of this unit; then the walk is at the next one.
    __device__ int next(const Terms& t, int width) {
        int at = ((row * t.kept + result_number(t)) * t.inner.by + column) * width;
        column += columns;
        int wraps = column >= t.inner.by;
        row += rows + wraps;
        column -= wraps * t.inner.by;
        return at;
    }
};

// The loop of for_each_unit. Loads of TOGETHER units are under way before the first one is used. To
// have registers for them, a kernel promises that four blocks on a multiprocessor are enough.
enum { TOGETHER = 4 };
#define FOR_UNITS __launch_bounds__(MAX_THREADS, 4)
template <class Unit, class Load, class Use>
__device__ inline void loop_over_units(const Terms& t, Load load, Use use) {
    int chunk = blockIdx.x - result_number(t) * t.chunks.by;
    int i = chunk * t.length + threadIdx.x;
    int end = min((chunk + 1) * t.length, t.units);
    int step = blockDim.x;
    Walk walk(t, i);
    Unit unit;
    for (; i + (TOGETHER - 1) * step < end; i += TOGETHER * step) {
        int at[TOGETHER];
        decltype(load(unit, 0)) loaded[TOGETHER];
#pragma unroll
        for (int k = 0; k < TOGETHER; ++k) {
            at[k] = walk.next(t, Unit::width);
            loaded[k] = load(unit, at[k]);
        }
#pragma unroll
        for (int k = 0; k < TOGETHER; ++k)
            use(unit, loaded[k], at[k]);
    }
    for (; i < end; i += step) {
        int at = walk.next(t, Unit::width);
        use(unit, load(unit, at), at);
    }
}

// For each unit that this thread takes, in order, use(unit, loaded, at): `at` is its place and
// `loaded` what load(unit, at) returns. unit.load(p, at) is the unit of p, with zeros beyond the
// width. `in_pieces`: every p is aligned to 16 bytes.
template <class Load, class Use>
__device__ inline void for_each_unit(const Terms& t, bool in_pieces, Load load, Use use) {
    if (t.width == 1) {
        loop_over_units<Single>(t, load, use);
    } else if (in_pieces) {
        loop_over_units<Aligned>(t, load, use);
    } else {
        loop_over_units<Unaligned>(t, load, use);
    }
}

// Whether this block is the last of a result's to come here; all of them must come. What thread 0
// of each has written before is then visible. `arrived` is 0 for each result, and is left so.
__device__ bool is_last(const Terms& t, unsigned* arrived) {
    __shared__ unsigned before;
    if (threadIdx.x == 0) {
        __threadfence();
        before = atomicInc(arrived + result_number(t), t.chunks.by - 1);
        __threadfence();
    }
    __syncthreads();
    return before == t.chunks.by - 1;
}

// Adds up over all blocks of a result what each has found; true in the one block that gets the
// sums. `partial` has room for `count` numbers of each block.
template <int count>
__device__ inline bool complete(const Terms& t, float (&sums)[count], float* partial,
                                unsigned* arrived) {
    if (t.chunks.by == 1) return true;
    volatile float* chunk = partial + count * t.chunks.by * result_number(t);
    for (int k = 0; k < count; ++k)
        if (threadIdx.x == 0) partial[count * blockIdx.x + k] = sums[k];
    if (!is_last(t, arrived)) return false;
#pragma unroll
    for (int k = 0; k < count; ++k) {
        float sum = 0;
        for (int c = threadIdx.x; c < t.chunks.by; c += blockDim.x)
            sum += chunk[count * c + k];
        sums[k] = block_sum(sum);
    }
    return true;
}

// A mean, and the sum of the squared distances from it.
struct Moments {
    float mean, squares;
};

// The sum of the first unit that this thread takes of its block's chunk; 0 if it takes none.
__device__ inline float first_unit(const Terms& t, const float* x) {
    int result = result_number(t);
    int chunk = blockIdx.x - result * t.chunks.by;
    int i = chunk * t.length + threadIdx.x;
    if (i >= min((chunk + 1) * t.length, t.units)) return 0;
    int row = quotient(i, t.inner);
    int column = i - row * t.inner.by;
    const float* unit = x + ((row * t.kept + result) * t.inner.by + column) * t.width;
    return lane_sum(t.width == 4 ? Unaligned::load(unit, 0) : Single::load(unit, 0));
}

// Of the block's own chunk. Distances are measured from the mean of the first terms, so that the
// one pass stays accurate where the mean is large against the deviation.
__device__ inline Moments chunk_moments(const Terms& t, const float* x, int numbers) {
    float origin = block_sum(first_unit(t, x)) / min(numbers, (int)blockDim.x * t.width);
    float sum = 0;
    float squares = 0;
    for_each_unit(
        t, aligned(x), [&](auto unit, int at) { return unit.load(x, at); },
        [&](auto unit, Four loaded, int) {
#pragma unroll
            for (int k = 0; k < unit.width; ++k) {
                float distance = loaded.at[k] - origin;
                sum += distance;
                squares += distance * distance;
            }
        });
    sum = block_sum(sum);
    squares = block_sum(squares) - sum * sum / numbers;
    return {origin + sum / numbers, squares < 0 ? 0 : squares};
}

// Of all terms of the result; true in the one block that gets them. `partial` has room for two
// numbers of each block.
__device__ inline bool result_moments(const Terms& t, const float* x, float* partial,
                                      unsigned* arrived, Moments* found) {
    int result = result_number(t);
    *found = chunk_moments(t, x, chunk_size(t, blockIdx.x - result * t.chunks.by));
    if (t.chunks.by == 1) return true;
    volatile float* chunk = partial + 2 * t.chunks.by * result;
    if (threadIdx.x == 0) {
        partial[2 * blockIdx.x] = found->mean;
        partial[2 * blockIdx.x + 1] = found->squares;
    }
    if (!is_last(t, arrived)) return false;
    float sum = 0;
    for (int c = threadIdx.x; c < t.chunks.by; c += blockDim.x)
        sum += chunk_size(t, c) * chunk[2 * c];
    found->mean = block_sum(sum) / (t.units * t.width);
    float squares = 0;
    for (int c = threadIdx.x; c < t.chunks.by; c += blockDim.x) {
        float distance = chunk[2 * c] - found->mean;
        squares += chunk[2 * c + 1] + chunk_size(t, c) * distance * distance;
    }
    found->squares = block_sum(squares);
    return true;
}

// -- columns
// x (outer, terms, inner) is summed over its terms, so neighbors belong to different sums.
// Block <-> WIDE of the columns; thread t <-> column t % WIDE of them, of whose terms it takes
// every (blockDim.x / WIDE)-th one.
enum { WIDE = 32 };

__device__ inline int column_number() { return blockIdx.x * WIDE + threadIdx.x % WIDE; }

__device__ inline bool is_first_of_column(int columns) {
    return threadIdx.x < WIDE && column_number() < columns;
}

// Calls body(at) for the place of each term that this thread takes.
template <class Body>
__device__ inline void for_each_of_column(int columns, int terms, int inner, Body body) {
    int i = column_number();
    if (i >= columns) return;
    int at = i / inner * terms * inner + i % inner;
#pragma unroll 4
    for (int j = threadIdx.x / WIDE; j < terms; j += blockDim.x / WIDE)
        body(at + j * inner);
}

// The sum over the threads of a column, for its first thread. Every thread of the block must call.
__device__ float column_sum(float part) {
    __shared__ float partial[MAX_THREADS];
    partial[threadIdx.x] = part;
    __syncthreads();
    float total = 0;
    for (int t = threadIdx.x % WIDE; t < blockDim.x; t += WIDE)
        total += partial[t];
    return total;
}
}  // extern "C++"
