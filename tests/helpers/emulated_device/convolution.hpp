// A convolution as its definition has it: shapes, windows, and all the products that it sums.
#pragma once
#include <array>
#include <cstdint>

namespace cuda_emulator {

constexpr int axes = 3;
using Place = std::array<int, axes>;

// Of a tensor (n, c, extent...) or of filters. Missing axes, in front of the others, have extent 1.
struct Shape {
    int n, c;
    Place extent;
    int64_t count() const { return int64_t(n) * c * extent[0] * extent[1] * extent[2]; }
    int64_t at(int i, int j, const Place& place) const {
        int64_t index = int64_t(i) * c + j;
        for (int axis = 0; axis < axes; ++axis)
            index = index * extent[axis] + place[axis];
        return index;
    }
};

struct Window {
    Place pad{};
    Place stride{1, 1, 1};
    Place dilation{1, 1, 1};
    int groups = 1;
    int math = 0;  // cuDNN's default
};

// Whether y is the shape of the convolution of x with w.
inline bool fit(const Shape& x, const Shape& w, const Window& p, const Shape& y) {
    bool fits = x.n == y.n && y.c == w.n && x.c == w.c * p.groups && w.n % p.groups == 0;
    for (int i = 0; i < axes; ++i) {
        const int reach = p.dilation[i] * (w.extent[i] - 1) + 1;
        fits &= y.extent[i] == (x.extent[i] + 2 * p.pad[i] - reach) / p.stride[i] + 1;
    }
    return fits;
}

// Calls f(place) for every place of a box, in row order.
template <class F>
void each_place(const Place& extent, F f) {
    Place place;
    for (place[0] = 0; place[0] < extent[0]; ++place[0])
        for (place[1] = 0; place[1] < extent[1]; ++place[1])
            for (place[2] = 0; place[2] < extent[2]; ++place[2])
                f(place);
}

// Calls f(place in the image, place in the kernel) for each place of the kernel that lies in the
// image.
template <class F>
void slide(const Shape& x, const Shape& w, const Window& p, const Place& position, F f) {
    each_place(w.extent, [&](const Place& element) {
        Place at;
        for (int i = 0; i < axes; ++i) {
            at[i] = position[i] * p.stride[i] - p.pad[i] + element[i] * p.dilation[i];
            if (at[i] < 0 || at[i] >= x.extent[i]) return;
        }
        f(at, element);
    });
}

// Calls f(i, j, k) for every product x[i] w[j] that adds to y[k].
template <class F>
void products(const Shape& x, const Shape& w, const Window& p, const Shape& y, F f) {
    for (int n = 0; n < y.n; ++n)
        for (int c = 0; c < y.c; ++c) {
            const int group = c / (y.c / p.groups);
            each_place(y.extent, [&](const Place& position) {
                slide(x, w, p, position, [&](const Place& at, const Place& element) {
                    for (int d = 0; d < w.c; ++d)
                        f(x.at(n, group * w.c + d, at), w.at(c, d, element), y.at(n, c, position));
                });
            });
        }
}

}  // namespace cuda_emulator
