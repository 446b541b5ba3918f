// The gradient by the weights of a convolution by Winograd's transform: the transforms of x and of dy, and the
// products of all places summed over all tiles of all blocks. Their rows are inputs, their columns outputs.

namespace winograd {

// gradients (PLACES, group, panel, tiles, COLS): E dy E' for a vector of outputs of a block.
template <int FILTER>
void transform_gradients(const Tiling<FILTER>& w, const Block& block, long group, long first, const float* dy,
                         float* gradients) {
    constexpr int PATCH = Tiling<FILTER>::PATCH;
    const Band band = w.out(block);
    const long plane = w.out_height * w.out_width, channel = group * w.outputs + first, row = band.columns * LANES;
    const long step = w.panels_step();
    float* seen = buffer(PADDED, band.size());
    float* to = gradients + (group * w.panels() + first / COLS) * w.panel_step() + first % COLS;
    for (long i = 0; i < block.images; ++i) {
        band.fill(dy + ((block.image + i) * w.groups * w.outputs + channel) * plane, plane, w.outputs - first, seen);
        for (long r = 0; r < block.rows; ++r)
            for (long q = 0; q < w.across(); ++q, to += COLS) {
                const float* from = seen + (r * band.columns + q) * TILE * LANES;
                transform<Evaluate<TILE, PATCH>>([=](int i, int j) { return load(from + i * row + j * LANES); },
                                          [=](int i, int j, vec v) { store(to + (i * PATCH + j) * step, v); });
            }
    }
}

// sums (rows, COLS) of one place and panel += patches times gradients over `tiles` tiles.
template <int FILTER>
void add_products(const Tiling<FILTER>& w, long tiles, long cols, const float* patches, const float* gradients,
                  float* sums, bool fresh) {
    constexpr long NEAR = 128;                              // tiles whose gradients stay in the first-level cache
    for (long t = 0; t < tiles; t += NEAR)
        for (long c = 0; c < w.inputs; c += ROWS)
            multiply(w.inputs - c, cols, Panel{patches + t * w.stride() + c, w.stride()},
                     Run{1, std::min(NEAR, tiles - t), 0}, gradients + t * COLS, sums + c * COLS, fresh && !t);
}

// dW (groups, outputs, inputs, FILTER, FILTER) += E' S sums S E for a vector of outputs.
template <int FILTER>
void add_filters(const Tiling<FILTER>& w, long group, long first, const float* sums, long rows, float* dW) {
    constexpr int SIZE = FILTER * FILTER, PATCH = Tiling<FILTER>::PATCH;
    const long step = w.groups * w.panels() * rows * COLS;
    const float* from = sums + (group * w.panels() + first / COLS) * rows * COLS + first % COLS;
    float* to = dW + (group * w.outputs + first) * w.output_step;
    for (long c = 0; c < w.inputs; ++c, from += COLS, to += w.input_step) {
        vec old[LANES], out[parts(SIZE, LANES) * LANES] = {};
        transform<Collect<FILTER, PATCH>>(
            [=](int i, int j) { return scale<PATCH>(i, j) * load(from + (i * PATCH + j) * step); },
            [&](int i, int j, vec v) { out[i * FILTER + j] = v; });
        for (long k = 0; k < SIZE; k += LANES) {
            load_across(to + k, w.output_step, w.outputs - first, SIZE - k, old);
            for (int i = 0; i < LANES; ++i)
                old[i] += out[k + i];
            store_across(to + k, w.output_step, w.outputs - first, SIZE - k, old);
        }
    }
}

template <int FILTER> void backward_weights(const Convolution& c, const float* x, const float* dy, float* dW) {
    const Tiling<FILTER> w(c, false, FAR_ROOM);
    const long panels = w.groups * w.panels(), vectors = parts(w.outputs, LANES), rows = parts(w.inputs, ROWS) * ROWS;
    float* patches = buffer(PATCHES, w.PLACES * w.patches_step());
    float* gradients = buffer(PRODUCTS, w.PLACES * w.panels_step());
    float* sums = buffer(SUMS, w.PLACES * panels * rows * COLS);
    for (long b = 0; b < w.blocks.count(); ++b) {
        const Block block = w.blocks[b];
        share_out(w.vectors() + w.groups * vectors, [&](long i) {
            const long v = i - w.vectors();
            if (v < 0) transform_patches(w, block, x, i, patches);
            else transform_gradients(w, block, v / vectors, v % vectors * LANES, dy, gradients);
        });
        share_out(w.PLACES * panels, [&](long i) {
            const long place = i / panels, panel = i % panels;
            add_products(w, block.images * block.rows * w.across(), w.outputs - panel % w.panels() * COLS,
                         patches + place * w.patches_step() + panel / w.panels() * w.inputs,
                         gradients + place * w.panels_step() + panel * w.panel_step(),
                         sums + i * rows * COLS, b == 0);
        });
    }
    share_out(w.groups * vectors, [&](long i) {
        add_filters(w, i / vectors, i % vectors * LANES, sums, rows, dW);
    });
}

}  // namespace winograd

EXPORT(conv_backward_weights)(const float* x, const float* dy, float* dW, const Convolution* c, long winograd) {
    if (pointwise::pays(*c)) pointwise::backward_weights(*c, x, dy, dW);
    else if (!winograd || !c->images) convolution_backward_weights(*c, x, dy, dW);
    else if (c->kernel_y == 3) winograd::backward_weights<3>(*c, x, dy, dW);
    else winograd::backward_weights<5>(*c, x, dy, dW);
}
