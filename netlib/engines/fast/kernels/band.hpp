// Some rows of an image with a border of zeros, and LANES channels side by side in the lanes.
#pragma once

#include <algorithm>

#include "across.hpp"
#include "buffer.hpp"
#include "isa.hpp"
#include "simd.hpp"

namespace ISA {

// A band is an array (rows, columns, LANES).
struct Band {
    long height, width;  // of the image
    long top, left;      // where the image begins in the band; top may be negative
    long rows, columns;  // of the band

    long size() const { return room(rows, columns, LANES); }

    // The rows of the image that the band holds: first() .. last() - 1.
    long first() const { return std::max(0L, -top); }
    long last() const { return std::min(height, rows - top); }

    // Fills the band from `channels` channels of an image, which lie `step` apart.
    void fill(const float* image, long step, long channels, float* to) const {
        for (long r = 0; r < rows; ++r)
            clear_border(r, to + r * columns * LANES);
        const auto copy_in = [&](long place, long n, float* const* numbers) {
            vec v[LANES];
            load_across(image + place, step, channels, n, v);
            for (int k = 0; k < std::min<long>(LANES, n); ++k)
                store(numbers[k], v[k]);
        };
        each_vectors(copy_in, to);
    }

    // The reverse: stores the band in `channels` channels of an image.
    void empty(float* from, float* image, long step, long channels) const {
        const auto copy_out = [&](long place, long n, float* const* numbers) {
            vec v[LANES] = {};
            for (int k = 0; k < std::min<long>(LANES, n); ++k)
                v[k] = load(numbers[k]);
            store_across(image + place, step, channels, n, v);
        };
        each_vectors(copy_out, from);
    }

private:
    // Zeros in row r of the band, except where it holds the image.
    void clear_border(long r, float* row) const {
        const bool inside = first() <= r - top && r - top < last();
        const long before = inside ? left : columns;
        const long after = inside ? left + width : columns;
        std::fill_n(row, before * LANES, 0.f);
        std::fill(row + after * LANES, row + columns * LANES, 0.f);
    }

    // Calls work(place, n, numbers) for every LANES neighbors in the image, row after row: n of
    // them, or more, are left from `place` on, and numbers[k] is where the k-th lies in the band.
    template <class Work>
    void each_vectors(const Work& work, float* band) const {
        long column = 0;
        float* at = band + ((first() + top) * columns + left) * LANES;
        for (long place = first() * width; place < last() * width; place += LANES) {
            float* numbers[LANES];
            const long n = last() * width - place;
            for (int k = 0; k < std::min<long>(LANES, n); ++k, at += LANES) {
                if (column == width) {
                    column = 0;
                    at += (columns - width) * LANES;
                }
                numbers[k] = at;
                ++column;
            }
            work(place, n, numbers);
        }
    }
};

}  // namespace ISA
