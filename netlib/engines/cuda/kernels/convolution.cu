// What makes a convolution a matrix product: the patch that the window sees at each position, as a
// column. A plane is one channel of one image; a window moves over each plane alike.

// The place in the image that an element of the kernel sees at `position`; -1 in the padding.
__device__ inline int seen(const Window& w, int position, int element) {
    int place = 0;
    int step = 1;
    for (int axis = w.axes - 1; axis >= 0; --axis) {
        int first = modulo(position, w.position[axis]) * w.stride[axis].by - w.pad[axis];
        int at = first + modulo(element, w.kernel[axis]) * w.dilation[axis];
        if (at < 0 || at >= w.image[axis].by) return -1;
        place += at * step;
        step *= w.image[axis].by;
        position = quotient(position, w.position[axis]);
        element = quotient(element, w.kernel[axis]);
    }
    return place;
}

// The reverse: the position at which that element of the kernel sees `place`; -1 if none does.
__device__ inline int seeing(const Window& w, int place, int element) {
    int position = 0;
    int step = 1;
    for (int axis = w.axes - 1; axis >= 0; --axis) {
        int offset = modulo(element, w.kernel[axis]) * w.dilation[axis];
        int first = modulo(place, w.image[axis]) + w.pad[axis] - offset;
        if (first < 0) return -1;
        int at = quotient(first, w.stride[axis]);
        if (at * w.stride[axis].by != first || at >= w.position[axis].by) return -1;
        position += at * step;
        step *= w.position[axis].by;
        place = quotient(place, w.image[axis]);
        element = quotient(element, w.kernel[axis]);
    }
    return position;
}

// x (planes, places) -> columns (planes, elements, positions).  Thread <-> element i of columns.
__global__ void im2col(int n, const __grid_constant__ Window w, const float* x, float* columns) {
    int i = thread_number();
    if (i >= n) return;
    int row = quotient(i, w.positions);
    int plane = quotient(row, w.elements);
    int at = seen(w, modulo(i, w.positions), modulo(row, w.elements));
    columns[i] = at < 0 ? 0 : x[plane * w.places.by + at];
}

// Its gradient: columns (planes, elements, positions) -> out (planes, places).
// Thread <-> element i of out. It gathers what was copied from its place, so that no two threads
// write to the same place.
__global__ void col2im(int n, const __grid_constant__ Window w, const float* columns, float* out) {
    int i = thread_number();
    if (i >= n) return;
    int place = modulo(i, w.places);
    const float* plane = columns + quotient(i, w.places) * w.elements.by * w.positions.by;
    float sum = 0;
    for (int element = 0; element < w.elements.by; ++element) {
        int position = seeing(w, place, element);
        if (position >= 0) sum += plane[element * w.positions.by + position];
    }
    out[i] = sum;
}

// x (N, groups * channels, places) -> out (groups, rows, channels * elements): the patches at
// chosen positions, which count (image, position).  Thread <-> element i of out.
__global__ void patches(int n, const __grid_constant__ Window w, int groups, Divisor channels,
                        Divisor rows, const int* chosen, const float* x, float* out) {
    int i = thread_number();
    if (i >= n) return;
    int patch = quotient(i, w.elements);  // of one channel
    int channel = modulo(patch, channels);
    int row = modulo(quotient(patch, channels), rows);
    int group = quotient(quotient(patch, channels), rows);
    int image = quotient(chosen[row], w.positions);
    int plane = (image * groups + group) * channels.by + channel;
    int at = seen(w, modulo(chosen[row], w.positions), modulo(i, w.elements));
    out[i] = at < 0 ? 0 : x[plane * w.places.by + at];
}
