// The shapes of a convolution, as Python passes them.
#pragma once

#include <algorithm>
#include <vector>

#include "isa.hpp"
#include "padded.hpp"
#include "slide.hpp"

namespace ISA {

struct Convolution {
    long images, channels, height, width;  // x
    long outputs, out_height, out_width;   // y
    long kernel_y, kernel_x, stride_y, stride_x, pad_y, pad_x, dilation_y, dilation_x;
    long groups;

    long kernel() const { return kernel_y * kernel_x; }
    long inputs_of_group() const { return channels / groups; }
    long outputs_of_group() const { return outputs / groups; }

    bool has_stride() const { return stride_y > 1 || stride_x > 1; }

    // Whether it is y = W x for each image, of the positions that the stride leaves.
    bool is_product() const { return kernel() == 1 && pad_y == 0 && pad_x == 0; }

    // x, with the phases that the kernel reads.
    Padded padded() const {
        Padded x;
        x.channels = channels;
        x.height = height;
        x.width = width;
        x.stride_y = stride_y;
        x.stride_x = stride_x;
        x.top = pad_y;
        x.left = pad_x;
        x.phases_y = std::min(stride_y, (kernel_y - 1) * dilation_y + 1);
        x.phases_x = std::min(stride_x, (kernel_x - 1) * dilation_x + 1);
        return x;
    }

    std::vector<Tap> taps() const {
        std::vector<Tap> taps;
        for (long i = 0; i < kernel(); ++i)
            taps.push_back({i / kernel_x * dilation_y, i % kernel_x * dilation_x, i});
        return taps;
    }
};

}  // namespace ISA
