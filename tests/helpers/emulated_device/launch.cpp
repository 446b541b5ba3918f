// The blocks of a launch run one after another. The threads of a block are fibers that run one at a
// time, each until it returns or waits at a barrier. A fiber whose thread has returned goes on to
// the next thread, so a kernel without barriers is a plain loop on one fiber.
//
// With CUDA_EMULATOR_REVERSED in the environment, blocks and threads run backwards. A kernel whose
// result depends on the order lacks a barrier, or relies on an order that a GPU does not promise.
#include "launch.hpp"

#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "accesses.hpp"
#include "memory.hpp"

namespace cuda_emulator {

Index threadIdx, blockIdx, blockDim, gridDim;
char* dynamic_shared;

namespace {

struct Fiber {
    Fiber();
    Buffer stack{"the stack of a thread", 1 << 16};
    jmp_buf state;
    Index thread;
    int barrier;  // the line of the barrier where it waits; 0: it is idle
};

std::vector<std::unique_ptr<Fiber>> fibers;
Fiber* current;
jmp_buf scheduler;
unsigned started;  // threads of this block
bool reversed;
void (*run_thread)(const char*);
const char* arguments;
siginfo_t fault;  // si_signo is 0 as long as there is none

unsigned count(Index size) { return size.x * size.y * size.z; }

// The i-th index to run.
Index nth(unsigned i, Index size) {
    if (reversed) i = count(size) - 1 - i;
    return {i % size.x, i / size.x % size.y, i / size.x / size.y};
}

std::string text(Index i) {
    const std::string x = std::to_string(i.x);
    const std::string y = std::to_string(i.y);
    const std::string z = std::to_string(i.z);
    return "(" + x + ", " + y + ", " + z + ")";
}

// Returns when the fiber waits at a barrier, is idle, or touched what it must not.
void resume(Fiber& fiber) {
    current = &fiber;
    if (!_setjmp(scheduler)) _longjmp(fiber.state, 1);
}

void wait() {
    if (!_setjmp(current->state)) _longjmp(scheduler, 1);
}

void run_threads() {
    for (;;) {
        current->barrier = 0;
        wait();
        while (started < count(blockDim)) {
            threadIdx = nth(started++, blockDim);
            run_thread(arguments);
        }
    }
}

Fiber::Fiber() {
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = stack.start;
    context.uc_stack.ss_size = stack.bytes;
    makecontext(&context, run_threads, 0);
    current = this;
    if (!_setjmp(scheduler)) setcontext(&context);
}

std::string describe_fault() {
    const std::string who = "thread " + text(threadIdx) + " of block " + text(blockIdx);
    if (fault.si_signo == SIGFPE) return who + " divides an integer by zero";
    return who + " reads or writes " + describe(fault.si_addr);
}

// Starts all threads of the block. Returns how many fibers wait at a barrier: those at the front.
size_t start_threads() {
    size_t waiting = 0;
    started = 0;
    while (started < count(blockDim) && !fault.si_signo) {
        if (waiting == fibers.size()) fibers.emplace_back(new Fiber);
        resume(*fibers[waiting]);
        if (fibers[waiting]->barrier) ++waiting;
    }
    return waiting;
}

// Runs all threads of the block from one barrier to the next. Returns how many wait there.
size_t continue_threads() {
    size_t waiting = 0;
    for (unsigned i = 0; i < count(blockDim) && !fault.si_signo; ++i) {
        resume(*fibers[i]);
        if (fibers[i]->barrier) ++waiting;
    }
    return waiting;
}

// Whether `waiting` fibers are all threads of the block, and wait at the barrier in this line.
bool all_wait(size_t waiting, int line) {
    if (waiting < count(blockDim)) return false;
    const auto waits_there = [=](const auto& fiber) { return fiber->barrier == line; };
    return std::all_of(&fibers[0], &fibers[0] + waiting, waits_there);
}

std::string run_block() {
    size_t waiting = start_threads();
    while (waiting && !fault.si_signo) {
        const int line = fibers[0]->barrier;
        if (!all_wait(waiting, line))
            return "not all threads of block " + text(blockIdx) + " wait at the barrier in line "
                   + std::to_string(line);
        waiting = continue_threads();
    }
    return fault.si_signo ? describe_fault() : "";
}

std::string run_blocks(const Kernel& kernel) {
    for (unsigned i = 0; i < count(gridDim); ++i) {
        blockIdx = nth(i, gridDim);
        std::memset(kernel.shared, 0xff, kernel.shared_end - kernel.shared);
        const std::string error = run_block();
        if (!error.empty()) return error;
    }
    const Buffer* damaged = mend_damaged_buffer();
    if (!damaged) return "";
    const std::string bytes = std::to_string(damaged->bytes);
    return "a thread writes just outside " + std::string(damaged->kind) + " of " + bytes + " bytes";
}

// While an object of this class lives, a fiber that touches what it must not ends, and the
// scheduler goes on.
class FaultsCaught {
public:
    FaultsCaught() {
        fault = {};
        static Buffer stack("the stack of the signal handler", 1 << 16);
        stack_t own_stack{stack.start, 0, stack.bytes};
        sigaltstack(&own_stack, &old_stack);
        struct sigaction action = {};
        action.sa_sigaction = [](int, siginfo_t* info, void*) {
            fault = *info;
            _longjmp(scheduler, 1);
        };
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;  // _longjmp unblocks no signal
        for (int i = 0; i < 3; ++i)
            sigaction(signals[i], &action, &old[i]);
    }
    ~FaultsCaught() {
        for (int i = 0; i < 3; ++i)
            sigaction(signals[i], &old[i], nullptr);
        sigaltstack(&old_stack, nullptr);
    }

private:
    static constexpr int signals[] = {SIGSEGV, SIGBUS, SIGFPE};
    stack_t old_stack;
    struct sigaction old[3];
};

}  // namespace

void wait_at_barrier(int line) {
    current->barrier = line;
    current->thread = threadIdx;
    wait();
    threadIdx = current->thread;
}

std::string launch(const Kernel& kernel, Index grid, Index block, size_t shared_bytes,
                   const char* buffer) {
    static std::mutex one_at_a_time;
    std::lock_guard lock(one_at_a_time);
    Buffer shared("the dynamic shared memory", shared_bytes);
    shared.fill_with_nans();
    dynamic_shared = shared.start;
    gridDim = grid;
    blockDim = block;
    reversed = std::getenv("CUDA_EMULATOR_REVERSED");
    run_thread = kernel.run_thread;
    arguments = buffer;
    FaultsCaught faults_caught;
    std::string error = run_blocks(kernel);
    count_accesses(kernel.name);
    if (error.empty()) return "";
    fibers.clear();  // some may be stuck in the kernel
    return std::string("kernel ") + kernel.name + ": " + error;
}

}  // namespace cuda_emulator
