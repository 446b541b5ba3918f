// Sums over some axes of a tensor, and the largest of some pieces.
//
// Of sum and moments:  Block <-> one number of out. Its threads share the terms: each adds up every
// blockDim.x-th one, and in the end they add up their sums.
//
// Element i of `kept` is where the terms of out[i] begin; element j of `over` is how far the j-th
// of them is from there.

OVER_THE_BLOCK(block_sum, a + b)

// out (+)= the sum of a b; without b, the sum of a.
__global__ void sum(Box kept, Box over, int terms, const float* a, const float* b, int accumulate,
                    float* out) {
    int start = place(blockIdx.x, kept, kept.a);
    float part = 0;
    for (int j = threadIdx.x; j < terms; j += blockDim.x) {
        int at = start + place(j, over, over.a);
        part += b ? a[at] * b[at] : a[at];
    }
    float total = block_sum(part);
    if (threadIdx.x == 0) out[blockIdx.x] = accumulate ? out[blockIdx.x] + total : total;
}

// mean = sum of x / terms, var = sum of (x - mean)^2 / terms. The second pass over x keeps var
// accurate where the mean is large against it.
__global__ void moments(Box kept, Box over, int terms, const float* x, float* mean, float* var) {
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

// x (outer, pieces, inner) -> out, winner (outer, inner): the largest piece and its number. As in
// Caffe's Eltwise, piece 1 wins a tie with piece 0, and later ones must be larger.
// Thread <-> element i of out.
__global__ void max_forward(int n, int pieces, int inner, const float* x, float* out,
                            float* winner) {
    int i = thread_number();
    if (i >= n) return;
    x += i / inner * pieces * inner + i % inner;
    float best = x[0];
    int number = 0;
    for (int piece = 1; piece < pieces; ++piece) {
        float value = x[piece * inner];
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
__global__ void max_backward(int n, int pieces, int inner, const float* dy, const float* winner,
                             float* out) {
    int i = thread_number();
    if (i >= n) return;
    int from = i / inner / pieces * inner + i % inner;
    out[i] = winner[from] == i / inner % pieces ? dy[from] : 0;
}
