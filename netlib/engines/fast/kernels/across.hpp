// Matrices turned over on their way between memory and vectors: what lies along rows in memory, a row for each lane,
// becomes vectors across the rows.

// The transpose of LANES vectors. A round interleaves the upper and the lower half of the rows; that moves the first
// bit of a number's row to the end of its column and the first bit of its column to the end of its row.
inline void transpose(vec* v) {
    for (int bit = 1; bit < LANES; bit *= 2) {
        vec next[LANES];
        #pragma GCC unroll 16
        for (int i = 0; i < LANES / 2; ++i) {
            next[2 * i] = interleave(v[i], v[i + LANES / 2], false);
            next[2 * i + 1] = interleave(v[i], v[i + LANES / 2], true);
        }
        std::copy(next, next + LANES, v);
    }
}

// v[k], for k < LANES, has from[i * step + k] in lane i; 0 where i >= rows or k >= n.
inline void load_across(const float* from, long step, long rows, long n, vec* v) {
    if (rows >= LANES && n >= LANES)
        #pragma GCC unroll 16
        for (int i = 0; i < LANES; ++i)
            v[i] = load(from + i * step);
    else
        for (int i = 0; i < LANES; ++i)
            v[i] = i < rows ? load_part(from + i * step, n) : vec{};
    transpose(v);
}

// The reverse: to[i * step + k] = v[k][i] for i < rows and k < n; v is lost.
inline void store_across(float* to, long step, long rows, long n, vec* v) {
    transpose(v);
    if (rows >= LANES && n >= LANES)
        #pragma GCC unroll 16
        for (int i = 0; i < LANES; ++i)
            store(to + i * step, v[i]);
    else
        for (long i = 0; i < std::min<long>(rows, LANES); ++i)
            store_part(to + i * step, v[i], n);
}

// Some rows of an image, padded, with LANES channels in the lanes: (rows, columns, LANES) numbers.
struct Band {
    long height, width;                                     // of the image
    long top, left;                                         // where its first number is in the band; top may be < 0
    long rows, columns;

    long size() const { return rows * columns * LANES; }
    long first() const { return std::max(0L, -top); }       // rows of the image that the band holds
    long last() const { return std::min(height, rows - top); }

    // From `channels` channels of an image, `step` apart; zeros all around.
    void fill(const float* image, long step, long channels, float* to) const {
        for (long r = 0; r < rows; ++r) {
            float* row = to + r * columns * LANES;
            const bool inside = first() <= r - top && r - top < last();
            const long before = inside ? left : columns, after = inside ? left + width : columns;
            std::fill_n(row, before * LANES, 0.f);
            std::fill(row + after * LANES, row + columns * LANES, 0.f);
        }
        each_vectors([&](long place, long n, float* const* numbers) {
            vec v[LANES];
            load_across(image + place, step, channels, n, v);
            for (int k = 0; k < std::min<long>(LANES, n); ++k)
                store(numbers[k], v[k]);
        }, to);
    }

    // The reverse.
    void empty(float* from, float* image, long step, long channels) const {
        each_vectors([&](long place, long n, float* const* numbers) {
            vec v[LANES] = {};
            for (int k = 0; k < std::min<long>(LANES, n); ++k)
                v[k] = load(numbers[k]);
            store_across(image + place, step, channels, n, v);
        }, from);
    }

private:
    // work(place, n, numbers): for LANES neighbours in the image from `place` on, n in all, where they are in the band.
    template <class Work> void each_vectors(const Work& work, float* band) const {
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
