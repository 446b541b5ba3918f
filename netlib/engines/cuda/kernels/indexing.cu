// Moving values from place to place.

// out[at : at + shape] (+)= x[start : start + shape].
// Thread <-> element i of the box. x and out point to its corner.
__global__ void copy_window(int n, const __grid_constant__ Box box, const float* x, int accumulate,
                            float* out) {
    int i = thread_number();
    if (i >= n) return;
    float value = x[place(i, box, box.a)];
    float* target = out + place(i, box, box.b);
    *target = accumulate ? *target + value : value;
}

// x (outer, extent, inner), out (outer, parts, inner): out[o, k, j] = x[o, index[k], j], or 0 where
// the index is -1.  Thread <-> element i of out.
__global__ void gather(int n, int extent, Divisor parts, Divisor inner, const int* index,
                       const float* x, float* out) {
    int i = thread_number();
    if (i >= n) return;
    int row = quotient(i, inner);
    int from = index[modulo(row, parts)];
    int outer = quotient(row, parts);
    out[i] = from < 0 ? 0 : x[(outer * extent + from) * inner.by + modulo(i, inner)];
}

// The gradient of gather: out (outer, extent, inner) = the sum of the parts of dy that were taken
// from there. The parts taken from e are part[first[e]] .. part[first[e + 1] - 1].
// Thread <-> element i of out: where a part was taken twice, no two threads meet, and the sum
// always has the same order.
__global__ void scatter_add(int n, Divisor extent, int parts, Divisor inner, const int* first,
                            const int* part, const float* dy, float* out) {
    int i = thread_number();
    if (i >= n) return;
    int row = quotient(i, inner);
    int e = modulo(row, extent);
    const float* taken = dy + quotient(row, extent) * parts * inner.by + modulo(i, inner);
    float sum = 0;
    for (int k = first[e]; k < first[e + 1]; ++k)
        sum += taken[part[k] * inner.by];
    out[i] = sum;
}

// label (outer, inner), out (outer, classes, inner): 1 at the label truncated to an integer, else
// 0; all 0 where that is `ignore` (NaN: never).  Thread <-> element i of out.
// A label outside 0 .. classes - 1 goes to fault = (label, classes), which the host reads when it
// next waits.
__global__ void one_hot(int n, Divisor classes, Divisor inner, const float* label, float ignore,
                        int* fault, float* out) {
    int i = thread_number();
    if (i >= n) return;
    int row = quotient(i, inner);
    float wanted = truncf(label[quotient(row, classes) * inner.by + modulo(i, inner)]);
    int c = modulo(row, classes);
    bool ignored = wanted == ignore;
    out[i] = wanted == c && !ignored;
    if (!ignored && !(wanted >= 0 && wanted < classes.by)) {
        fault[0] = wanted;
        fault[1] = classes.by;
    }
}
