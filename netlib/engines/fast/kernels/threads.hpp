// Work shared out among OpenMP's threads.
//
// A piece of work computes the same numbers whichever thread does it, and no two pieces write the
// same place. So results do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <new>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "isa.hpp"
#include "simd.hpp"

namespace ISA {

// How many parts of `size` it takes to hold n things: n / size, rounded up.
constexpr long parts(long n, long size) { return (n + size - 1) / size; }

inline long threads() {
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

// Calls work(i), for an i that a thread has been given. No exception may leave a thread of OpenMP.
template <class Work>
void try_work(const Work& work, long i, bool& refused) {
    try {
        work(i);
    } catch (const std::bad_alloc&) {
#pragma omp atomic write
        refused = true;
    }
}

// Calls work(i) for all i < n, in any order. A thread gets neighbors, at first half of its share:
// what they read and write in common stays in its cache. Throws std::bad_alloc if one of them did.
template <class Work>
void share_out(long n, const Work& work) {
    bool refused = false;
#pragma omp parallel if (n > 1)
    {
#pragma omp for schedule(guided) nowait
        for (long i = 0; i < n; ++i)
            try_work(work, i, refused);
        fence();
    }
    if (refused) throw std::bad_alloc();
}

// The same one by one, for a few long pieces of work, or unequal ones.
template <class Work>
void share_out_singly(long n, const Work& work) {
    bool refused = false;
#pragma omp parallel if (n > 1)
    {
#pragma omp for schedule(dynamic) nowait
        for (long i = 0; i < n; ++i)
            try_work(work, i, refused);
        fence();
    }
    if (refused) throw std::bad_alloc();
}

// Whether n equal pieces of work come out about even where a thread gets neighbors.
inline bool come_out_even(long n) { return n % threads() == 0 || n >= 8 * threads(); }

// Calls work(i) for all i < n, equal and long pieces: to neighbors if they come out even. Then the
// numbers that one pass after the other reads and writes stay with a core.
template <class Work>
void share_out_equal(long n, const Work& work) {
    if (come_out_even(n)) share_out(n, work);
    else share_out_singly(n, work);
}

// Calls work(i) for all i < n, one by one; `alone`: by the calling thread, since handing it over
// would take longer. Returns whether all of them returned true.
template <class Work>
bool share_out_all(long n, bool alone, const Work& work) {
    bool all = true;
    const auto note = [&](long i) {
        if (work(i)) return;
#pragma omp atomic write
        all = false;
    };
    if (!alone) share_out_singly(n, note);
    for (long i = 0; alone && i < n; ++i)
        note(i);
    return all;
}

// Calls work(begin, end) for ranges of `size` that make up 0 .. n. A single range stays with the
// calling thread.
template <class Work>
void share_out_ranges(long n, long size, const Work& work) {
    share_out(parts(n, size), [&](long i) { work(i * size, std::min(n, (i + 1) * size)); });
}

}  // namespace ISA
