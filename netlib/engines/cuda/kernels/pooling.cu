// Pooling over two axes. x and dx are (planes, H, W); y, dy and mask are (planes, H', W'). A plane
// is one channel of one image.

// Rows top .. bottom - 1 and columns left .. right - 1 of a plane.
struct Area {
    int top, bottom, left, right;
};

extern "C++" {  // PyCUDA declares its sources extern "C", which has no templates
// The area is a square of this size. All of its numbers are on their way before the first one is
// used: a thread that asks for one at a time waits for the memory each time.
template <int size, class Use>
__device__ inline void for_each_of_square(const float* plane, int width, Area area, Use use) {
    int first = area.top * width + area.left;
    float found[size][size];
#pragma unroll
    for (int row = 0; row < size; ++row)
#pragma unroll
        for (int column = 0; column < size; ++column)
            found[row][column] = plane[first + row * width + column];
#pragma unroll
    for (int row = 0; row < size; ++row)
#pragma unroll
        for (int column = 0; column < size; ++column)
            use(found[row][column], first + row * width + column);
}

// use(number, place) for each number of an area, in row order.
template <class Use>
__device__ inline void for_each_of_area(const float* plane, int width, Area area, Use use) {
    int rows = area.bottom - area.top;
    int columns = area.right - area.left;
    if (rows == 2 && columns == 2) {
        for_each_of_square<2>(plane, width, area, use);
    } else if (rows == 3 && columns == 3) {
        for_each_of_square<3>(plane, width, area, use);
    } else {
        for (int row = area.top; row < area.bottom; ++row)
            for (int at = row * width + area.left; at < row * width + area.right; ++at)
                use(plane[at], at);
    }
}
}  // extern "C++"

// What the window at (row, column) sees of the image, without the padding.
__device__ inline Area inside(const Window& w, int row, int column) {
    int top = row * w.stride[0].by - w.pad[0];
    int left = column * w.stride[1].by - w.pad[1];
    int bottom = min(top + w.kernel[0].by, w.image[0].by);
    int right = min(left + w.kernel[1].by, w.image[1].by);
    return {max(top, 0), bottom, max(left, 0), right};
}

// What an average divides by: the size of that window, clipped to the padded image.
__device__ inline int size_of(const Window& w, int row, int column) {
    int top = row * w.stride[0].by - w.pad[0];
    int left = column * w.stride[1].by - w.pad[1];
    int bottom = min(top + w.kernel[0].by, w.image[0].by + w.pad[0]);
    int right = min(left + w.kernel[1].by, w.image[1].by + w.pad[1]);
    return (bottom - top) * (right - left);
}

// Along one axis, the first window that sees a place of the image, and the end of those that do:
// they start at most kernel - 1 before it.
__device__ inline int first_window(const Window& w, int axis, int place) {
    int after = place + w.pad[axis] - w.kernel[axis].by;
    return after < 0 ? 0 : quotient(after, w.stride[axis]) + 1;
}
__device__ inline int end_of_windows(const Window& w, int axis, int place) {
    return min(quotient(place + w.pad[axis], w.stride[axis]) + 1, w.position[axis].by);
}

// Up to four neighbors of a row, columns `column` to `end` - 1 of it, and the windows that see any
// of them.
struct Neighbors {
    int plane, row, column, end;
    Area windows;
};

// Those of this thread. Rows are cut into fours from the left, `fours` in each.
__device__ inline Neighbors neighbors(const Window& w, int thread, const Divisor& fours) {
    int line = quotient(thread, fours);  // counts the rows of all planes
    int plane = quotient(line, w.image[0]);
    int row = line - plane * w.image[0].by;
    int column = 4 * modulo(thread, fours);
    int end = min(column + 4, w.image[1].by);
    Area windows = {first_window(w, 0, row), end_of_windows(w, 0, row), first_window(w, 1, column),
                    end_of_windows(w, 1, end - 1)};
    return {plane, row, column, end, windows};
}

// y = the largest number of the window; the first in row order wins. mask = its place in the plane.
// Thread <-> element i of y.
__global__ void max_forward(int n, const __grid_constant__ Window w, const float* x, float* y,
                            float* mask) {
    int i = thread_number();
    if (i >= n) return;
    int line = quotient(i, w.position[1]);
    const float* plane = x + quotient(line, w.position[0]) * w.places.by;
    Area area = inside(w, modulo(line, w.position[0]), modulo(i, w.position[1]));
    float best = -3.402823466e+38f;
    int winner = -1;
    for_each_of_area(plane, w.image[1].by, area, [&](float value, int at) {
        winner = value > best ? at : winner;
        best = value > best ? value : best;
    });
    y[i] = best;
    mask[i] = winner;
}

// dx = the sum of dy over those windows whose winner, according to mask, is x.
// Thread <-> up to four neighbors of x. It asks each window that sees any of them, so that no two
// threads write to the same place.
__global__ void mask_backward(int n, const __grid_constant__ Window w, Divisor fours,
                              const float* dy, const float* mask, float* dx) {
    int thread = thread_number();
    if (thread >= n) return;
    Neighbors near = neighbors(w, thread, fours);
    int first = near.row * w.image[1].by + near.column;
    Four sum = {};
    for (int row = near.windows.top; row < near.windows.bottom; ++row) {
        int start = near.plane * w.positions.by + row * w.position[1].by;
#pragma unroll 2  // as many windows as see four neighbors where kernel and stride are 2
        for (int at = start + near.windows.left; at < start + near.windows.right; ++at) {
            float winner = mask[at];
            float passed = dy[at];
#pragma unroll
            for (int k = 0; k < 4; ++k)
                if (winner == first + k) sum.at[k] += passed;
        }
    }
    store_four(dx + near.plane * w.places.by + near.row * w.image[1].by, near.column, near.end,
               sum);
}

// y = x at the place of its plane that mask names, 0 where that is -1.  Thread <-> element i of y.
__global__ void mask_forward(int n, int places, Divisor positions, const float* x,
                             const float* mask, float* y) {
    int i = thread_number();
    if (i >= n) return;
    int at = mask[i];
    y[i] = at < 0 ? 0 : x[quotient(i, positions) * places + at];
}

// y = the sum over the window / its size.  Thread <-> element i of y.
__global__ void ave_forward(int n, const __grid_constant__ Window w, const float* x, float* y) {
    int i = thread_number();
    if (i >= n) return;
    int line = quotient(i, w.position[1]);
    const float* plane = x + quotient(line, w.position[0]) * w.places.by;
    int row = modulo(line, w.position[0]);
    int column = modulo(i, w.position[1]);
    Area area = inside(w, row, column);
    float sum = 0;
    for_each_of_area(plane, w.image[1].by, area, [&](float value, int) { sum += value; });
    y[i] = sum / size_of(w, row, column);
}

// dx = the sum of dy / size over the windows that see x.  Thread <-> up to four neighbors of x.
__global__ void ave_backward(int n, const __grid_constant__ Window w, Divisor fours,
                             const float* dy, float* dx) {
    int thread = thread_number();
    if (thread >= n) return;
    Neighbors near = neighbors(w, thread, fours);
    const float* plane = dy + near.plane * w.positions.by;
    Four sum = {};
    for (int row = near.windows.top; row < near.windows.bottom; ++row) {
        for (int column = near.windows.left; column < near.windows.right; ++column) {
            float share = plane[row * w.position[1].by + column] / size_of(w, row, column);
            Area seen = inside(w, row, column);
#pragma unroll
            for (int k = 0; k < 4; ++k)
                if (near.column + k >= seen.left && near.column + k < seen.right)
                    sum.at[k] += share;
        }
    }
    store_four(dx + near.plane * w.places.by + near.row * w.image[1].by, near.column, near.end,
               sum);
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
__global__ void roi_forward(int n, Divisor channels, int height, int width, Divisor rows,
                            Divisor columns, const int* packed, const float* x, float* y,
                            float* winner) {
    int i = thread_number();
    if (i >= n) return;
    int line = quotient(i, columns);
    int map = quotient(line, rows);  // one channel of one region
    Region seen = region(packed, quotient(map, channels), rows.by, columns.by);
    const int* row = seen.row + 2 * modulo(line, rows);
    const int* column = seen.column + 2 * modulo(i, columns);
    Area bin = {row[0], row[1], column[0], column[1]};
    int plane_number = seen.image * channels.by + modulo(map, channels);
    const float* plane = x + plane_number * height * width;
    float best = 0;
    int at = -1;
    for_each_of_area(plane, width, bin, [&](float value, int place) {
        bool wins = at < 0 || value > best;
        at = wins ? place : at;
        best = wins ? value : best;
    });
    y[i] = best;
    winner[i] = at;
}

// dx = the sum of dy over the bins that x won.  Thread <-> element i of x. It asks each bin that
// sees it, so that no two threads write to the same place.
__global__ void roi_backward(int n, Divisor channels, Divisor height, Divisor width, int rows,
                             int columns, int regions, const int* packed, const float* dy,
                             const float* winner, float* dx) {
    int i = thread_number();
    if (i >= n) return;
    int line = quotient(i, width);
    int plane = quotient(line, height);
    int r = modulo(line, height);
    int c = modulo(i, width);
    int channel = modulo(plane, channels);
    int image = quotient(plane, channels);
    float sum = 0;
    for (int number = 0; number < regions; ++number) {
        Region seen = region(packed, number, rows, columns);
        if (seen.image != image) continue;
        for (int row = 0; row < rows; ++row) {
            if (r < seen.row[2 * row] || r >= seen.row[2 * row + 1]) continue;
            for (int column = 0; column < columns; ++column) {
                int at = ((number * channels.by + channel) * rows + row) * columns + column;
                if (winner[at] == r * width.by + c) sum += dy[at];
            }
        }
    }
    dx[i] = sum;
}
