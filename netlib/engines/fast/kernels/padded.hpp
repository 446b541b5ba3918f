// Images with a border of zeros, cut into blocks, and split so that a stride disappears.
//
// A window that moves by s meets places y = s r + o, for r = 0, 1, ... and an offset o. With o = s a + p, 0 <= p < s,
// that is row r + a of the phase p, the picture made of the rows p, p + s, p + 2 s, ... (columns alike). So in
// phases, whatever the stride, what an offset sees at neighbouring positions lies side by side.

// Some whole images, or some rows of positions of one image.
struct Block { long image, images, row, rows; };

struct Padded {
    long channels, height, width;                           // of an image
    long stride_y, stride_x;
    long top, left;                                         // zeros before the first row and column; negative: cut off
    long images, rows, columns;                             // of a buffer: how many images, and the extents of a phase
    float border = 0;
    long phases_y = stride_y, phases_x = stride_x;          // that are of use: the first ones

    long plane() const { return images * rows * columns; }
    long channel() const { return phases_y * phases_x * plane(); }
    long size() const { return channels * channel(); }

    // Where the padded image's place (y, x) is in a channel of the buffer.
    long at(long y, long x) const {
        return (y % stride_y * phases_x + x % stride_x) * plane() + y / stride_y * columns + x / stride_x;
    }

    // Where position (row, column) of an image of the block is, for offset 0.
    long position(long image, long row, long column) const { return (image * rows + row) * columns + column; }

    // The columns of a phase that hold numbers of the image, and where in its rows the first one is.
    struct Inside { long first, count, from; };
    Inside inside(long phase) const {
        const long first = std::min(columns, std::max(0L, parts(left - phase, stride_x)));
        const long last = std::min(columns, parts(width + left - phase, stride_x));
        return {first, std::max(0L, last - first), first * stride_x + phase - left};
    }

    // A channel of the buffer, from x, all images.
    void fill(const float* x, const Block& block, long channel_number, float* to) const {
        for (long py = 0; py < phases_y; ++py)
            for (long px = 0; px < phases_x; ++px) {
                const Inside in = inside(px);
                for (long i = 0; i < images; ++i)
                    for (long r = 0; r < rows; ++r, to += columns) {
                        const long y = (block.row + r) * stride_y + py - top;
                        const float* image = x + ((block.image + i) * channels + channel_number) * height * width;
                        const bool empty = y < 0 || y >= height || i >= block.images;
                        std::fill_n(to, empty ? columns : in.first, border);
                        if (empty) continue;
                        gather(to + in.first, image + y * width + in.from, stride_x, in.count);
                        std::fill_n(to + in.first + in.count, columns - in.first - in.count, border);
                    }
            }
    }

    // The image itself, out of a buffer of one channel of one image; 0 where the buffer ends before it.
    void extract(const float* from, float* x) const {
        std::fill_n(x, height * width, 0.f);
        for (long px = 0; px < stride_x; ++px) {
            const Inside in = inside(px);
            for (long y = 0; y < std::min(height, rows * stride_y - top); ++y)
                scatter(x + y * width + in.from, from + at(y + top, px) + in.first, stride_x, in.count);
        }
    }
};

// How many of `n` rows of `width` positions (or of n images) make a block: at most `limit` positions if it can be, and
// little left over where each is taken in pieces of `unit`.
inline long rows_of_a_block(long n, long width, long limit, long unit) {
    long best = 1, least = LONG_MAX;
    for (long blocks = 1; blocks <= n; ++blocks) {
        const long rows = parts(n, blocks), vectors = n / rows * parts(rows * width, unit)
                                                      + parts(n % rows * width, unit);
        if (rows * width <= limit && vectors < least) {
            best = rows;
            least = vectors;
        }
        if (rows * width < limit / 4) break;
    }
    return best;
}

// The blocks of a batch, all of one size but the last ones.
struct Blocks {
    long all_images, height, images, rows;                  // height: rows of positions in an image

    Blocks(long all_images, long height, long width, long limit, long unit = LANES)
        : all_images(all_images), height(height), images(1), rows(rows_of_a_block(height, width, limit, unit)) {
        if (rows == height)
            images = rows_of_a_block(all_images, height * width, limit, unit);
    }
    long bands() const { return parts(height, rows); }
    long count() const { return parts(all_images, images) * bands(); }
    Block operator[](long i) const {
        const long image = i / bands() * images, row = i % bands() * rows;
        return {image, std::min(images, all_images - image), row, std::min(rows, height - row)};
    }
};
