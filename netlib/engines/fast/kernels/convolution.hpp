// A convolution's forward pass and its gradient by the data, as products, as slides or by Winograd's transform.

inline Slide forward_slide(const Convolution& c) {
    const long inputs = c.inputs_of_group();
    return {c.padded(), c.groups, inputs, c.outputs_of_group(), c.out_height, c.out_width,
            c.out_height * c.out_width, c.out_width, 1, inputs * c.kernel(), c.kernel(), c.kernel(), c.taps()};
}

// One axis of one phase of dx: the places p - pad + stride r inside the image.
struct Phase {
    long first, count;                                      // the first place inside, and how many
    long border;                                            // zeros that dy needs before its first element
    long shift;                                             // most steps that a tap of this phase looks back
    Phase(long phase, long size, long kernel, long stride, long pad, long dilation) : shift(0) {
        const long row = std::max(0L, parts(pad - phase, stride));
        first = row * stride + phase - pad;
        count = std::max(0L, parts(size - first, stride));
        for (long i = 0; i < kernel; ++i)
            if (i * dilation % stride == phase) shift = i * dilation / stride;
        border = shift - row;
    }
};

inline Slide backward_slide(const Convolution& c, long phase_y, long phase_x, const Phase& y, const Phase& x) {
    std::vector<Tap> taps;
    for (const Tap& t : c.taps())
        if (t.y % c.stride_y == phase_y && t.x % c.stride_x == phase_x)
            taps.push_back({y.shift - t.y / c.stride_y, x.shift - t.x / c.stride_x, t.number});
    const Padded dy{c.outputs, c.out_height, c.out_width, 1, 1, y.border, x.border, 0, 0, 0};
    return {dy, c.groups, c.outputs_of_group(), c.inputs_of_group(), y.count, x.count,
            c.height * c.width, c.stride_y * c.width, c.stride_x, c.kernel(), c.inputs_of_group() * c.kernel(),
            c.kernel(), taps};
}

inline void convolution_backward_data(const Convolution& c, const float* dy, const float* W, float* dx) {
    if (c.padded().phases_y < c.stride_y || c.padded().phases_x < c.stride_x)       // some places are seen by no window
        share_out_blocks(c.images * c.channels * c.height * c.width, 1 << 16, [=](long begin, long end) {
            std::fill(dx + begin, dx + end, 0.f);
        });
    for (long i = 0; i < c.padded().phases_y; ++i)
        for (long j = 0; j < c.padded().phases_x; ++j) {
            const Phase y(i, c.height, c.kernel_y, c.stride_y, c.pad_y, c.dilation_y);
            const Phase x(j, c.width, c.kernel_x, c.stride_x, c.pad_x, c.dilation_x);
            if (y.count && x.count)
                slide(backward_slide(c, i, j, y, x), dy, W, dx + y.first * c.width + x.first, c.images);
        }
}

// scale, bias: a number for each output, or null.
EXPORT(conv_forward)(const float* x, const float* W, const float* scale, const float* bias, float* y,
                     const Convolution* c, long rectify, long winograd) {
    const Finish finish{scale, bias, rectify != 0};
    Slide plain = forward_slide(*c);
    plain.finish = finish;
    if (pointwise::pays(*c)) pointwise::forward(*c, x, W, y, finish);
    else if (!winograd || !c->images) slide(plain, x, W, y, c->images);
    else if (c->kernel_y == 3) winograd::slide<3>(*c, false, x, W, y, finish);
    else winograd::slide<5>(*c, false, x, W, y, finish);
}

EXPORT(conv_backward_data)(const float* dy, const float* W, float* dx, const Convolution* c, long winograd) {
    if (pointwise::pays(*c)) pointwise::backward_data(*c, dy, W, dx);
    else if (!winograd || !c->images) convolution_backward_data(*c, dy, W, dx);
    else if (c->kernel_y == 3) winograd::slide<3>(*c, true, dy, W, dx);
    else winograd::slide<5>(*c, true, dy, W, dx);
}
