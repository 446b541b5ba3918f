// Sums over some axes of a tensor, and the largest of some pieces. Of sum and moments there are the
// plain kernels, for any axes, and those for the shapes that occur.
//
// The plain ones:  Block <-> one number of out. Its threads share the terms: each adds up every
// blockDim.x-th one, and in the end they add up their sums. Element i of `kept` is where the terms
// of out[i] begin; element j of `over` is how far the j-th of them is from there.

// out (+)= the sum of a b; without b, the sum of a.
__global__ void sum(const __grid_constant__ Box kept, const __grid_constant__ Box over, int terms,
                    const float* a, const float* b, int accumulate, float* out) {
    int start = place(blockIdx.x, kept, kept.a);
    float part = 0;
    for (int j = threadIdx.x; j < terms; j += blockDim.x) {
        int at = start + place(j, over, over.a);
        part += b ? a[at] * b[at] : a[at];
    }
    float total = block_sum(part);
    if (threadIdx.x == 0) out[blockIdx.x] = accumulate ? out[blockIdx.x] + total : total;
}

// The same over the outer and the inner axis of (outer, kept, inner).
// Block <-> a chunk of the terms of one number of out (common.cuh).
__global__ void FOR_UNITS sum_terms(const __grid_constant__ Terms t, const float* a, const float* b,
                                    int accumulate, float* partial, unsigned* arrived, float* out) {
    Four part = {};
    if (b) {
        for_each_unit(
            t, aligned(a) && aligned(b),
            [&](auto unit, int at) { return Pair{unit.load(a, at), unit.load(b, at)}; },
            [&](auto, Pair loaded, int) { add_product(part, loaded.first, loaded.second); });
    } else {
        for_each_unit(
            t, aligned(a), [&](auto unit, int at) { return unit.load(a, at); },
            [&](auto, Four loaded, int) { add(part, loaded); });
    }
    float sums[] = {block_sum(lane_sum(part))};
    if (!complete(t, sums, partial, arrived) || threadIdx.x > 0) return;
    int i = result_number(t);
    out[i] = accumulate ? out[i] + sums[0] : sums[0];
}

// The same over the middle axis of (outer, terms, inner), where neighbors belong to different sums.
// Block <-> WIDE of the numbers of out (sums.cuh).
__global__ void sum_columns(int columns, int terms, int inner, const float* a, const float* b,
                            int accumulate, float* out) {
    float part = 0;
    for_each_of_column(columns, terms, inner, [&](int at) { part += b ? a[at] * b[at] : a[at]; });
    part = column_sum(part);
    int i = column_number();
    if (is_first_of_column(columns)) out[i] = accumulate ? out[i] + part : part;
}

// mean = sum of x / terms, var = sum of (x - mean)^2 / terms. The second pass over x keeps var
// accurate where the mean is large against it.
__global__ void moments(const __grid_constant__ Box kept, const __grid_constant__ Box over,
                        int terms, const float* x, float* mean, float* var) {
    int start = place(blockIdx.x, kept, kept.a);
    float part = 0;
    for (int j = threadIdx.x; j < terms; j += blockDim.x)
        part += x[start + place(j, over, over.a)];
    float average = block_sum(part) / terms;
    part = 0;
    for (int j = threadIdx.x; j < terms; j += blockDim.x) {
        float distance = x[start + place(j, over, over.a)] - average;
        part += distance * distance;
    }
    float variance = block_sum(part) / terms;
    if (threadIdx.x == 0) {
        mean[blockIdx.x] = average;
        var[blockIdx.x] = variance;
    }
}

// The same over the outer and the inner axis of (outer, kept, inner), in one pass.
// Block <-> a chunk of the terms of one number of mean (common.cuh).
__global__ void FOR_UNITS moments_terms(const __grid_constant__ Terms t, const float* x,
                                        float* partial, unsigned* arrived, float* mean,
                                        float* var) {
    Moments found;
    if (!result_moments(t, x, partial, arrived, &found) || threadIdx.x > 0) return;
    mean[result_number(t)] = found.mean;
    var[result_number(t)] = found.squares / (t.units * t.width);
}

// x (outer, pieces, inner) -> out, winner (outer, inner): the largest piece and its number. As in
// Caffe's Eltwise, piece 1 wins a tie with piece 0, and later ones must be larger.
// Thread <-> element i of out.
__global__ void max_forward(int n, int pieces, Divisor inner, const float* x, float* out,
                            float* winner) {
    int i = thread_number();
    if (i >= n) return;
    x += quotient(i, inner) * pieces * inner.by + modulo(i, inner);
    float best = x[0];
    int number = 0;
    for (int piece = 1; piece < pieces; ++piece) {
        float value = x[piece * inner.by];
        if (value > best || (piece == 1 && value == best)) {
            best = value;
            number = piece;
        }
    }
    out[i] = best;
    winner[i] = number;
}

// Its gradient: out (outer, pieces, inner) = dy at the winner, else 0.
// Thread <-> element i of out.
__global__ void max_backward(int n, Divisor pieces, Divisor inner, const float* dy,
                             const float* winner, float* out) {
    int i = thread_number();
    if (i >= n) return;
    int row = quotient(i, inner);
    int from = quotient(row, pieces) * inner.by + modulo(i, inner);
    out[i] = winner[from] == modulo(row, pieces) ? dy[from] : 0;
}
