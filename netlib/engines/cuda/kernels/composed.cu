// The work of several ops in one or two passes over memory. Of batch normalization, forward and
// backward are a pair of kernels each: sums by channel, then a function of each element and of the
// numbers of its channel. x, z, dy and out are (N, C, I), or of another shape that is standardized
// over some axes.

// scale z + shift, where either may be missing: the same bits wherever it is computed.
__device__ inline float affine(float z, float scale, float shift) { return fmaf(scale, z, shift); }

// Without a scale, 1; without a shift, 0.
__device__ inline float number_or(const float* p, int i, float otherwise) {
    return p ? p[i] : otherwise;
}

// For each channel the mean, and inverse = (variance + eps)^-1/2. The mean, and the variance by
// m - 1 instead of m, are added to `keep` times the stored ones, and so is 1 to the factor.
// Block <-> a chunk of the numbers of a channel (sums.cuh).
__global__ void FOR_UNITS batch_statistics(const __grid_constant__ Terms t, const float* x,
                                           float eps, float keep, float* partial, unsigned* arrived,
                                           float* mean, float* inverse, float* stored_mean,
                                           float* stored_var, float* factor) {
    Moments found;
    if (!result_moments(t, x, partial, arrived, &found) || threadIdx.x > 0) return;
    int c = result_number(t);
    int m = t.units * t.width;
    mean[c] = found.mean;
    inverse[c] = powf(found.squares / m + eps, -0.5f);
    stored_mean[c] = found.mean + keep * stored_mean[c];
    stored_var[c] = found.squares / max(m - 1, 1) + keep * stored_var[c];
    if (c == 0) factor[0] = 1 + keep * factor[0];
}

// The stored ones to be used: mean = stored_mean / factor, inverse = (stored_var / factor +
// eps)^-1/2; where factor is 0, as if they were 0.  Thread <-> channel i.
__global__ void stored_moments(int n, const float* stored_mean, const float* stored_var,
                               const float* factor, float eps, float* mean, float* inverse) {
    int i = thread_number();
    if (i >= n) return;
    float share = factor[0] == 0 ? 0 : 1 / factor[0];
    mean[i] = share * stored_mean[i];
    inverse[i] = powf(eps + share * stored_var[i], -0.5f);
}

// z = (x - mean) inverse; out, if not null, = scale z + shift, then ReLU if `rectified`.
// Block <-> a chunk of the numbers of a channel (sums.cuh), which share all but x.
__global__ void FOR_UNITS batch_normalize(const __grid_constant__ Terms t, const float* x,
                                          const float* mean, const float* inverse,
                                          const float* scale, const float* shift, int rectified,
                                          float* z, float* out) {
    int c = result_number(t);
    float center = mean[c];
    float divided = inverse[c];
    float factor = number_or(scale, c, 1);
    float term = number_or(shift, c, 0);
    for_each_unit(
        t, aligned(x) && aligned(z) && aligned(out),
        [&](auto unit, int at) { return unit.load(x, at); },
        [&](auto unit, Four all, int at) {
#pragma unroll
            for (int k = 0; k < 4; ++k)
                all.at[k] = (all.at[k] - center) * divided;
            unit.store(z, at, all);
            if (!out) return;
#pragma unroll
            for (int k = 0; k < 4; ++k) {
                float y = affine(all.at[k], factor, term);
                all.at[k] = rectified && y < 0 ? 0 : y;
            }
            unit.store(out, at, all);
        });
}

// dy, or 0 where a ReLU has made scale z + shift 0.
__device__ inline float passed(float dy, float z, float scale, float shift, int rectified) {
    return rectified && !(affine(z, scale, shift) > 0) ? 0 : dy;
}

// dshift += the sum of dy, dscale += the sum of dy z, where either may be null; averages (2, C) =
// the averages of dz and of dz z, where dz = scale dy.
// Block <-> a chunk of the numbers of a channel (sums.cuh).
__global__ void FOR_UNITS batch_sums(const __grid_constant__ Terms t, const float* z,
                                     const float* dy, const float* scale, const float* shift,
                                     int rectified, float* partial, unsigned* arrived,
                                     float* dscale, float* dshift, float* averages) {
    int c = result_number(t);
    float factor = number_or(scale, c, 1);
    float term = number_or(shift, c, 0);
    Four sum = {};
    Four product = {};
    for_each_unit(
        t, aligned(z) && aligned(dy),
        [&](auto unit, int at) { return Pair{unit.load(z, at), unit.load(dy, at)}; },
        [&](auto, Pair loaded, int) {
            Four of_z = loaded.first;
            Four of_dy = loaded.second;
#pragma unroll
            for (int k = 0; k < 4; ++k)
                of_dy.at[k] = passed(of_dy.at[k], of_z.at[k], factor, term, rectified);
            add(sum, of_dy);
            add_product(product, of_dy, of_z);
        });
    float sums[] = {block_sum(lane_sum(sum)), block_sum(lane_sum(product))};
    if (!complete(t, sums, partial, arrived) || threadIdx.x > 0) return;
    if (dshift) dshift[c] += sums[0];
    if (dscale) dscale[c] += sums[1];
    int m = t.units * t.width;
    averages[c] = factor * sums[0] / m;
    averages[t.kept + c] = factor * sums[1] / m;
}

// dx = inverse (dz - average of dz - z average of dz z), where dz = scale dy.
// Block <-> a chunk of the numbers of a channel (sums.cuh).
__global__ void FOR_UNITS batch_backward(const __grid_constant__ Terms t, const float* z,
                                         const float* inverse, const float* dy, const float* scale,
                                         const float* shift, int rectified, const float* averages,
                                         float* dx) {
    int c = result_number(t);
    float divided = inverse[c];
    float average = averages[c];
    float along = averages[t.kept + c];
    float factor = number_or(scale, c, 1);
    float term = number_or(shift, c, 0);
    for_each_unit(
        t, aligned(z) && aligned(dy) && aligned(dx),
        [&](auto unit, int at) { return Pair{unit.load(z, at), unit.load(dy, at)}; },
        [&](auto unit, Pair loaded, int at) {
            Four found = loaded.second;
#pragma unroll
            for (int k = 0; k < 4; ++k) {
                float z = loaded.first.at[k];
                float dz = factor * passed(found.at[k], z, factor, term, rectified);
                found.at[k] = (dz - average - z * along) * divided;
            }
            unit.store(dx, at, found);
        });
}

// dx = dy where y > 0, else 0; dshift += its sum over the outer and the inner axis.
// Block <-> a chunk of the terms of one number of dshift (sums.cuh). dx may be dy.
__global__ void FOR_UNITS rectify_backward(const __grid_constant__ Terms t, const float* y,
                                           const float* dy, float* partial, unsigned* arrived,
                                           float* dx, float* dshift) {
    Four part = {};
    for_each_unit(
        t, aligned(y) && aligned(dy) && aligned(dx),
        [&](auto unit, int at) { return Pair{unit.load(y, at), unit.load(dy, at)}; },
        [&](auto unit, Pair loaded, int at) {
            Four out = loaded.second;
#pragma unroll
            for (int k = 0; k < 4; ++k)
                out.at[k] = loaded.first.at[k] > 0 ? out.at[k] : 0;
            unit.store(dx, at, out);
            add(part, out);
        });
    float sums[] = {block_sum(lane_sum(part))};
    if (complete(t, sums, partial, arrived) && threadIdx.x == 0)
        dshift[result_number(t)] += sums[0];
}

// The same over the middle axis of (outer, terms, inner).
// Block <-> WIDE of the numbers of dshift (sums.cuh).
__global__ void rectify_backward_columns(int columns, int terms, int inner, const float* y,
                                         const float* dy, float* dx, float* dshift) {
    float part = 0;
    for_each_of_column(columns, terms, inner, [&](int at) {
        dx[at] = y[at] > 0 ? dy[at] : 0;
        part += dx[at];
    });
    part = column_sum(part);
    if (is_first_of_column(columns)) dshift[column_number()] += part;
}

// dx and, if not null, `also` = dy where y > 0, else 0. Either may be dy.
// Thread <-> elements i .. i + 3.
__global__ void rectify_backward_twice(int n, const float* y, const float* dy, float* dx,
                                       float* also) {
    int i = 4 * thread_number();
    if (i >= n) return;
    Four of_y = load_four(y, i, n);
    Four found = load_four(dy, i, n);
#pragma unroll
    for (int k = 0; k < 4; ++k)
        found.at[k] = of_y.at[k] > 0 ? found.at[k] : 0;
    store_four(dx, i, n, found);
    if (also) store_four(also, i, n, found);
}

// -- cross entropy
// p (outer, classes, inner), label (outer, inner), truncated to an integer.

// out = factor times the sum of log(max(p at the label, floor)). A label outside 0 .. classes - 1
// goes to fault = (label, classes), which the host reads when it next waits.
// Block <-> a chunk of the labels (sums.cuh).
__global__ void FOR_UNITS cross_entropy(const __grid_constant__ Terms t, int classes,
                                        Divisor inner, const float* p, const float* label,
                                        float floor, float factor, int* fault, float* partial,
                                        unsigned* arrived, float* out) {
    float sum = 0;
    for_each_unit(
        t, aligned(label), [&](auto unit, int at) { return unit.load(label, at); },
        [&](auto unit, Four labels, int at) {
#pragma unroll
            for (int k = 0; k < unit.width; ++k) {
                float c = truncf(labels.at[k]);
                if (!(c >= 0 && c < classes)) {
                    fault[0] = c;
                    fault[1] = classes;
                    continue;
                }
                int outer = quotient(at + k, inner);
                float found = p[(outer * (classes - 1) + (int)c) * inner.by + at + k];
                sum += logf(found < floor ? floor : found);
            }
        });
    float sums[] = {block_sum(sum)};
    if (complete(t, sums, partial, arrived) && threadIdx.x == 0) out[0] = factor * sums[0];
}

// out = factor (p - 1) at the label, factor p elsewhere.  Thread <-> elements i .. i + 3 of out.
__global__ void cross_entropy_backward(int n, Divisor classes, Divisor inner, const float* p,
                                       const float* label, float factor, float* out) {
    int i = 4 * thread_number();
    if (i >= n) return;
    Four all = load_four(p, i, n);
#pragma unroll
    for (int k = 0; k < 4; ++k) {
        int row = quotient(i + k, inner);
        int outer = quotient(row, classes);
        int c = row - outer * classes.by;
        int at = outer * inner.by + modulo(i + k, inner);
        bool is_label = i + k < n && truncf(label[at]) == c;
        all.at[k] = factor * (is_label ? all.at[k] - 1 : all.at[k]);
    }
    store_four(out, i, n, all);
}
