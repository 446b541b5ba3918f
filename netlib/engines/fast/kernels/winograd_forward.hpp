// The forward pass of a convolution by Winograd's transform, and its gradient by the data: transform the filters, then
// block by block transform the patches, multiply, transform the tiles back. Where a core's cache has room for the
// transforms of a block, cores have blocks of their own. Where one block is all there is, a core has some outputs,
// whose filters it transforms just before it multiplies by them. Else the cores share each step of each block.

namespace winograd {

// Floats that the second-level cache of a core holds, and the last-level one; tiles that make a block worth while.
constexpr long NEAR_ROOM = 3 << 16, FAR_ROOM = 1 << 21, NEAR_TILES = 24;

// Filters of a panel of outputs, (inputs, COLS) for each place, `step` apart: S E g E' S, for the vector of outputs
// from `first` on. Lanes without one hold zeros.
template <int FILTER>
void transform_filters(const Tiling<FILTER>& w, const float* W, long group, long first, float* to, long step) {
    constexpr int SIZE = FILTER * FILTER, PATCH = Tiling<FILTER>::PATCH;
    const float* from = W + group * w.inputs * w.outputs * SIZE + first * w.output_step;
    to += first % COLS;
    for (long c = 0; c < w.inputs; ++c, from += w.input_step, to += COLS) {
        vec g[parts(SIZE, LANES) * LANES];
        for (long k = 0; k < SIZE; k += LANES)
            load_across(from + k, w.output_step, w.outputs - first, SIZE - k, g + k);
        if (w.backward) std::reverse(g, g + SIZE);
        transform<Evaluate<FILTER, PATCH>>([&](int i, int j) { return g[i * FILTER + j]; }, [&](int i, int j, vec v) {
            store(to + (i * PATCH + j) * step, scale<PATCH>(i, j) * v);
        });
    }
}

// products (panel, tiles, COLS) of one place and one panel.
template <int FILTER>
void multiply_panel(const Tiling<FILTER>& w, long tiles, long cols, const float* filters, const float* patches,
                    float* products) {
    for (long t = 0; t < tiles; t += ROWS) {
        Rows rows;
        for (int i = 0; i < ROWS; ++i)
            rows.row[i] = patches + std::min(t + i, tiles - 1) * w.stride();
        multiply(tiles - t, cols, rows, Run{1, w.inputs, 0}, filters, products + t * COLS, true);
    }
}

// One vector of outputs of a block: E' m E, put in its place. The products of its panel are `step` apart for each
// place.
template <int FILTER>
void transform_back(const Tiling<FILTER>& w, const Block& block, long group, long first, const float* products,
                    long step, float* y) {
    constexpr int PATCH = Tiling<FILTER>::PATCH;
    const Band band = w.out(block);
    const long plane = w.out_height * w.out_width, channel = group * w.outputs + first, row = band.columns * LANES;
    const float* from = products + first % COLS;
    const auto finished = w.finish.channels(channel, w.outputs - first);
    float* made = buffer(LINE, band.size());
    for (long i = 0; i < block.images; ++i) {
        for (long r = 0; r < block.rows; ++r)
            for (long q = 0; q < w.across(); ++q, from += COLS) {
                float* to = made + (r * band.columns + q) * TILE * LANES;
                transform<Collect<TILE, PATCH>>(
                    [=](int i, int j) { return load(from + (i * PATCH + j) * step); },
                    [&](int i, int j, vec v) { store(to + i * row + j * LANES, finished(v)); });
            }
        band.empty(made, y + ((block.image + i) * w.groups * w.outputs + channel) * plane, plane, w.outputs - first);
    }
}

template <int FILTER>
void forward_block(const Tiling<FILTER>& w, const Block& block, const float* x, const float* filters, float* y) {
    const long panels = w.groups * w.panels(), vectors = parts(w.outputs, LANES);
    const long tiles = block.images * block.rows * w.across();
    float* patches = buffer(PATCHES, w.PLACES * w.patches_step());
    float* products = buffer(PRODUCTS, w.PLACES * w.panels_step());
    share_out(w.vectors(), [&](long v) { transform_patches(w, block, x, v, patches); });
    share_out(w.PLACES * panels, [&](long i) {
        const long place = i / panels, panel = i % panels, group = panel / w.panels();
        multiply_panel(w, tiles, w.outputs - panel % w.panels() * COLS, filters + i * w.inputs * COLS,
                       patches + place * w.patches_step() + group * w.inputs,
                       products + place * w.panels_step() + panel * w.panel_step());
    });
    share_out(w.groups * vectors, [&](long i) {
        const long group = i / vectors, first = i % vectors * LANES;
        transform_back(w, block, group, first, products + (group * w.panels() + first / COLS) * w.panel_step(),
                       w.panels_step(), y);
    });
}

template <int FILTER>
void forward_blocks(const Tiling<FILTER>& w, const float* x, const float* W, float* y, bool near) {
    const long vectors = parts(w.outputs, LANES), size = w.inputs * COLS;
    float* filters = buffer(FILTERS, w.PLACES * w.groups * w.panels() * size);
    share_out(w.groups * vectors, [&](long i) {
        const long group = i / vectors, first = i % vectors * LANES;
        transform_filters(w, W, group, first, filters + (group * w.panels() + first / COLS) * size,
                          w.groups * w.panels() * size);
    });
    const auto work = [&](long b) { forward_block(w, w.blocks[b], x, filters, y); };
    if (near) share_out(w.blocks.count(), work);            // in which the block's own sharing comes to nothing
    else for (long b = 0; b < w.blocks.count(); ++b) work(b);
}

template <int FILTER> void forward_panels(const Tiling<FILTER>& w, const float* x, const float* W, float* y) {
    const Block all = w.blocks[0];
    float* patches = buffer(PATCHES, w.PLACES * w.patches_step());
    share_out(w.vectors(), [&](long v) { transform_patches(w, all, x, v, patches); });
    share_out(w.groups * w.panels(), [&](long i) {
        const long group = i / w.panels(), first = i % w.panels() * COLS, end = std::min(w.outputs, first + COLS);
        const long size = w.inputs * COLS, step = w.panel_step() + LANES;
        float* filters = buffer(FILTERS, w.PLACES * size);
        float* products = buffer(PRODUCTS, w.PLACES * step);
        for (long v = first; v < end; v += LANES)
            transform_filters(w, W, group, v, filters, size);
        for (long place = 0; place < w.PLACES; ++place)
            multiply_panel(w, w.tiles(), end - first, filters + place * size,
                           patches + place * w.patches_step() + group * w.inputs, products + place * step);
        for (long v = first; v < end; v += LANES)
            transform_back(w, all, group, v, products, step, y);
    });
}

template <int FILTER>
void slide(const Convolution& c, bool backward, const float* x, const float* W, float* y, Finish finish = {}) {
    const Tiling<FILTER> w(c, backward, NEAR_ROOM, finish), whole = w.in_one_block();
    if (NEAR_ROOM / w.floats_a_tile() >= NEAR_TILES && w.blocks.count() >= 2 * threads())
        return forward_blocks(w, x, W, y, true);
    if (w.PLACES * whole.patches_step() <= FAR_ROOM && w.groups * w.panels() >= threads())
        return forward_panels(whole, x, W, y);
    forward_blocks(Tiling<FILTER>(c, backward, FAR_ROOM, finish), x, W, y, false);
}

}  // namespace winograd
