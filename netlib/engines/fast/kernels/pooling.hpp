// Max and average pooling, plane by plane (a plane is one channel of one image).
//
// What a plane's windows see is laid out with its border, so that all windows are alike; LANES of them side by side are
// treated at once, place by place of the window.

// The shapes of a pooling, as Python hands them over.
struct Pooling {
    long planes, height, width, out_height, out_width, kernel_y, kernel_x, stride_y, stride_x, pad_y, pad_x;

    long in() const { return height * width; }
    long out() const { return out_height * out_width; }
    Padded padded(float border) const {
        return {1, height, width, 1, 1, pad_y, pad_x, 1, (out_height - 1) * stride_y + kernel_y,
                (out_width - 1) * stride_x + kernel_x, border};
    }
    bool global() const { return out() == 1 && kernel_y == height && kernel_x == width && !pad_y && !pad_x; }

    // The sizes of the windows, clipped to the padded image.
    static long along(long position, long kernel, long stride, long pad, long size) {
        return std::min(kernel, size + 2 * pad - position * stride);
    }
    std::vector<float> sizes() const {
        std::vector<float> sizes;
        for (long row = 0; row < out_height; ++row)
            for (long column = 0; column < out_width; ++column)
                sizes.push_back(along(row, kernel_y, stride_y, pad_y, height)
                                * along(column, kernel_x, stride_x, pad_x, width));
        return sizes;
    }
    template <class Work> void each_plane(const Work& work) const {
        share_out_light(planes, in() + out() * kernel_y * kernel_x, [&](long begin, long end) {
            for (long plane = begin; plane < end; ++plane)
                work(plane);
        });
    }
};

// A place of the windows, in row order: its offset in the padded plane, and in the image, from the first place on.
struct WindowPlace { long offset; float number; };

inline std::vector<WindowPlace> window_places(const Pooling& p) {
    std::vector<WindowPlace> places;
    for (long y = 0; y < p.kernel_y; ++y)
        for (long x = 0; x < p.kernel_x; ++x)
            places.push_back({y * p.padded(0).columns + x, float(y * p.width + x)});
    return places;
}

// Numbers that lie `step` apart, of which the first n are wanted.
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

// work(seen, step, plane, row, column, n): each LANES windows of a row, the last ones n; `seen` is what is at their
// first place.
template <class Work> void each_windows(const Pooling& p, const float* x, float border, const Work& work) {
    const Padded padded = p.padded(border);
    const auto each = [&](auto step) {
        p.each_plane([&](long plane) {
            float* seen = buffer(PADDED, padded.size());
            padded.fill(x, {plane, 1, 0, padded.rows}, 0, seen);
            for (long row = 0; row < p.out_height; ++row)
                for (long column = 0; column < p.out_width; column += LANES)
                    work(seen + padded.position(0, row * p.stride_y, column * p.stride_x), step, plane, row, column,
                         p.out_width - column);
        });
    };
    if (p.stride_x == 1) each(One{});
    else if (p.stride_x == 2) each(Two{});
    else each(p.stride_x);
}

// The winners, the first of equals as in Caffe, and their flat places.
EXPORT(pool_max_forward)(const float* x, float* y, float* mask, const Pooling* p) {
    const std::vector<WindowPlace> places = window_places(*p);
    const vec between = counting() * float(p->stride_x);         // the first places of neighbouring windows
    each_windows(*p, x, -FLT_MAX, [&](const float* seen, auto step, long plane, long row, long column, long n) {
        const vec first = between + all((row * p->stride_y - p->pad_y) * p->width + column * p->stride_x - p->pad_x);
        vec best = all(-FLT_MAX), winner = all(-1);
        for (const WindowPlace& place : places) {
            const vec x = load_apart(seen + place.offset, step, n);
            winner = x > best ? first + place.number : winner;
            best = x > best ? x : best;
        }
        const long at = plane * p->out() + row * p->out_width + column;
        store_part(y + at, best, n);
        store_part(mask + at, winner, n);
    });
}

EXPORT(pool_mask_backward)(const float* dy, const float* mask, float* dx, const Pooling* p) {
    p->each_plane([&](long plane) {
        float* to = dx + plane * p->in();
        std::fill_n(to, p->in(), 0.f);
        for (long i = plane * p->out(); i < (plane + 1) * p->out(); ++i)
            if (mask[i] >= 0) to[static_cast<long>(mask[i])] += dy[i];
    });
}

EXPORT(pool_ave_forward)(const float* x, float* y, const Pooling* p) {
    if (p->global())
        return p->each_plane([&](long i) { y[i] = sum_lanes(sum_row(Plain{x + i * p->in()}, p->in())) / p->in(); });
    const std::vector<WindowPlace> places = window_places(*p);
    const std::vector<float> sizes = p->sizes();
    each_windows(*p, x, 0, [&](const float* seen, auto step, long plane, long row, long column, long n) {
        vec sum{};
        for (const WindowPlace& place : places)
            sum += load_apart(seen + place.offset, step, n);
        const long at = row * p->out_width + column;
        store_part(y + plane * p->out() + at, sum / load_part(sizes.data() + at, n), n);
    });
}

// A row of windows gives the same to each of its rows of the image: line, the sum over the windows at each column.
EXPORT(pool_ave_backward)(const float* dy, float* dx, const Pooling* p) {
    const std::vector<float> sizes = p->sizes();
    const long length = std::max(p->padded(0).columns, p->pad_x + p->width);
    p->each_plane([&](long plane) {
        float* to = dx + plane * p->in();
        if (p->global()) return std::fill_n(to, p->in(), dy[plane] / p->in()), void();
        float* line = buffer(LINE, length);
        std::fill_n(to, p->in(), 0.f);
        for (long row = 0; row < p->out_height; ++row) {
            std::fill_n(line, length, 0.f);
            for (long column = 0; column < p->out_width; ++column) {
                const long i = row * p->out_width + column;
                const float share = dy[plane * p->out() + i] / std::max(1.f, sizes[i]);
                for (long x = column * p->stride_x; x < column * p->stride_x + p->kernel_x; ++x)
                    line[x] += share;
            }
            const long top = row * p->stride_y - p->pad_y;
            for (long y = std::max(0L, top); y < std::min(p->height, top + p->kernel_y); ++y)
                add(to + y * p->width, line + p->pad_x, p->width);
        }
    });
}
