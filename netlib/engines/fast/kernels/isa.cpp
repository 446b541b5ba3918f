#include <climits>
#ifdef _OPENMP
#include <omp.h>
#endif
#if defined(__x86_64__) && defined(__linux__) && !defined(__clang__) && __GNUC__ >= 11
#define KNOWS_AMX  // as in isa_amx.hpp
#include <sys/syscall.h>
#include <unistd.h>
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

// Whether the processor has AMX's matrix unit, and Linux grants this process its registers. They
// take 8 KB for each thread, so Linux wants to be asked.
static bool has_matrix_unit() {
#ifdef KNOWS_AMX
    constexpr long REQUEST_PERMISSION = 0x1023;  // ARCH_REQ_XCOMP_PERM
    constexpr long TILE_DATA = 18;               // the number of these registers' state
    if (!__builtin_cpu_supports("amx-tile") || !__builtin_cpu_supports("amx-bf16")) return false;
    static const bool granted = syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
    return granted;
#else
    return false;
#endif
}

// The names of the instruction sets that have kernels and that this processor has, the best first,
// and the stand-in for AMX, if it is compiled, last.
extern "C" const char* instruction_sets() {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#ifdef AMX_PLAIN
#define STAND_IN " amx_plain"
#else
#define STAND_IN ""
#endif
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
                        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    const bool amx = avx2 && avx512 && has_matrix_unit();
    if (amx) return "amx avx512 avx2 baseline" STAND_IN;
    if (avx2 && avx512) return "avx512 avx2 baseline" STAND_IN;
    if (avx2) return "avx2 baseline";
#endif
    return "baseline";
}
