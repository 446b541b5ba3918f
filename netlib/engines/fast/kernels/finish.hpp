// What a convolution does to its sums before it stores them: y = scale sum + bias, then ReLU.
#pragma once

#include "isa.hpp"
#include "simd.hpp"

namespace ISA {

struct Finish {
    const float* scale = nullptr;  // a number for each output channel; null: all 1
    const float* bias = nullptr;   // a number for each output channel; null: all 0
    bool rectify = false;          // whether negative results become 0 (ReLU)

    explicit operator bool() const { return scale || bias || rectify; }

    // The function for the sums of one channel, or of a channel in each lane.
    struct Channel {
        vec scale, bias;
        bool rectify;
        vec operator()(vec sum) const {
            sum = multiply_add(sum, scale, bias);
            return rectify ? (sum < 0 ? vec{} : sum) : sum;
        }
    };

    Channel channel(long c) const {
        const float factor = scale ? scale[c] : 1;
        const float shift = bias ? bias[c] : 0;
        return {factor + vec{}, shift + vec{}, rectify};
    }

    // Of n channels, from c on, side by side in the lanes.
    Channel channels(long c, long n) const {
        const vec factors = scale ? load_part(scale + c, n) : 1 + vec{};
        const vec shifts = bias ? load_part(bias + c, n) : vec{};
        return {factors, shifts, rectify};
    }
};

}  // namespace ISA
