"""How much slower training is without the compiled kernels, when NumPy computes:

    python benchmarks/without_kernels.py

Processor time of a step of SGD on one core, the least of a few: of the engine `fast`, of the engine
`reference`, and their ratio.
"""

import os
import time
from collections.abc import Callable

# Before NumPy is imported.
os.environ['OMP_NUM_THREADS'] = os.environ['OPENBLAS_NUM_THREADS'] = '1'

from goodinit.benchmarks.net_tasks import Subject, our_tasks

NETS = (
    Subject('lenet', 64),
    Subject('fitnet4/relu', 16),
    Subject('caffenet', 4),
    Subject('googlenet', 2),
)
REPEATS = {'fast': 4, 'reference': 2}


def main() -> None:
    print(f'{"net, batch":18} {"fast":>8} {"reference":>10} {"ratio":>6}')
    for net in NETS:
        times = {engine: least(engine, net) for engine in REPEATS}
        ratio = times['reference'] / times['fast']
        title = f'{net.model}, {net.batch}'
        print(f'{title:18} {times["fast"]:7.3f}s {times["reference"]:9.3f}s {ratio:6.1f}')


def least(engine: str, net: Subject) -> float:
    """Seconds that the processor works for a step of training, at least."""
    step = our_tasks(engine, net)['SGD step']
    return min(seconds(step) for _ in range(REPEATS[engine]))


def seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


if __name__ == '__main__':
    main()
