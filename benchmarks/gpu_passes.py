"""What gpu.py measures: a training step or a forward pass of a candidate, in the process that runs
it."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from goodinit.benchmarks.subjects import (
    deployed,
    filled_net,
    filled_solver,
    random_inputs,
    trained,
)
from goodinit.benchmarks.worker import serve
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools.bvlc.timing import wait

TASKS = ('training step', 'forward')


class Passes(NamedTuple):
    """run: one pass. finish: wait until the card is idle. peak_mb: the most memory in use."""

    run: Callable[[], object]
    finish: Callable[[], None]
    peak_mb: Callable[[], float]


def serve_passes(name: str, task: str, net: str, batch: int, iterations: int) -> None:
    """Say that the candidate is ready; then for each 'turn' the seconds of a pass, for 'peak_mb'
    the memory that was in use."""
    make = our_passes if name.startswith('ours') else torch_passes
    passes = make(name.split(), task, net, batch)
    answers = {
        'turn': lambda: seconds(passes.run, passes.finish, iterations),
        'peak_mb': passes.peak_mb,
    }
    serve('ready', answers)


def seconds(run: Callable[[], object], finish: Callable[[], None], times: int) -> float:
    """The seconds of a run, from an idle card to an idle card."""
    finish()
    start = time.perf_counter()
    for _ in range(times):
        run()
    finish()
    return (time.perf_counter() - start) / times


def product_rate(size: int, tf32: bool) -> float:
    """TFLOP/s of a product of two matrices with our engine: the best of three times ten."""
    engine = Cuda(tf32=tf32)
    a, b, out = (engine.tensor(size, size) for _ in range(3))
    rng = np.random.default_rng(0)
    for matrix in (a, b):
        matrix.array()[...] = rng.standard_normal((size, size), np.float32)

    def run() -> None:
        engine.gemm(a, b, out=out)

    best = min(seconds(run, lambda: wait(engine), 10) for _ in range(3))
    return 2e-12 * size**3 / best


# -- the candidates


def our_passes(words: list[str], task: str, net: str, batch: int) -> Passes:
    """Our CUDA engine, with 'tf32' among the words in that precision."""
    engine = Cuda(tf32='tf32' in words)
    return Passes(
        our_run(engine, task, net, batch),
        lambda: wait(engine),
        lambda: engine.device.pool.peak / 1e6,
    )


def our_run(engine: Cuda, task: str, net: str, batch: int) -> Callable[[], object]:
    """A pass of the net as the tools have it: with memory shared and layers fused."""
    if task == 'forward':
        made = filled_net(deployed(net, batch), TEST, engine)
        made.share_memory()
        return made.run
    solver = filled_solver(trained(net, batch), engine, share_memory=True)
    return lambda: solver.step(1)


def torch_passes(words: list[str], task: str, net: str, batch: int) -> Passes:
    """PyTorch, with 'tf32' among the words in that precision, with 'compiled' compiled."""
    import torch
    from goodinit.benchmarks.torch_nets import torch_net

    torch.backends.cuda.matmul.allow_tf32 = 'tf32' in words
    torch.backends.cudnn.allow_tf32 = 'tf32' in words
    torch.backends.cudnn.benchmark = True
    is_forward = task == 'forward'
    param = deployed(net, batch) if is_forward else trained(net, batch)
    module = torch_net(param, TEST).cuda()
    module.train(not is_forward)
    blobs = {name: torch.from_numpy(values).cuda() for name, values in random_inputs(param).items()}
    run = torch_run(module, blobs, is_forward, compiled='compiled' in words)
    return Passes(run, torch.cuda.synchronize, lambda: torch.cuda.max_memory_allocated() / 1e6)


def torch_run(module: Any, blobs: Any, is_forward: bool, compiled: bool) -> Callable[[], object]:
    import torch

    called = torch.compile(module) if compiled else module
    optimizer = torch.optim.SGD(module.parameters(), 1e-6, momentum=0.9, weight_decay=5e-4)

    def forward() -> None:
        with torch.inference_mode():
            called(blobs)

    def step() -> None:
        optimizer.zero_grad()
        called(blobs).backward()
        optimizer.step()

    return forward if is_forward else step
