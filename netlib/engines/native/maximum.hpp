// The largest of several pieces, element by element, and which one it was: x (outer, pieces, inner).

// work(row, i, n): the places i .. i + LANES of a row's inner axis, of which n are left.
template <class Work> void each_vector(long outer, long inner, const Work& work) {
    const long blocks = parts(inner, BLOCK);
    share_out(outer * blocks, [&](long task) {
        const long row = task / blocks, first = task % blocks * BLOCK;
        for (long i = first; i < std::min(inner, first + BLOCK); i += LANES)
            work(row, i, inner - i);
    });
}

// As in Caffe's Eltwise, piece 1 wins a tie against piece 0; later pieces must be larger.
EXPORT(max_forward)(const float* x, float* out, float* winner, long outer, long pieces, long inner) {
    each_vector(outer, inner, [=](long row, long i, long n) {
        const float* from = x + row * pieces * inner + i;
        vec best = load_part(from, n), which{};
        for (long piece = 1; piece < pieces; ++piece) {
            const vec next = load_part(from + piece * inner, n);
            const lanes better = piece == 1 ? next >= best : next > best;
            best = better ? next : best;
            which = better ? static_cast<float>(piece) - vec{} : which;
        }
        store_part(out + row * inner + i, best, n);
        store_part(winner + row * inner + i, which, n);
    });
}

EXPORT(max_backward)(const float* dy, const float* winner, float* dx, long outer, long pieces, long inner) {
    each_vector(outer, inner, [=](long row, long i, long n) {
        const vec gradient = load_part(dy + row * inner + i, n), which = load_part(winner + row * inner + i, n);
        for (long piece = 0; piece < pieces; ++piece)
            store_part(dx + (row * pieces + piece) * inner + i,
                       which == static_cast<float>(piece) - vec{} ? gradient : vec{}, n);
    });
}
