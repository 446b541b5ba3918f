"""Seconds of whole initializations on the GPU and on the CPU, for gpu.py."""

from collections.abc import Callable
from statistics import median

import numpy as np
from goodinit.benchmarks.gpu_passes import seconds
from goodinit.benchmarks.subjects import random_inputs, trained
from goodinit.initializers import PRESETS, fill, initialize
from goodinit.netlib import Net
from goodinit.proto.caffe_pb2 import TRAIN
from goodinit.tools.bvlc.timing import wait

# Batches: more where weights come from samples, as in the paper.
INITIALIZERS = {'lsuv': 1, 'pca': 5, 'kmeans': 5}
# Where they compute, and by which engine.
PLACES = {'gpu': 'cuda', 'cpu': 'fast'}
BATCH, TURNS = 32, 2

Run = tuple[Callable[[], object], Callable[[], None]]  # an initialization, and what waits for it


def measure_initializer(method: str, net: str, batch: int | None) -> dict[str, list[float]]:
    """{where: seconds of an initialization in each turn}; the medians are printed."""
    runs = {where: initialization(method, net, engine, batch) for where, engine in PLACES.items()}
    took: dict[str, list[float]] = {where: [] for where in runs}
    for turn in range(1 + TURNS):
        for where, (run, finish) in runs.items():
            time = seconds(run, finish, 1)
            if turn:  # the first one warms up
                took[where].append(time)
    for where, times in took.items():
        print(f'{net:12} {method:13} {where:19} {median(times):8.3f} s', flush=True)
    return took


def initialization(method: str, name: str, engine: str, batch: int | None) -> Run:
    """A preset, from batches in memory to weights."""
    param = trained(name, batch or BATCH)
    net = Net(param, TRAIN, engine=engine, seed=0)
    fill(net, np.random.default_rng(0))
    batches = [random_inputs(param, seed) for seed in range(INITIALIZERS[method])]

    def run() -> None:
        initialize(net, batches, PRESETS[method], np.random.default_rng(0))

    return run, lambda: wait(net.engine)
