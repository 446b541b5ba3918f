// Normalization over one axis, along which neighbors lie `inner` apart.
//
// Softmax runs over the middle axis of (outer, classes, inner).  Block <-> one (outer, inner), a
// vector of scores; its threads share the classes.

OVER_THE_BLOCK(block_max, max(a, b))

// Where the vector of this block begins.
__device__ inline int first_class(int classes, int inner) {
    int outer = blockIdx.x / inner;
    return outer * classes * inner + blockIdx.x % inner;
}

// y = exp(x) / sum of exp(x). Scores less the largest have the same softmax, and cannot overflow.
__global__ void softmax_forward(int classes, int inner, const float* x, float* y) {
    x += first_class(classes, inner);
    y += first_class(classes, inner);
    float largest = -INFINITY;
    for (int c = threadIdx.x; c < classes; c += blockDim.x)
        largest = max(largest, x[c * inner]);
    largest = block_max(largest);
    float sum = 0;
    for (int c = threadIdx.x; c < classes; c += blockDim.x) {
        y[c * inner] = expf(x[c * inner] - largest);
        sum += y[c * inner];
    }
    sum = block_sum(sum);
    for (int c = threadIdx.x; c < classes; c += blockDim.x)
        y[c * inner] /= sum;
}

// dx = y (dy - sum of dy y).
__global__ void softmax_backward(int classes, int inner, const float* y, const float* dy,
                                 float* dx) {
    y += first_class(classes, inner);
    dy += first_class(classes, inner);
    dx += first_class(classes, inner);
    float sum = 0;
    for (int c = threadIdx.x; c < classes; c += blockDim.x)
        sum += dy[c * inner] * y[c * inner];
    sum = block_sum(sum);
    for (int c = threadIdx.x; c < classes; c += blockDim.x)
        dx[c * inner] = y[c * inner] * (dy[c * inner] - sum);
}

// out = (x - mean) inverse, where mean and inverse are the same along some axes.
// Thread <-> elements i .. i + 3.
__global__ void standardize(int n, const __grid_constant__ Box box, const float* x,
                            const float* mean, const float* inverse, float* out) {
    int i = 4 * thread_number();
    if (i >= n) return;
    Four in = load_four(x, i, n);
    FourPlaces places = four_places(i, n, box, box.b);
    Four center = load_places(mean, places);
    Four factor = load_places(inverse, places);
    FOR_EACH_OF_FOUR(out, i, n, y = (in.at[k] - center.at[k]) * factor.at[k]);
}

// out = scale x + shift, then ReLU if `rectified`. scale and shift are the same along some axes,
// and either may be missing (null).  Thread <-> elements i .. i + 3.
__global__ void scale_shift(int n, const __grid_constant__ Box box, const float* x,
                            const float* scale, const float* shift, int rectified, float* out) {
    int i = 4 * thread_number();
    if (i >= n) return;
    Four all = load_four(x, i, n);
    Four factor = {{1, 1, 1, 1}};
    Four term = {};
    FourPlaces places = four_places(i, n, box, box.b);
    if (scale) factor = load_places(scale, places);
    if (shift) term = load_places(shift, places);
    FOR_EACH_OF_FOUR(out, i, n, y = fmaf(factor.at[k], all.at[k], term.at[k]);
                     y = rectified && y < 0 ? 0 : y);
}

// dx = inverse (dy - average of dy - z average of dy z).
// Block <-> one number of inverse; its threads share the `terms` elements that this number scales.
// As in reduction.cu, `kept` says where these begin, and `over` how far each is from there.
__global__ void standardize_backward(const __grid_constant__ Box kept,
                                     const __grid_constant__ Box over, int terms, const float* z,
                                     const float* inverse, const float* dy, float* dx) {
    int start = place(blockIdx.x, kept, kept.a);
    float sum = 0;
    float product = 0;
    for (int j = threadIdx.x; j < terms; j += blockDim.x) {
        int at = start + place(j, over, over.a);
        sum += dy[at];
        product += dy[at] * z[at];
    }
    float average = block_sum(sum) / terms;
    float along = block_sum(product) / terms;
    for (int j = threadIdx.x; j < terms; j += blockDim.x) {
        int at = start + place(j, over, over.a);
        dx[at] = (dy[at] - average - z[at] * along) * inverse[blockIdx.x];
    }
}

// The channels first .. last - 1 around that of element i, out of (N, channels, inner). `size` is
// odd.
struct Neighbors {
    int first, last;
};
__device__ inline Neighbors around(int i, const Divisor& channels, const Divisor& inner, int size) {
    int channel = modulo(quotient(i, inner), channels);
    return {max(channel - size / 2, 0), min(channel + size / 2 + 1, channels.by)};
}

// The place of element i in channel 0 of its image.
__device__ inline int in_first_channel(int i, const Divisor& channels, const Divisor& inner) {
    int image = quotient(quotient(i, inner), channels);
    return image * channels.by * inner.by + modulo(i, inner);
}

// scale = k + alpha / size * sum of x^2 over the neighbors, y = x scale^-beta.
// Thread <-> element i.
__global__ void lrn_forward(int n, Divisor channels, Divisor inner, int size, float alpha,
                            float beta, float k, const float* x, float* y, float* scale) {
    int i = thread_number();
    if (i >= n) return;
    Neighbors near = around(i, channels, inner, size);
    const float* image = x + in_first_channel(i, channels, inner);
    float sum = 0;
    for (int c = near.first; c < near.last; ++c)
        sum += image[c * inner.by] * image[c * inner.by];
    scale[i] = k + alpha / size * sum;
    y[i] = x[i] * powf(scale[i], -beta);
}

// dx = dy scale^-beta - 2 alpha beta / size * x * sum of dy y / scale over the neighbors.
// Thread <-> element i.
__global__ void lrn_backward(int n, Divisor channels, Divisor inner, int size, float alpha,
                             float beta, const float* x, const float* y, const float* dy,
                             const float* scale, float* dx) {
    int i = thread_number();
    if (i >= n) return;
    Neighbors near = around(i, channels, inner, size);
    int image = in_first_channel(i, channels, inner);
    float sum = 0;
    for (int c = near.first; c < near.last; ++c) {
        int at = image + c * inner.by;
        sum += dy[at] * y[at] / scale[at];
    }
    dx[i] = dy[i] * powf(scale[i], -beta) - 2 * alpha * beta / size * x[i] * sum;
}
