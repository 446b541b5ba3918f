// Convolution by a kernel of one number: of each image a product of matrices, (outputs, inputs) (inputs, positions).
// Where images are small, a slide over several of them at once has less to do beside it.

namespace pointwise {

inline bool pays(const Convolution& c) {
    return c.kernel() == 1 && c.groups == 1 && c.stride_y == 1 && c.stride_x == 1 && c.pad_y == 0 && c.pad_x == 0
           && c.height * c.width >= (c.images == 1 ? 1 : 400);
}

// The n-th image of x (images, channels, positions), and the weights (outputs, inputs).
inline Matrix image(const Convolution& c, const float* x, long channels, long n) {
    const long positions = c.height * c.width;
    return {const_cast<float*>(x) + n * channels * positions, positions, 1};
}
inline Matrix weights(const Convolution& c, const float* W) { return {const_cast<float*>(W), c.channels, 1}; }

inline void forward(const Convolution& c, const float* x, const float* W, float* y, const Finish& finish) {
    const long positions = c.height * c.width;
    for (long n = 0; n < c.images; ++n) {
        const Matrix out = image(c, y, c.outputs, n);
        gemm(weights(c, W), image(c, x, c.channels, n), out, c.outputs, positions, c.channels, false);
        if (finish)
            share_out_blocks(c.outputs, std::max(1L, (1L << 14) / positions), [&](long begin, long end) {
                for (long m = begin; m < end; ++m) {
                    const auto finished = finish.channel(m);
                    for (long i = 0; i < positions; i += LANES) {
                        float* to = out.at(m, i);
                        store_part(to, finished(load_part(to, positions - i)), positions - i);
                    }
                }
            });
    }
}

inline void backward_data(const Convolution& c, const float* dy, const float* W, float* dx) {
    for (long n = 0; n < c.images; ++n)
        gemm(weights(c, W).transposed(), image(c, dy, c.outputs, n), image(c, dx, c.channels, n), c.channels,
             c.height * c.width, c.outputs, false);
}

inline void backward_weights(const Convolution& c, const float* x, const float* dy, float* dW) {
    for (long n = 0; n < c.images; ++n)
        gemm(image(c, dy, c.outputs, n), image(c, x, c.channels, n).transposed(), weights(c, dW), c.outputs, c.channels,
             c.height * c.width, true);
}

}  // namespace pointwise
