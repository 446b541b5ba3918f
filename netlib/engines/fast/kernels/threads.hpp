// Work shared out among OpenMP's threads, and the buffers that it needs.
//
// A piece of work computes the same numbers whoever does it, and no two pieces write the same place. So results do not
// depend on the number of threads.

inline long threads() { return omp_get_max_threads(); }

// work(i) for all i < n, in any order.
template <class Work> void share_out(long n, const Work& work) {
    #pragma omp parallel for schedule(dynamic) if (n > 1)
    for (long i = 0; i < n; ++i)
        work(i);
}

// work(begin, end) over 0 .. n in blocks; short loops stay with the caller.
template <class Work> void share_out_blocks(long n, long block, const Work& work) {
    share_out((n + block - 1) / block, [&](long i) { work(i * block, std::min(n, (i + 1) * block)); });
}

constexpr long SPILL = 4 * LANES;                           // floats that loops may read and write past a buffer's end
enum Buffer { PADDED, COLUMNS, SUMS, LINE, FILTERS, PATCHES, PRODUCTS, BUFFERS };

// A buffer of the calling thread, kept and only ever grown. Its contents are undefined.
inline float* buffer(Buffer which, long floats) {
    struct Kept {
        float* start[BUFFERS] = {};
        long size[BUFFERS] = {};
        ~Kept() { for (float* p : start) std::free(p); }
    };
    static thread_local Kept kept;
    if (kept.size[which] < floats || !kept.start[which]) {
        std::free(kept.start[which]);
        const std::size_t bytes = ((floats + SPILL) * sizeof(float) + 4095) / 4096 * 4096;
        kept.start[which] = static_cast<float*>(std::aligned_alloc(4096, bytes));
        kept.size[which] = floats;
        if (!kept.start[which]) std::abort();
    }
    return kept.start[which];
}

constexpr long parts(long n, long size) { return (n + size - 1) / size; }
