// The patches that a convolution's window sees at chosen positions, as rows.

// out (groups, rows, channels of a group * kernel); `chosen` counts positions in the order (image, row, column).
EXPORT(patches)(const float* x, const long* chosen, float* out, long rows, const Convolution* c) {
    const long inputs = c->inputs_of_group(), plane = c->height * c->width;
    share_out_blocks(rows, 64, [&](long begin, long end) {
        for (long row = begin; row < end; ++row) {
            const long position = chosen[row] % (c->out_height * c->out_width);
            const float* image = x + chosen[row] / (c->out_height * c->out_width) * c->channels * plane;
            const long top = position / c->out_width * c->stride_y - c->pad_y;
            const long left = position % c->out_width * c->stride_x - c->pad_x;
            for (long channel = 0; channel < c->channels; ++channel, image += plane) {
                float* to = out + ((channel / inputs * rows + row) * inputs + channel % inputs) * c->kernel();
                for (long i = 0; i < c->kernel_y; ++i) {
                    const long y = top + i * c->dilation_y;
                    for (long j = 0; j < c->kernel_x; ++j) {
                        const long at = left + j * c->dilation_x;
                        *to++ = y >= 0 && y < c->height && at >= 0 && at < c->width ? image[y * c->width + at] : 0;
                    }
                }
            }
        }
    });
}
