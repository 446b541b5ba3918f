"""What an iteration of a small net costs beyond its kernels.

    python benchmarks/iterations.py

The net is that of BVLC's brewing-logreg.ipynb: an HDF5Data layer, two inner products with a ReLU,
loss and accuracy, 10 samples an iteration. Times are of the processor, on one thread, least of
many; those of the kernels are of the calls of one iteration, repeated with their arguments as C
takes them. The numbers go to results/DATE-iterations.json.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault('OMP_NUM_THREADS', '1')  # before the kernels are loaded

import h5py
import numpy as np
from goodinit.benchmarks.machine import write_numbers
from goodinit.netlib.engines.fast.noting import NotingKernels
from goodinit.proto import parse_solver
from goodinit.solvers import Solver

NET = """net_param {
layer { name: "data" type: "HDF5Data" top: "data" top: "label"
  hdf5_data_param { source: "SOURCE" batch_size: 10 } }
layer { name: "fc1" type: "InnerProduct" bottom: "data" top: "fc1"
  inner_product_param { num_output: 40 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "fc1" top: "fc1" }
layer { name: "fc2" type: "InnerProduct" bottom: "fc1" top: "fc2"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc2" bottom: "label" top: "loss" }
layer { name: "accuracy" type: "Accuracy" bottom: "fc2" bottom: "label" top: "accuracy" }
}
base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005 random_seed: 1
snapshot_after_train: false
"""
SAMPLES = 7500
WINDOW = 100  # iterations that are timed together

Call = Callable[[], Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--windows', type=int, default=30, help='(default: %(default)s)')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        solver = new_solver(Path(folder))
        solver.step(WINDOW)
        iteration = least(lambda: solver.step(WINDOW), args.windows) / WINDOW
        kernels = kernels_of_one(new_solver(Path(folder)))
    inside = least(lambda: [call() for call in kernels], args.windows * WINDOW)
    print(f'{1e6 * iteration:.0f} us an iteration, {1e6 * inside:.0f} us in {len(kernels)} kernels')
    numbers = {'iteration_s': iteration, 'kernels_s': inside, 'kernels': len(kernels)}
    write_numbers('iterations', numbers)


def new_solver(folder: Path) -> Solver:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(SAMPLES, 4)).astype(np.float32)
    with h5py.File(folder / 'train.h5', 'w') as file:
        file['data'], file['label'] = data, (data[:, 0] * data[:, 1] > 0).astype(np.float32)
    source = folder / 'train.txt'
    source.write_text(f'{folder / "train.h5"}\n')
    return Solver(parse_solver(NET.replace('SOURCE', str(source))))


def least(run: Callable[[], object], times: int) -> float:
    """The least of so many times that a call takes, in seconds of the processor."""
    found = []
    for _ in range(times):
        begin = time.process_time()
        run()
        found.append(time.process_time() - begin)
    return min(found)


def kernels_of_one(solver: Solver) -> list[Call]:
    """The calls of kernels in an iteration, with their arguments as C takes them."""
    engine: Any = solver.engine
    engine.can_record = False
    noting = NotingKernels(engine.kernels)
    engine.kernels = noting
    solver.step(1)
    return noting.calls


if __name__ == '__main__':
    main()
