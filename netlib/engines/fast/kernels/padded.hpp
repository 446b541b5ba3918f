// Images with a border of zeros, cut into blocks, and split into phases, in which a stride
// disappears.
//
// A window that moves by s reads places y = s r + o, for r = 0, 1, ... and an offset o. With
// o = s a + p, 0 <= p < s, that is row r + a of phase p, the picture that consists of the rows p,
// p + s, p + 2 s, ... (columns alike). So in phases, whatever the stride, what an offset reads at
// neighboring positions lies side by side.
#pragma once

#include <algorithm>
#include <climits>

#include "buffer.hpp"
#include "copy.hpp"
#include "isa.hpp"
#include "threads.hpp"

namespace ISA {

// Some whole images, or some rows of positions of one image.
struct Block {
    long image, images, row, rows;
    bool is_first() const { return image == 0 && row == 0; }
};

// How the images of a block lie in a buffer: (channels, phases_y, phases_x, images, rows, columns).
struct Padded {
    long channels = 0, height = 0, width = 0;  // of an image
    long stride_y = 1, stride_x = 1;
    long top = 0, left = 0;           // zeros before the first row and column; negative: cut off
    long images = 0;                  // in the buffer
    long rows = 0, columns = 0;       // of a phase
    long phases_y = 1, phases_x = 1;  // the phases that a window reads: the first ones
    float border = 0;
    bool in_place = false;  // whether x is read where it lies, since a copy would be the same

    long plane() const { return images * rows * columns; }
    long channel() const { return in_place ? height * width : phases_y * phases_x * plane(); }
    long size() const { return room(channels, phases_y, phases_x, images, rows, columns); }

    // Where the padded image's place (y, x) lies in a channel of the buffer.
    long at(long y, long x) const {
        const long phase = y % stride_y * phases_x + x % stride_x;
        return phase * plane() + y / stride_y * columns + x / stride_x;
    }

    // Where offset 0 of position (row, column) lies, for an image of the block.
    long position(long image, long row, long column) const {
        const long image_step = in_place ? channels * height * width : rows * columns;
        return image * image_step + row * columns + column;
    }

    // Whether a copy of some rows, as wide as an image, would be what lies in x.
    bool is_plain() const {
        const bool phases = stride_y > 1 || stride_x > 1;
        return !phases && top == 0 && left == 0 && columns == width;
    }

    // Where offset 0 of a block's first position lies in x, if that is read in place.
    const float* first(const float* x, const Block& block) const {
        return x + (block.image * channels * height + block.row) * width;
    }

    // The `count` columns of a phase, from `first` on, that hold numbers of the image; they begin
    // in column `from` of the image.
    struct Inside {
        long first, count, from;
    };
    Inside inside(long phase) const {
        const long begin = parts(left - phase, stride_x);
        const long end = parts(width + left - phase, stride_x);
        const long first = std::min(columns, std::max(0L, begin));
        const long last = std::min(columns, end);
        return {first, std::max(0L, last - first), first * stride_x + phase - left};
    }

    // Fills a channel of the buffer from all images of a block of x.
    void fill(const float* x, const Block& block, long channel_number, float* to) const {
        const bool at_once = is_plain() && block.row + rows <= height;
        if (at_once) return fill_at_once(x, block, channel_number, to);
        for (long py = 0; py < phases_y; ++py)
            for (long px = 0; px < phases_x; ++px) {
                const Inside in = inside(px);
                for (long i = 0; i < images; ++i)
                    for (long r = 0; r < rows; ++r, to += columns) {
                        const long y = (block.row + r) * stride_y + py - top;
                        const long plane = (block.image + i) * channels + channel_number;
                        const float* image = x + plane * height * width;
                        const bool empty = y < 0 || y >= height || i >= block.images;
                        std::fill_n(to, empty ? columns : in.first, border);
                        if (empty) continue;
                        const long end = in.first + in.count;
                        gather(to + in.first, image + y * width + in.from, stride_x, in.count);
                        std::fill_n(to + end, columns - end, border);
                    }
            }
    }

    // The same for rows that all lie in the image, and are as long.
    void fill_at_once(const float* x, const Block& block, long channel_number, float* to) const {
        const float* from = first(x, block) + channel_number * height * width;
        for (long i = 0; i < images; ++i, to += rows * columns, from += channels * height * width) {
            if (i < block.images) copy(to, from, rows * columns);
            else std::fill_n(to, rows * columns, border);
        }
    }

    // Copies n numbers of a channel; beyond them up to a vector more, if that is there to be read.
    void read(const float* from, long n, float* to) const {
        if (in_place) copy(to, from, n);
        else copy_beyond(to, from, n);
    }
};

// A block of x as the places of `in` count: x itself, or a copy in this thread's buffer.
inline const float* lay_out(const Padded& in, const float* x, const Block& block) {
    if (in.in_place) return in.first(x, block);
    float* copied = buffer(PADDED, in.size());
    for (long c = 0; c < in.channels; ++c)
        in.fill(x, block, c, copied + c * in.channel());
    return copied;
}

// How many of `n` rows of `width` positions (or of n images) make a block: at most `limit`
// positions where possible, and so many that little is left over when a block is taken in pieces of
// `unit` positions.
inline long rows_of_a_block(long n, long width, long limit, long unit) {
    long best = 1;
    long least = LONG_MAX;
    for (long blocks = 1; blocks <= n; ++blocks) {
        const long rows = parts(n, blocks);
        const long rest = n % rows;
        const long pieces = n / rows * parts(rows * width, unit) + parts(rest * width, unit);
        if (rows * width <= limit && pieces < least) {
            best = rows;
            least = pieces;
        }
        if (rows * width < limit / 4) break;
    }
    return best;
}

// The blocks of a batch, all of one size except the last ones.
struct Blocks {
    long all_images;
    long height;        // rows of positions in an image
    long images, rows;  // of a block

    Blocks(long all_images, long height, long width, long limit, long unit = LANES)
        : all_images(all_images),
          height(height),
          images(1),
          rows(rows_of_a_block(height, width, limit, unit)) {
        if (rows == height) images = rows_of_a_block(all_images, height * width, limit, unit);
    }

    long blocks_of_an_image() const { return parts(height, rows); }
    long count() const { return parts(all_images, images) * blocks_of_an_image(); }

    Block operator[](long i) const {
        const long image = i / blocks_of_an_image() * images;
        const long row = i % blocks_of_an_image() * rows;
        return {image, std::min(images, all_images - image), row, std::min(rows, height - row)};
    }
};

}  // namespace ISA
