// How long a line of memory travels between two cores: what threads that share their work wait for,
// and what differs between cores of one chip, or of one machine.
#pragma once

#include <atomic>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "isa.hpp"

namespace ISA {

// Two threads count to 2 n in turn, each by what the other has written. Returns n, or 0 where there
// are no two threads, or no two processors for them.
EXPORT_LONG(yardstick_round_trips)(long n) {
    long done = 0;
#ifdef _OPENMP
    if (omp_get_num_procs() < 2 || omp_get_max_threads() < 2) return 0;
    std::atomic<long> count{0};
#pragma omp parallel num_threads(2)
    if (omp_get_num_threads() == 2) {
        const long me = omp_get_thread_num();
        for (long i = me; i < 2 * n; i += 2) {
            while (count.load(std::memory_order_acquire) != i) {
            }
            count.store(i + 1, std::memory_order_release);
        }
        if (me == 0) done = n;
    }
#endif
    return done;
}

}  // namespace ISA
