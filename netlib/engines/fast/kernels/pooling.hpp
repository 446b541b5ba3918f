// Max and average pooling, plane by plane (a plane is one channel of one image).
//
// A plane is copied with its border, if it has one, so that all windows are alike. LANES windows
// side by side are computed together, place by place of the window; averages sum rows first.
#pragma once

#include <algorithm>
#include <cfloat>
#include <type_traits>
#include <vector>

#include "buffer.hpp"
#include "copy.hpp"
#include "functions.hpp"
#include "isa.hpp"
#include "map.hpp"
#include "padded.hpp"
#include "reduction.hpp"
#include "simd.hpp"

namespace ISA {

// The shapes of a pooling, as Python passes them.
struct Pooling {
    long planes, height, width, out_height, out_width;
    long kernel_y, kernel_x, stride_y, stride_x, pad_y, pad_x;

    long in() const { return height * width; }
    long out() const { return out_height * out_width; }

    // Whether there is a single window, the whole plane.
    bool global() const {
        return out() == 1 && kernel_y == height && kernel_x == width && !pad_y && !pad_x;
    }

    Padded padded(float border) const {
        Padded x;
        x.channels = 1;
        x.height = height;
        x.width = width;
        x.top = pad_y;
        x.left = pad_x;
        x.images = 1;
        x.rows = (out_height - 1) * stride_y + kernel_y;
        x.columns = (out_width - 1) * stride_x + kernel_x;
        x.border = border;
        return x;
    }

    // The sizes of the windows, clipped to the padded image.
    std::vector<float> sizes() const {
        std::vector<float> sizes;
        for (long row = 0; row < out_height; ++row) {
            const long rows = std::min(kernel_y, height + 2 * pad_y - row * stride_y);
            for (long column = 0; column < out_width; ++column) {
                const long columns = std::min(kernel_x, width + 2 * pad_x - column * stride_x);
                sizes.push_back(rows * columns);
            }
        }
        return sizes;
    }

    // A plane of x with its border. Without one it is read where it lies, except at the end of x,
    // since vectors are read beyond the last window; else it is copied.
    const float* bordered(const Padded& padded, const float* x, long plane) const {
        const bool plain = padded.is_plain() && padded.rows <= height;
        if (plain && plane + 1 < planes && in() >= SPILL) return x + plane * in();
        float* seen = buffer(PADDED, padded.size());
        padded.fill(x, {plane, 1, 0, padded.rows}, 0, seen);
        return seen;
    }

    // Calls work(plane) for each plane.
    template <class Work>
    void each_plane(const Work& work) const {
        share_out_light(planes, in() + out() * kernel_y * kernel_x, [&](long begin, long end) {
            for (long plane = begin; plane < end; ++plane)
                work(plane);
        });
    }
};

// A place of the windows: its distance from the first place, in the padded plane (offset) and in
// the image (number).
struct WindowPlace {
    long offset;
    float number;
};

// The places of the windows in row order.
inline std::vector<WindowPlace> window_places(const Pooling& p) {
    room(p.kernel_y, p.kernel_x, sizeof(WindowPlace));
    std::vector<WindowPlace> places;
    const long columns = p.padded(0).columns;
    for (long y = 0; y < p.kernel_y; ++y)
        for (long x = 0; x < p.kernel_x; ++x)
            places.push_back({y * columns + x, float(y * p.width + x)});
    return places;
}

// LANES numbers that lie `step` apart, of which the first n are wanted. Steps of 1 and 2 are types.
using One = std::integral_constant<long, 1>;
using Two = std::integral_constant<long, 2>;
inline vec load_apart(const float* p, One, long) { return load(p); }
inline vec load_apart(const float* p, Two, long) { return even(load(p), load(p + LANES)); }
inline vec load_apart(const float* p, long step, long n) {
    vec v{};
    for (long i = 0; i < std::min<long>(n, LANES); ++i)
        v[i] = p[i * step];
    return v;
}

// Stores the first n numbers, and maybe others after them, where there are `room` numbers that are
// still to be written: some processors take several times as long for a part.
inline void store_some(float* p, vec v, long n, long room) {
    if (room >= LANES) store(p, v);
    else store_part(p, v, n);
}

// Calls work(step) with the distance of a row's windows, as load_apart takes it.
template <class Work>
void with_known_step(const Pooling& p, const Work& work) {
    if (p.stride_x == 1) work(One{});
    else if (p.stride_x == 2) work(Two{});
    else work(p.stride_x);
}

// Calls work(seen, step, plane, row, column, n) for every LANES windows of a row. The first of them
// is the one at (row, column); `seen` is its first place in the padded plane; n windows are left
// from there to the end of the row. `step` is for load_apart.
template <class Work>
void each_windows(const Pooling& p, const float* x, float border, const Work& work) {
    const Padded padded = p.padded(border);
    with_known_step(p, [&](auto step) {
        p.each_plane([&](long plane) {
            const float* seen = p.bordered(padded, x, plane);
            for (long row = 0; row < p.out_height; ++row)
                for (long column = 0; column < p.out_width; column += LANES) {
                    const long first = padded.position(0, row * p.stride_y, column * p.stride_x);
                    work(seen + first, step, plane, row, column, p.out_width - column);
                }
        });
    });
}

// y = the largest number of each window; mask = its place in the plane, the first one in row order
// where several are equal, as in Caffe.
EXPORT(pool_max_forward)(const float* x, float* y, float* mask, const Pooling* p) try {
    const std::vector<WindowPlace> places = window_places(*p);
    const vec between = counting() * float(p->stride_x);  // the first places of neighboring windows
    const auto largest = [&](const float* seen, auto step, long plane, long row, long column,
                             long n) {
        const long top = row * p->stride_y - p->pad_y;
        const long left = column * p->stride_x - p->pad_x;
        const vec first = between + all(top * p->width + left);
        vec best = all(-FLT_MAX);
        vec winner = all(-1);
        for (const WindowPlace& place : places) {
            const vec x = load_apart(seen + place.offset, step, n);
            winner = x > best ? first + place.number : winner;
            best = x > best ? x : best;
        }
        const long at = plane * p->out() + row * p->out_width + column;
        const long room = (plane + 1) * p->out() - at;
        store_some(y + at, best, n, room);
        store_some(mask + at, winner, n, room);
    };
    each_windows(*p, x, -FLT_MAX, largest);
} REFUSED

// dx = the sum of dy over the windows whose winner is x.
EXPORT(pool_mask_backward)(const float* dy, const float* mask, float* dx, const Pooling* p) try {
    p->each_plane([&](long plane) {
        float* to = dx + plane * p->in();
        std::fill_n(to, p->in(), 0.f);
        for (long i = plane * p->out(); i < (plane + 1) * p->out(); ++i)
            if (mask[i] >= 0 && mask[i] < p->in()) to[static_cast<long>(mask[i])] += dy[i];
    });
} REFUSED

// The sums of the columns that a row of windows sees, the first of whose rows is at `seen`.
inline const float* sum_rows(const Pooling& p, const float* seen) {
    const long columns = p.padded(0).columns;
    float* sums = buffer(LINE, columns);
    std::fill_n(sums, columns, 0.f);
    for (long i = 0; i < p.kernel_y; ++i)
        add(sums, seen + i * columns, columns);
    return sums;
}

EXPORT(pool_ave_forward)(const float* x, float* y, const Pooling* p) try {
    if (p->global())
        return p->each_plane([&](long i) {
            const Plain terms{x + i * p->in()};
            y[i] = sum_lanes(sum_row(terms, p->in())) / p->in();
        });
    const std::vector<float> sizes = p->sizes();
    const Padded padded = p->padded(0);
    room(p->kernel_y, p->kernel_x);
    with_known_step(*p, [&](auto step) {
        p->each_plane([&](long plane) {
            const float* seen = p->bordered(padded, x, plane);
            for (long row = 0; row < p->out_height; ++row) {
                const float* sums = sum_rows(*p, seen + row * p->stride_y * padded.columns);
                for (long column = 0; column < p->out_width; column += LANES) {
                    const long n = p->out_width - column;
                    vec sum{};
                    for (long i = 0; i < p->kernel_x; ++i)
                        sum += load_apart(sums + column * p->stride_x + i, step, n);
                    const long at = row * p->out_width + column;
                    const vec size = load_part(sizes.data() + at, n);
                    store_some(y + plane * p->out() + at, sum / size, n, p->out() - at);
                }
            }
        });
    });
} REFUSED

// dx = the sum of dy / size over the windows that see x. A row of windows adds the same `line` to
// all rows that it sees: at each column the sum over its windows.
EXPORT(pool_ave_backward)(const float* dy, float* dx, const Pooling* p) try {
    const std::vector<float> sizes = p->sizes();
    const long length = std::max(p->padded(0).columns, p->pad_x + p->width);
    p->each_plane([&](long plane) {
        float* to = dx + plane * p->in();
        if (p->global()) {
            std::fill_n(to, p->in(), dy[plane] / p->in());
            return;
        }
        float* line = buffer(LINE, length);
        std::fill_n(to, p->in(), 0.f);
        for (long row = 0; row < p->out_height; ++row) {
            std::fill_n(line, length, 0.f);
            for (long column = 0; column < p->out_width; ++column) {
                const long i = row * p->out_width + column;
                const float share = dy[plane * p->out() + i] / std::max(1.f, sizes[i]);
                const long left = column * p->stride_x;
                for (long x = left; x < left + p->kernel_x; ++x)
                    line[x] += share;
            }
            const long top = row * p->stride_y - p->pad_y;
            const long bottom = std::min(p->height, top + p->kernel_y);
            for (long y = std::max(0L, top); y < bottom; ++y)
                add(to + y * p->width, line + p->pad_x, p->width);
        }
    });
} REFUSED

}  // namespace ISA
