// Max pooling. Each plane (one channel of one image) is independent of the others; threads share them out.
#include <algorithm>
#include <cfloat>

namespace {

struct Span { long begin, end; };

// The part of a window along one axis that lies in the image: padding is never seen.
Span inside(long position, long kernel, long stride, long pad, long size) {
    const long start = position * stride - pad;
    return {std::max(start, 0L), std::min(start + kernel, size)};
}

void pool_plane(const float* x, float* y, float* mask, const long* in, const long* out,
                const long* kernel, const long* stride, const long* pad) {
    for (long row = 0; row < out[0]; ++row) {
        const Span rows = inside(row, kernel[0], stride[0], pad[0], in[0]);
        for (long column = 0; column < out[1]; ++column) {
            const Span columns = inside(column, kernel[1], stride[1], pad[1], in[1]);
            float best = -FLT_MAX;
            long winner = -1;
            for (long i = rows.begin; i < rows.end; ++i)
                for (long j = columns.begin; j < columns.end; ++j)
                    if (x[i * in[1] + j] > best) {      // the first of equals wins, as in Caffe
                        best = x[i * in[1] + j];
                        winner = i * in[1] + j;
                    }
            *y++ = best;
            if (mask) *mask++ = static_cast<float>(winner);
        }
    }
}

}  // namespace

// x (planes, in[0], in[1]) -> y (planes, out[0], out[1]) and, unless it is null, mask of the same shape.
extern "C" void pool_max_forward(const float* x, float* y, float* mask, long planes, const long* in, const long* out,
                                 const long* kernel, const long* stride, const long* pad) {
    #pragma omp parallel for
    for (long p = 0; p < planes; ++p)
        pool_plane(x + p * in[0] * in[1], y + p * out[0] * out[1], mask ? mask + p * out[0] * out[1] : nullptr,
                   in, out, kernel, stride, pad);
}
