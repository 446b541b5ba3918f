// Images on their way into a batch: out = (pixels - mean) scale, of crops that lie anywhere in
// memory, maybe mirrored, as bytes or as floats.
#pragma once

#include <type_traits>

#include "isa.hpp"

namespace ISA {

// Where the first pixel of an image lies, and how many pixels further the next channel, row and
// column; the same of its mean, which is null if there is none.
struct Placed {
    const void* pixels;
    long channel, row, column;
    const float* mean;
    long mean_channel, mean_row, mean_column;
};
static_assert(sizeof(Placed) == 8 * sizeof(long), "Python makes it of longs");

// body(step) with a step that the compiler knows, where it is a usual one: side by side, mirrored,
// colors side by side, or the same for all.
template <class Body>
inline void with_step(long step, Body body) {
    if (step == 1) return body(std::integral_constant<long, 1>());
    if (step == -1) return body(std::integral_constant<long, -1>());
    if (step == 3) return body(std::integral_constant<long, 3>());
    if (step == -3) return body(std::integral_constant<long, -3>());
    if (step == 0) return body(std::integral_constant<long, 0>());
    body(step);
}

// Rows, or images without gaps between their rows.
template <class Pixel>
inline void place_row(const Pixel* __restrict pixels, long column, const float* __restrict mean,
                      long mean_column, float scale, float* __restrict out, long width) {
    with_step(column, [=](auto step) {
        if (!mean) {
            for (long x = 0; x < width; ++x)
                out[x] = pixels[x * step] * scale;
            return;
        }
        with_step(mean_column, [=](auto mean_step) {
            for (long x = 0; x < width; ++x)
                out[x] = (pixels[x * step] - mean[x * mean_step]) * scale;
        });
    });
}

// Whether the rows of a channel follow each other as their elements do, so that they are one row.
inline bool is_one_row(long row, long column, long width) { return row == width * column; }

// out (count, channels, height, width)
template <class Pixel>
inline void place(const long* images, long count, float scale, float* out, long channels,
                  long height, long width) {
    for (long n = 0; n < count; ++n) {
        const Placed& image = reinterpret_cast<const Placed*>(images)[n];
        const Pixel* pixels = static_cast<const Pixel*>(image.pixels);
        const bool joined =
            is_one_row(image.row, image.column, width) &&
            (!image.mean || is_one_row(image.mean_row, image.mean_column, width));
        const long rows = joined ? 1 : height;
        const long length = joined ? height * width : width;
        for (long c = 0; c < channels; ++c) {
            for (long y = 0; y < rows; ++y) {
                const float* mean = image.mean;
                if (mean) mean += c * image.mean_channel + y * image.mean_row;
                place_row(pixels + c * image.channel + y * image.row, image.column, mean,
                          image.mean_column, scale, out, length);
                out += length;
            }
        }
    }
}

EXPORT(place_bytes)(const long* images, long count, float scale, float* out, long channels,
                    long height, long width) {
    place<unsigned char>(images, count, scale, out, channels, height, width);
}

EXPORT(place_floats)(const long* images, long count, float scale, float* out, long channels,
                     long height, long width) {
    place<float>(images, count, scale, out, channels, height, width);
}

}  // namespace ISA
