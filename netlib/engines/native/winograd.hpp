// Winograd's minimal filtering F(4x4, 3x3): a 3x3 convolution of stride 1 with a quarter of the multiplications.
//
// A tile of 4x4 outputs y hears of 6x6 inputs d. With the matrices below, g being the filter and * elementwise,
//
//     y = A' [ (G g G') * (B' d B) ] A
//
// Summed over channels, each of the 36 places of the transformed tiles is a matrix product of its own. The same holds,
// transposed, for the gradient by the filter: dg = G' [ (A dy A') * (B' d B) ] G.
//
// The sums are other ones than those of the definition: in float32 they are off by about 1e-5 of the largest value.
//
// Source: Lavin, Gray, Fast algorithms for convolutional neural networks, 2016, section 4; points 0, 1, -1, 2, -2.

constexpr int TILE = 4, PATCH = 6, PLACES = PATCH * PATCH, FILTER = 3;

// B', G, A', A and G' along one axis: `in` and `out` are `step` apart.
struct PatchTransform {
    static constexpr int FROM = PATCH, TO = PATCH;
    template <class V> static void apply(const V* in, V* out, int from, int to) {
        const V d0 = in[0], d1 = in[from], d2 = in[2 * from], d3 = in[3 * from], d4 = in[4 * from], d5 = in[5 * from];
        const V even = d4 - 4 * d2, odd = d3 - 4 * d1, near = d4 - d2, far = 2 * (d3 - d1);
        out[0] = 4 * d0 - 5 * d2 + d4;
        out[to] = even + odd;
        out[2 * to] = even - odd;
        out[3 * to] = near + far;
        out[4 * to] = near - far;
        out[5 * to] = 4 * d1 - 5 * d3 + d5;
    }
};

struct FilterTransform {
    static constexpr int FROM = FILTER, TO = PATCH;
    template <class V> static void apply(const V* in, V* out, int from, int to) {
        const V g0 = in[0], g1 = in[from], g2 = in[2 * from];
        const V sum = (g0 + g2) * (-1 / 6.f), mid = g1 * (1 / 6.f);
        const V wide = g0 * (1 / 24.f) + g2 * (1 / 6.f), half = g1 * (1 / 12.f);
        out[0] = g0 * .25f;
        out[to] = sum - mid;
        out[2 * to] = sum + mid;
        out[3 * to] = wide + half;
        out[4 * to] = wide - half;
        out[5 * to] = g2;
    }
};

struct OutputTransform {
    static constexpr int FROM = PATCH, TO = TILE;
    template <class V> static void apply(const V* in, V* out, int from, int to) {
        const V sum = in[from] + in[2 * from], difference = in[from] - in[2 * from];
        const V far_sum = in[3 * from] + in[4 * from], far_difference = in[3 * from] - in[4 * from];
        out[0] = in[0] + sum + far_sum;
        out[to] = difference + 2 * far_difference;
        out[2 * to] = sum + 4 * far_sum;
        out[3 * to] = difference + 8 * far_difference + in[5 * from];
    }
};

struct GradientTransform {
    static constexpr int FROM = TILE, TO = PATCH;
    template <class V> static void apply(const V* in, V* out, int from, int to) {
        const V y0 = in[0], y1 = in[from], y2 = in[2 * from], y3 = in[3 * from];
        const V even = y0 + y2, odd = y1 + y3, far_even = y0 + 4 * y2, far_odd = 2 * y1 + 8 * y3;
        out[0] = y0;
        out[to] = even + odd;
        out[2 * to] = even - odd;
        out[3 * to] = far_even + far_odd;
        out[4 * to] = far_even - far_odd;
        out[5 * to] = y3;
    }
};

struct FilterGradientTransform {
    static constexpr int FROM = PATCH, TO = FILTER;
    template <class V> static void apply(const V* in, V* out, int from, int to) {
        const V near = in[from] + in[2 * from], far = in[3 * from] + in[4 * from];
        out[0] = in[0] * .25f - near * (1 / 6.f) + far * (1 / 24.f);
        out[to] = (in[2 * from] - in[from]) * (1 / 6.f) + (in[3 * from] - in[4 * from]) * (1 / 12.f);
        out[2 * to] = (far - near) * (1 / 6.f) + in[5 * from];
    }
};

// out (TO, TO) = T in T' for in (FROM, FROM)
template <class Transform, class V> void transform(const V* in, V* out) {
    constexpr int FROM = Transform::FROM, TO = Transform::TO;
    V half[TO * FROM];
    for (int j = 0; j < FROM; ++j)
        Transform::apply(in + j, half + j, FROM, FROM);
    for (int i = 0; i < TO; ++i)
        Transform::apply(half + i * FROM, out + i * TO, 1, 1);
}

// Floats that the second-level cache of a core holds, and the last-level one.
constexpr long NEAR_ROOM = 1 << 18, FAR_ROOM = 1 << 21;

// The tiles of a convolution as the positions of a slide: windows of 6x6 that move by 4.
struct Tiling {
    Slide s;
    long out_height, out_width, tiles;                      // tiles: of a block, in whole panels
    Blocks blocks;

    // room: floats for the transforms of a block, 36 numbers a tile for every input and output.
    Tiling(Slide slide, long images, long room)
        : s(std::move(slide)), out_height(s.height), out_width(s.width), tiles(0),
          blocks(images, parts(s.height, TILE), parts(s.width, TILE),
                 std::clamp<long>(room / (PLACES * s.groups * (s.inputs + s.outputs)), 2 * COLS, 1024)) {
        s.in.stride_y = s.in.stride_x = TILE;
        s.height = parts(out_height, TILE);
        s.width = parts(out_width, TILE);
        s.taps.clear();
        for (long i = 0; i < PLACES; ++i)
            s.taps.push_back({i / PATCH, i % PATCH, i});
        s.fit(blocks);
        tiles = parts(blocks.images * blocks.rows * s.width, COLS) * COLS;
    }

    // Where the transforms of a channel's tiles begin, COLS of them, at the first place; places are `place_step` apart.
    long channels() const { return s.in.channels; }
    long place_step() const { return tiles * channels(); }
    long at(long tile, long channel) const { return tile * channels() + channel * COLS; }
};

// patches (PLACES, tiles / COLS, channels, COLS): B' d B for one channel of all tiles.
inline void transform_patches(const Tiling& w, const std::vector<Tile>& tiles, const std::vector<Place>& places,
                              const float* x, const Block& block, long channel, float* patches) {
    float* padded = buffer(PADDED, w.s.in.channel());
    float* seen = buffer(LINE, PLACES * COLS);
    w.s.in.fill(x, block, channel, padded);
    for (std::size_t t = 0; t < tiles.size(); ++t) {
        sliding::pack(padded, places.data(), PLACES, tiles[t], seen);
        for (long lane = 0; lane < tiles[t].columns; lane += LANES) {
            vec in[PLACES], out[PLACES];
            for (int i = 0; i < PLACES; ++i)
                in[i] = load(seen + i * COLS + lane);
            transform<PatchTransform>(in, out);
            for (int i = 0; i < PLACES; ++i)
                store(patches + i * w.place_step() + w.at(t * COLS, channel) + lane, out[i]);
        }
    }
}
