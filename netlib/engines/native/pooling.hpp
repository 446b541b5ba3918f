// Max and average pooling. Each plane (one channel of one image) is a task.
//
// The plane is padded and split in the phases of the stride (padded.hpp), so that what neighbouring windows have at
// one of their places lies side by side: whatever the window, LANES of them are treated at once, place by place.

// The shapes of a pooling, as Python hands them over.
struct Pooling {
    long planes, height, width, out_height, out_width, kernel_y, kernel_x, stride_y, stride_x, pad_y, pad_x;

    long in() const { return height * width; }
    long out() const { return out_height * out_width; }
    Padded padded(float border) const {
        return {1, height, width, stride_y, stride_x, pad_y, pad_x, 1, out_height + (kernel_y - 1) / stride_y,
                out_width + (kernel_x - 1) / stride_x, border};
    }
    // The size of a window, clipped to the padded image.
    static long along(long position, long kernel, long stride, long pad, long size) {
        return std::min(kernel, size + 2 * pad - position * stride);
    }
    long size(long row, long column) const {
        return along(row, kernel_y, stride_y, pad_y, height) * along(column, kernel_x, stride_x, pad_x, width);
    }
};

// A place (y, x) of the windows, in row order, and its offset in the buffer for the first window.
struct WindowPlace { long y, x, offset; };

inline std::vector<WindowPlace> window_places(const Pooling& p, const Padded& padded) {
    std::vector<WindowPlace> places;
    for (long y = 0; y < p.kernel_y; ++y)
        for (long x = 0; x < p.kernel_x; ++x)
            places.push_back({y, x, padded.at(y, x)});
    return places;
}

// work(in, out, n, row, column): each LANES windows, the last ones n, from these places in the buffer and in y on.
template <class Work> void each_windows(const Pooling& p, const Padded& padded, const Work& work) {
    for (long row = 0; row < p.out_height; ++row)
        for (long column = 0; column < p.out_width; column += LANES)
            work(padded.position(0, row, column), row * p.out_width + column, p.out_width - column, row, column);
}

// The winners, the first of equals as in Caffe, and their flat places; `corner` and `step` count the first places of the
// windows.
inline void pool_max(const std::vector<WindowPlace>& places, const float* seen, float corner, float width, float step,
                     float* y, float* mask, long n) {
    vec best = -FLT_MAX - vec{}, winner = -1 - vec{};
    for (const WindowPlace& place : places) {
        const vec x = load(seen + place.offset);
        winner = x > best ? corner + place.y * width + place.x + counting() * step : winner;
        best = x > best ? x : best;
    }
    store_part(y, best, n);
    store_part(mask, winner, n);
}

EXPORT(pool_max_forward)(const float* x, float* y, float* mask, const Pooling* p) {
    const Padded padded = p->padded(-FLT_MAX);
    const std::vector<WindowPlace> places = window_places(*p, padded);
    share_out(p->planes, [&](long plane) {
        float* seen = buffer(PADDED, padded.size());
        padded.fill(x, {plane, 1, 0, padded.rows}, 0, seen);
        each_windows(*p, padded, [&](long in, long out, long n, long row, long column) {
            const long corner = (row * p->stride_y - p->pad_y) * p->width + column * p->stride_x - p->pad_x;
            pool_max(places, seen + in, corner, p->width, p->stride_x, y + plane * p->out() + out,
                     mask + plane * p->out() + out, n);
        });
    });
}

EXPORT(pool_mask_backward)(const float* dy, const float* mask, float* dx, const Pooling* p) {
    share_out(p->planes, [&](long plane) {
        float* to = dx + plane * p->in();
        std::fill_n(to, p->in(), 0.f);
        for (long i = plane * p->out(); i < (plane + 1) * p->out(); ++i)
            if (mask[i] >= 0) to[static_cast<long>(mask[i])] += dy[i];
    });
}

EXPORT(pool_ave_forward)(const float* x, float* y, const Pooling* p) {
    const Padded padded = p->padded(0);
    const std::vector<WindowPlace> places = window_places(*p, padded);
    share_out(p->planes, [&](long plane) {
        float* seen = buffer(PADDED, padded.size());
        padded.fill(x, {plane, 1, 0, padded.rows}, 0, seen);
        each_windows(*p, padded, [&](long in, long out, long n, long row, long column) {
            vec sum{};
            for (const WindowPlace& place : places)
                sum += load(seen + in + place.offset);
            for (long lane = 0; lane < std::min<long>(n, LANES); ++lane)
                y[plane * p->out() + out + lane] = sum[lane] / p->size(row, column + lane);
        });
    });
}

EXPORT(pool_ave_backward)(const float* dy, float* dx, const Pooling* p) {
    const Padded padded = p->padded(0);
    const std::vector<WindowPlace> places = window_places(*p, padded);
    share_out(p->planes, [&](long plane) {
        float* gradient = buffer(PADDED, padded.size());
        float* share = buffer(LINE, p->out());
        std::fill_n(gradient, padded.size() + SPILL, 0.f);
        for (long row = 0; row < p->out_height; ++row)
            for (long column = 0; column < p->out_width; ++column)
                share[row * p->out_width + column] = dy[plane * p->out() + row * p->out_width + column]
                                                     / std::max(1L, p->size(row, column));
        for (const WindowPlace& place : places)
            each_windows(*p, padded, [&](long in, long out, long n, long, long) {
                float* to = gradient + in + place.offset;
                store(to, load(to) + load_part(share + out, n));
            });
        padded.extract(gradient, dx + plane * p->in());
    });
}
