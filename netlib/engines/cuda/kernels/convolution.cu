// What makes a convolution a matrix product: the patch that the window sees at each position, as a
// column. A plane is one channel of one image; a window moves over each plane alike.

// The place in the image that an element of the kernel sees at `position`; -1 in the padding.
__device__ inline int seen(const Window& w, int position, int element) {
    int place = 0;
    int step = 1;
    for (int axis = w.axes - 1; axis >= 0; --axis) {
        int first = position % w.position[axis] * w.stride[axis] - w.pad[axis];
        int at = first + element % w.kernel[axis] * w.dilation[axis];
        if (at < 0 || at >= w.image[axis]) return -1;
        place += at * step;
        step *= w.image[axis];
        position /= w.position[axis];
        element /= w.kernel[axis];
    }
    return place;
}

// The reverse: the position at which that element of the kernel sees `place`; -1 if none does.
__device__ inline int seeing(const Window& w, int place, int element) {
    int position = 0;
    int step = 1;
    for (int axis = w.axes - 1; axis >= 0; --axis) {
        int offset = element % w.kernel[axis] * w.dilation[axis];
        int first = place % w.image[axis] + w.pad[axis] - offset;
        int at = first / w.stride[axis];
        if (first < 0 || first % w.stride[axis] != 0 || at >= w.position[axis]) return -1;
        position += at * step;
        step *= w.position[axis];
        place /= w.image[axis];
        element /= w.kernel[axis];
    }
    return position;
}

// x (planes, places) -> columns (planes, elements, positions).  Thread <-> element i of columns.
__global__ void im2col(int n, const __grid_constant__ Window w, const float* x, float* columns) {
    int i = thread_number();
    if (i >= n) return;
    int plane = i / w.positions / w.elements;
    int at = seen(w, i % w.positions, i / w.positions % w.elements);
    columns[i] = at < 0 ? 0 : x[plane * w.places + at];
}

// Its gradient: columns (planes, elements, positions) -> out (planes, places).
// Thread <-> element i of out. It gathers what was copied from its place, so that no two threads
// write to the same place.
__global__ void col2im(int n, const __grid_constant__ Window w, const float* columns, float* out) {
    int i = thread_number();
    if (i >= n) return;
    const float* plane = columns + i / w.places * w.elements * w.positions;
    float sum = 0;
    for (int element = 0; element < w.elements; ++element) {
        int position = seeing(w, i % w.places, element);
        if (position >= 0) sum += plane[element * w.positions + position];
    }
    out[i] = sum;
}

// x (N, groups * channels, places) -> out (groups, rows, channels * elements): the patches at
// chosen positions, which count (image, position).  Thread <-> element i of out.
__global__ void patches(int n, const __grid_constant__ Window w, int groups, int channels, int rows,
                        const int* chosen, const float* x, float* out) {
    int i = thread_number();
    if (i >= n) return;
    int element = i % w.elements;
    int channel = i / w.elements % channels;
    int row = i / w.elements / channels % rows;
    int group = i / w.elements / channels / rows;
    int image = chosen[row] / w.positions;
    int plane = (image * groups + group) * channels + channel;
    int at = seen(w, chosen[row] % w.positions, element);
    out[i] = at < 0 ? 0 : x[plane * w.places + at];
}
