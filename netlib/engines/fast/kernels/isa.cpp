#include <climits>
#ifdef _OPENMP
#include <omp.h>
#endif

extern "C" {
long memory_limit = LONG_MAX;
long refused = 0;
}

// Lets the calling thread compute alone: after a fork, OpenMP's other threads are gone.
extern "C" void use_one_thread() {
#ifdef _OPENMP
    omp_set_num_threads(1);
#endif
}

// The names of the instruction sets that have kernels and that this processor has, the best first.
extern "C" const char* instruction_sets() {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
                        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    if (avx2 && avx512) return "avx512 avx2 baseline";
    if (avx2) return "avx2 baseline";
#endif
    return "baseline";
}
