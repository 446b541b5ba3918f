// Sums of a, of a b, or of (a - b)^2 over some axes. Numbers are summed as floats in a few hundred parallel lanes, and
// these in double. What is split where follows from the shapes alone.
//
// By shapes: a (outer, kept, inner) -> out (kept), the sum over outer and inner; and, where inner is 1, by columns.

// How two numbers make a term.
struct Plain { static vec term(vec a, vec) { return a; } };
struct Product { static vec term(vec a, vec b) { return a * b; } };
struct Deviation { static vec term(vec a, vec b) { return (a - b) * (a - b); } };

struct Partial { double sum; };

template <class Term> double sum_row(const float* a, const float* b, long b_step, long n) {
    constexpr int CHAINS = 4;
    vec sums[CHAINS] = {};
    long i = 0;
    const auto other = [&](long i) { return b_step ? load(b + i) : *b - vec{}; };
    for (; i + CHAINS * LANES <= n; i += CHAINS * LANES)
        #pragma GCC unroll 4
        for (int c = 0; c < CHAINS; ++c)
            sums[c] += Term::term(load(a + i + c * LANES), other(i + c * LANES));
    for (; i < n; i += LANES) {                             // the rest: lanes beyond the end hold 0 or are left out
        float x[LANES] = {}, y[LANES] = {};
        for (long j = 0; j < std::min<long>(LANES, n - i); ++j) {
            x[j] = a[i + j];
            y[j] = b[(i + j) * b_step];
        }
        sums[0] += Term::term(load(x), load(y));
    }
    double total = 0;
    for (const vec& s : sums)
        for (int lane = 0; lane < LANES; ++lane)
            total += s[lane];
    return total;
}

// The sum over `outer` rows of `inner` numbers, `step` apart; b like a, or (b_step 0) one number.
template <class Term>
double sum_rows(const float* a, const float* b, long b_step, long outer, long step, long inner) {
    double total = 0;
    for (long o = 0; o < outer; ++o)
        total += sum_row<Term>(a + o * step, b + o * step * b_step, b_step, inner);
    return total;
}

// One sum over everything, in pieces.
template <class Term> double sum_all(const float* a, const float* b, long n) {
    const long pieces = parts(n, BLOCK);
    std::vector<Partial> sums(pieces);
    share_out(pieces, [&](long i) {
        sums[i].sum = sum_row<Term>(a + i * BLOCK, b + i * BLOCK, 1, std::min(BLOCK, n - i * BLOCK));
    });
    double total = 0;
    for (const Partial& p : sums)
        total += p.sum;
    return total;
}

// a (outer, kept) -> out (kept): columns side by side, row after row.
template <class Term>
void sum_columns(const float* a, const float* b, float* out, long outer, long kept, bool accumulate) {
    share_out_blocks(kept, 256, [&](long begin, long end) {
        for (long k = begin; k < end; k += LANES) {
            const long width = std::min<long>(LANES, end - k);
            float x[LANES] = {}, y[LANES] = {};
            vec sum{};
            for (long o = 0; o < outer; ++o)
                if (width == LANES)
                    sum += Term::term(load(a + o * kept + k), load(b + o * kept + k));
                else {
                    copy(x, a + o * kept + k, width);
                    copy(y, b + o * kept + k, width);
                    sum += Term::term(load(x), load(y));
                }
            for (long j = 0; j < width; ++j)
                out[k + j] = sum[j] + (accumulate ? out[k + j] : 0);
        }
    });
}

template <class Term>
void sum(const float* a, const float* b, float* out, long outer, long kept, long inner, bool accumulate) {
    if (inner == 1 && kept > 1)
        return sum_columns<Term>(a, b, out, outer, kept, accumulate);
    if (outer == 1 && kept == 1) {
        *out = sum_all<Term>(a, b, inner) + (accumulate ? *out : 0);
        return;
    }
    share_out_blocks(kept, std::max(1L, BLOCK / std::max(1L, outer * inner)), [&](long begin, long end) {
        for (long k = begin; k < end; ++k)
            out[k] = sum_rows<Term>(a + k * inner, b + k * inner, 1, outer, kept * inner, inner)
                     + (accumulate ? out[k] : 0);
    });
}

EXPORT(sum)(const float* x, float* out, long outer, long kept, long inner, long accumulate) {
    sum<Plain>(x, x, out, outer, kept, inner, accumulate);
}

EXPORT(dot)(const float* a, const float* b, float* out, long outer, long kept, long inner, long accumulate) {
    sum<Product>(a, b, out, outer, kept, inner, accumulate);
}

EXPORT(moments)(const float* x, float* mean, float* var, long outer, long kept, long inner) {
    const double n = static_cast<double>(outer) * inner;
    share_out(kept, [&](long k) {
        const float* first = x + k * inner;
        mean[k] = sum_rows<Plain>(first, first, 1, outer, kept * inner, inner) / n;
        var[k] = sum_rows<Deviation>(first, mean + k, 0, outer, kept * inner, inner) / n;
    });
}
