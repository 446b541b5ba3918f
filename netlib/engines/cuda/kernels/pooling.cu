// Pooling over two axes. x and dx are (planes, H, W); y, dy and mask are (planes, H', W'). A plane
// is one channel of one image.

// Rows top .. bottom - 1 and columns left .. right - 1 of a plane.
struct Area {
    int top, bottom, left, right;
};

// What the window at (row, column) sees of the image, without the padding.
__device__ inline Area inside(const Window& w, int row, int column) {
    int top = row * w.stride[0] - w.pad[0];
    int left = column * w.stride[1] - w.pad[1];
    int bottom = min(top + w.kernel[0], w.image[0]);
    int right = min(left + w.kernel[1], w.image[1]);
    return {max(top, 0), bottom, max(left, 0), right};
}

// What an average divides by: the size of that window, clipped to the padded image.
__device__ inline int size_of(const Window& w, int row, int column) {
    int top = row * w.stride[0] - w.pad[0];
    int left = column * w.stride[1] - w.pad[1];
    int bottom = min(top + w.kernel[0], w.image[0] + w.pad[0]);
    int right = min(left + w.kernel[1], w.image[1] + w.pad[1]);
    return (bottom - top) * (right - left);
}

// Along one axis, the first window that sees a place of the padded image.
__device__ inline int first_window(int place, int kernel, int stride) {
    return place < kernel ? 0 : (place - kernel) / stride + 1;
}

// The windows that see place i of a plane: those that start at most kernel - 1 before it.
__device__ inline Area windows_over(const Window& w, int i) {
    int y = i / w.image[1] % w.image[0] + w.pad[0];
    int x = i % w.image[1] + w.pad[1];
    int top = first_window(y, w.kernel[0], w.stride[0]);
    int left = first_window(x, w.kernel[1], w.stride[1]);
    int bottom = min(y / w.stride[0] + 1, w.position[0]);
    int right = min(x / w.stride[1] + 1, w.position[1]);
    return {top, bottom, left, right};
}

// y = the largest number of the window; the first in row order wins. mask = its place in the plane.
// Thread <-> element i of y.
__global__ void max_forward(int n, const __grid_constant__ Window w, const float* x, float* y,
                            float* mask) {
    int i = thread_number();
    if (i >= n) return;
    const float* plane = x + i / w.positions * w.places;
    Area area = inside(w, i / w.position[1] % w.position[0], i % w.position[1]);
    float best = -3.402823466e+38f;
    int winner = -1;
    for (int row = area.top; row < area.bottom; ++row) {
        for (int column = area.left; column < area.right; ++column) {
            int at = row * w.image[1] + column;
            if (plane[at] > best) {
                best = plane[at];
                winner = at;
            }
        }
    }
    y[i] = best;
    mask[i] = winner;
}

// dx = the sum of dy over those windows whose winner, according to mask, is x.
// Thread <-> element i of x. It asks each window that sees it, so that no two threads write to the
// same place.
__global__ void mask_backward(int n, const __grid_constant__ Window w, const float* dy,
                              const float* mask, float* dx) {
    int i = thread_number();
    if (i >= n) return;
    int plane = i / w.places;
    Area windows = windows_over(w, i);
    float sum = 0;
    for (int row = windows.top; row < windows.bottom; ++row) {
        for (int column = windows.left; column < windows.right; ++column) {
            int at = plane * w.positions + row * w.position[1] + column;
            if (mask[at] == i % w.places) sum += dy[at];
        }
    }
    dx[i] = sum;
}

// y = x at the place of its plane that mask names, 0 where that is -1.  Thread <-> element i of y.
__global__ void mask_forward(int n, int places, int positions, const float* x, const float* mask,
                             float* y) {
    int i = thread_number();
    if (i >= n) return;
    int at = mask[i];
    y[i] = at < 0 ? 0 : x[i / positions * places + at];
}

// y = the sum over the window / its size.  Thread <-> element i of y.
__global__ void ave_forward(int n, const __grid_constant__ Window w, const float* x, float* y) {
    int i = thread_number();
    if (i >= n) return;
    const float* plane = x + i / w.positions * w.places;
    int row = i / w.position[1] % w.position[0];
    int column = i % w.position[1];
    Area area = inside(w, row, column);
    float sum = 0;
    for (int r = area.top; r < area.bottom; ++r)
        for (int c = area.left; c < area.right; ++c)
            sum += plane[r * w.image[1] + c];
    y[i] = sum / size_of(w, row, column);
}

// dx = the sum of dy / size over the windows that see x.  Thread <-> element i of x.
__global__ void ave_backward(int n, const __grid_constant__ Window w, const float* dy, float* dx) {
    int i = thread_number();
    if (i >= n) return;
    const float* plane = dy + i / w.places * w.positions;
    Area windows = windows_over(w, i);
    float sum = 0;
    for (int row = windows.top; row < windows.bottom; ++row)
        for (int column = windows.left; column < windows.right; ++column)
            sum += plane[row * w.position[1] + column] / size_of(w, row, column);
    dx[i] = sum;
}

// -- over regions
// x and dx are (images, channels, height, width); y, dy and winner are (regions, channels, rows,
// columns).

// A region as the host packs it: the number of its image; then, for each row and for each column of
// bins, where it begins and where it ends in the image.
struct Region {
    int image;
    const int *row, *column;
};

__device__ inline Region region(const int* packed, int number, int rows, int columns) {
    const int* first = packed + number * (1 + 2 * rows + 2 * columns);
    return {first[0], first + 1, first + 1 + 2 * rows};
}

// y = the largest number of the bin, the first in row order; winner = its place in the plane. An
// empty bin gives 0 and -1.  Thread <-> element i of y.
__global__ void roi_forward(int n, int channels, int height, int width, int rows, int columns,
                            const int* packed, const float* x, float* y, float* winner) {
    int i = thread_number();
    if (i >= n) return;
    int channel = i / columns / rows % channels;
    Region seen = region(packed, i / columns / rows / channels, rows, columns);
    const int* row = seen.row + 2 * (i / columns % rows);
    const int* column = seen.column + 2 * (i % columns);
    const float* plane = x + (seen.image * channels + channel) * height * width;
    float best = 0;
    int at = -1;
    for (int r = row[0]; r < row[1]; ++r) {
        for (int c = column[0]; c < column[1]; ++c) {
            if (at < 0 || plane[r * width + c] > best) {
                at = r * width + c;
                best = plane[at];
            }
        }
    }
    y[i] = best;
    winner[i] = at;
}

// dx = the sum of dy over the bins that x won.  Thread <-> element i of x. It asks each bin that
// sees it, so that no two threads write to the same place.
__global__ void roi_backward(int n, int channels, int height, int width, int rows, int columns,
                             int regions, const int* packed, const float* dy, const float* winner,
                             float* dx) {
    int i = thread_number();
    if (i >= n) return;
    int r = i / width % height;
    int c = i % width;
    int channel = i / width / height % channels;
    int image = i / width / height / channels;
    float sum = 0;
    for (int number = 0; number < regions; ++number) {
        Region seen = region(packed, number, rows, columns);
        if (seen.image != image) continue;
        for (int row = 0; row < rows; ++row) {
            if (r < seen.row[2 * row] || r >= seen.row[2 * row + 1]) continue;
            for (int column = 0; column < columns; ++column) {
                int at = ((number * channels + channel) * rows + row) * columns + column;
                if (winner[at] == r * width + c) sum += dy[at];
            }
        }
    }
    dx[i] = sum;
}
