"""What this machine can do: what benchmarks divide by."""

import time

from goodinit.benchmarks.machine import compiled_kernels


def peak_gflops() -> float:
    """10^9 operations a second that the fast engine's kernels reach where nothing else is in the
    way."""
    kernels = compiled_kernels()
    rates = []
    for _ in range(10):
        start = time.perf_counter()
        done = kernels.yardstick['multiply_adds'](10**7)
        rates.append(2e-9 * done / (time.perf_counter() - start))
    return max(rates)


def round_trip_ns() -> float:
    """Nanoseconds that a line of memory takes to another core and back now: a system may move a
    process to cores that share no cache. 0 where there is only one."""
    kernels = compiled_kernels()
    trips = []
    for _ in range(5):
        start = time.perf_counter()
        done = kernels.yardstick['round_trips'](2000)
        trips.append(1e9 * (time.perf_counter() - start) / 2000 if done else 0.0)
    return min(trips)
