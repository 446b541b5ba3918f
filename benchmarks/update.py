"""Whether a solver's update runs at the memory's speed.

    python benchmarks/update.py

SGD with momentum and weight decay on as many parameters as VGG-16 has, in one inner product: it
reads weights, gradients and momentum and writes weights and momentum, so it moves 20 bytes a
parameter at least. Beside it NumPy's copy of as many numbers, which moves 8, and the same copy by
the engine. They take turns; the medians go to results/DATE-update.json.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
from goodinit.benchmarks.machine import positive, write_numbers
from goodinit.netlib.engines import make_engine
from goodinit.proto import parse_solver
from goodinit.solvers import Solver

PARAMETERS = 138_000_000  # VGG-16's
INPUTS = 10_000
NET = """net_param {
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: INPUTS } } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param { num_output: OUTPUTS bias_term: false } }
layer { name: "loss" type: "Reduction" bottom: "fc" top: "loss" loss_weight: 1 }
}
base_lr: 1e-6 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005 random_seed: 1
"""
BYTES = {'update': 20, "NumPy's copy": 8, "the engine's copy": 8}  # moved for a number


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--repeats', type=positive, default=7, help='(default: %(default)s)')
    args = parser.parse_args()
    runs = tasks()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(1 + args.repeats):
        for name, run in runs.items():
            took = timed(run)
            if turn:  # the first one touches the memory
                seconds[name].append(took)
    rates = {name: 1e-9 * BYTES[name] * PARAMETERS / median(all) for name, all in seconds.items()}
    for name, rate in rates.items():
        print(f'{name:17} {1e3 * median(seconds[name]):6.0f} ms {rate:6.1f} GB/s')
    numbers = {'parameters': PARAMETERS, 'bytes_each': BYTES, 'seconds': seconds, 'gb_per_s': rates}
    write_numbers('update', numbers)


def tasks() -> dict[str, Callable[[], object]]:
    text = NET.replace('INPUTS', str(INPUTS)).replace('OUTPUTS', str(PARAMETERS // INPUTS))
    engine = make_engine('fast')
    solver = Solver(parse_solver(text), engine=engine)
    weights = solver.net.all_params()[0].values
    target = engine.tensor(*weights.shape)
    source, other = weights.array(), np.empty(weights.shape, np.float32)
    return {
        'update': solver.apply_update,
        "NumPy's copy": lambda: np.copyto(other, source),
        "the engine's copy": lambda: engine.copy(weights, out=target),
    }


def timed(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


if __name__ == '__main__':
    main()
