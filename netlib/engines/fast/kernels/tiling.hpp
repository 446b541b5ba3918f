// A convolution of stride 1 cut into Winograd's tiles, and the transforms of its images.
//
// The lanes of a vector are channels: whatever the width of an image, a transform is a few dozen operations on whole
// vectors. Transformed, all tiles of a block of images stand below each other, one matrix (tiles, channels) for each of
// the places.

template <int FILTER> struct Tiling {
    static constexpr int PATCH = FILTER + TILE - 1, PLACES = PATCH * PATCH;
    long groups, inputs, outputs;                           // channels of a group
    long height, width, top, left;                          // of x; rows and columns of zeros before it
    long out_height, out_width;
    long output_step, input_step;                           // floats between filters in W, by output and by input
    bool backward;                                          // filters are turned round
    Finish finish;
    Blocks blocks;                                          // of tiles

    // `backward`: the gradient by the data, a convolution of dy with the filters turned round.
    // room: floats for the transforms of a block.
    Tiling(const Convolution& c, bool backward, long room, Finish finish = {})
        : groups(c.groups), inputs(c.inputs_of_group()), outputs(c.outputs_of_group()), height(c.height),
          width(c.width), top(c.pad_y), left(c.pad_x), out_height(c.out_height), out_width(c.out_width),
          output_step(inputs * FILTER * FILTER), input_step(FILTER * FILTER), backward(backward), finish(finish),
          blocks(0, 1, 1, 1) {
        if (backward) {
            std::swap(inputs, outputs);
            std::swap(height, out_height);
            std::swap(width, out_width);
            std::swap(output_step, input_step);
            top = FILTER - 1 - top;
            left = FILTER - 1 - left;
        }
        blocks = Blocks(c.images, parts(out_height, TILE), across(),
                        std::clamp<long>(room / floats_a_tile(), ROWS, 1024), ROWS);
    }

    Tiling in_one_block() const {
        Tiling w = *this;
        w.blocks.images = w.blocks.all_images;
        w.blocks.rows = w.blocks.height;
        return w;
    }

    long across() const { return parts(out_width, TILE); }
    long channels() const { return groups * inputs; }
    long vectors() const { return parts(channels(), LANES); }
    long panels() const { return parts(outputs, COLS); }    // of a group
    long tiles() const { return blocks.images * blocks.rows * across(); }

    long floats_a_tile() const { return PLACES * (stride() + groups * panels() * COLS); }

    // Floats between tiles: an odd number of vectors, since steps of a power of two crowd few sets of a cache.
    long stride() const { return (vectors() | 1) * LANES; }
    // And between places: of patches, and of matrices (group, panel, tiles, COLS).
    long patches_step() const { return tiles() * stride() + LANES; }
    long panel_step() const { return parts(tiles(), ROWS) * ROWS * COLS; }
    long panels_step() const { return groups * panels() * panel_step() + LANES; }

    Band in(const Block& b) const {
        return {height, width, top - b.row * TILE, left, b.rows * TILE + FILTER - 1, across() * TILE + FILTER - 1};
    }
    Band out(const Block& b) const { return {out_height, out_width, -b.row * TILE, 0, b.rows * TILE, across() * TILE}; }
};

// patches (PLACES, tiles, channels): B' d B of a block, for the channels of a vector.
template <int FILTER>
void transform_patches(const Tiling<FILTER>& w, const Block& block, const float* x, long vector, float* patches) {
    constexpr int PATCH = Tiling<FILTER>::PATCH;
    const Band band = w.in(block);
    const long first = vector * LANES, plane = w.height * w.width, row = band.columns * LANES, step = w.patches_step();
    float* seen = buffer(PADDED, band.size());
    float* to = patches + first;
    for (long i = 0; i < block.images; ++i) {
        band.fill(x + ((block.image + i) * w.channels() + first) * plane, plane, w.channels() - first, seen);
        for (long r = 0; r < block.rows; ++r)
            for (long q = 0; q < w.across(); ++q, to += w.stride()) {
                const float* from = seen + (r * band.columns + q) * TILE * LANES;
                transform<PatchTransform<PATCH>>([=](int i, int j) { return load(from + i * row + j * LANES); },
                                          [=](int i, int j, vec v) { store(to + (i * PATCH + j) * step, v); });
            }
    }
}
