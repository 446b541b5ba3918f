"""How first_card.py measures: seconds of a pass, of the host's part in it, and of each kernel."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from goodinit.netlib.engines.cuda.cublas import Cublas
from goodinit.netlib.engines.cuda.cudnn_convolution import Convolution
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.netlib.engines.cuda.gpu import Gpu
from goodinit.netlib.memory import Places

# A product of matrices that keeps a card busy for some tens of milliseconds.
BUSY_SIZE, BUSY_SECONDS = 8192, 0.025


class Timed(NamedTuple):
    """seconds: of a pass, from an idle card to an idle card, the median. host_seconds: until the
    host has asked for all of it, the least."""

    seconds: float
    host_seconds: float


class Repeats(NamedTuple):
    """How often a pass is measured: turns, of so many passes each."""

    turns: int = 5
    passes: int = 5


Log = list[tuple[str, Any, Any]]  # what was called, and the events before and after it


def timed(run: Callable[[], object], finish: Callable[[], object], repeats: Repeats) -> Timed:
    """Time a pass, after two that warm up; `finish` waits for the card."""
    run()
    run()
    finish()
    whole, host = [], []
    for _ in range(repeats.turns):
        start = time.perf_counter()
        for _ in range(repeats.passes):
            run()
        host.append((time.perf_counter() - start) / repeats.passes)
        finish()
        whole.append((time.perf_counter() - start) / repeats.passes)
    return Timed(statistics.median(whole), min(host))


def kernel_times(
    engine: Cuda, run: Callable[[], object], emulated: bool
) -> dict[str, dict[str, float]]:
    """{kernel or library: calls and milliseconds} of a pass, the longest first."""
    engine.can_record = False
    Places.change()  # what was recorded would be repeated without being seen
    start = time.perf_counter()
    run()
    host_seconds = time.perf_counter() - start
    if not emulated:
        keep_busy(engine, host_seconds)
    with watched(engine.device) as log:
        run()
    engine.can_record = True
    engine.device.finish()
    found: dict[str, dict[str, float]] = {}
    for name, before, after in log:
        part = found.setdefault(name, {'calls': 0, 'ms': 0.0})
        part['calls'] += 1
        part['ms'] += before.time_till(after)
    return dict(sorted(found.items(), key=lambda item: -item[1]['ms']))


def keep_busy(engine: Cuda, seconds: float) -> None:
    """Queue work for three times as long as the host needs for what follows, so that it runs ahead:
    the events then time kernels, not the host."""
    a, b, out = (engine.tensor(BUSY_SIZE, BUSY_SIZE) for _ in range(3))
    for _ in range(1 + int(3 * seconds / BUSY_SECONDS)):
        engine.gemm(a, b, out=out)


@contextmanager
def watched(device: Gpu) -> Iterator[Log]:
    """A log of all calls that compute, each between two events."""
    log: Log = []

    def between_events(method: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            before, after = device.cuda.Event(), device.cuda.Event()
            before.record(device.stream)
            result = method(*arguments, **keywords)
            after.record(device.stream)
            log.append((name(*arguments), before, after))
            return result

        return call

    places: list[tuple[Any, str, Callable[..., str]]] = [
        (Gpu, 'launch', lambda *arguments: arguments[-1].removeprefix('kernel ')),
        (Cublas, 'gemm', lambda *arguments: 'cuBLAS'),
        (Convolution, 'compute', lambda plan, direction, *rest: f'cuDNN {direction}'),
        (Convolution, 'rectified', lambda *arguments: 'cuDNN Forward, bias and ReLU'),
    ]
    originals = [getattr(owner, method) for owner, method, _ in places]
    for (owner, method, name), original in zip(places, originals, strict=True):
        setattr(owner, method, between_events(original, name))
    try:
        yield log
    finally:
        for (owner, method, _), original in zip(places, originals, strict=True):
            setattr(owner, method, original)
