"""Milliseconds of a training step by kind of layer, on the CPU.

    python benchmarks/parts.py --net resnet50

A layer that computes others as well (a convolution and the ReLU above it) counts their time as its
own. A convolution's kind has its kernel and its stride. Medians of all steps; "others" is what a
step takes outside its layers, the update among it. All samples go to results/DATE-parts.json.
"""

import argparse
import time
from collections import defaultdict
from statistics import median

from goodinit.benchmarks.machine import positive, write_numbers
from goodinit.benchmarks.net_tasks import NETS
from goodinit.benchmarks.subjects import filled_solver, trained
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.netlib.layers import Layer
from goodinit.netlib.layers.convolution import Convolution

WARM = 2  # steps before those that count
OTHERS = 'others'
Samples = dict[str, list[float]]


def main() -> None:
    args = arguments()
    subject = NETS[args.net]
    engine = make_engine(args.engine)
    solver = filled_solver(trained(subject.model, subject.batch), engine, share_memory=True)
    solver.step(WARM)
    stopwatch = Stopwatch(solver.net)
    for _ in range(args.repeats):
        start = time.perf_counter()
        solver.step(1)
        stopwatch.end_step(time.perf_counter() - start)
    samples = stopwatch.samples
    for kind in sorted(samples, key=lambda kind: -median(samples[kind])):
        print(f'{median(samples[kind]):8.1f} ms  {kind}')
    print(f'{median(stopwatch.steps):8.1f} ms  a step')
    numbers = {'net': args.net, 'engine': args.engine, 'batch': subject.batch}
    write_numbers('parts', numbers | {'samples': samples, 'steps': stopwatch.steps})


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('--net', choices=NETS, default='resnet50')
    add('--engine', choices=['fast', 'exact', 'reference'], default='fast')
    add('--repeats', type=positive, default=9, help='steps (default: %(default)s)')
    return parser.parse_args()


class Stopwatch:
    """Measures the layers of a net while it runs.

    samples  {kind and direction: milliseconds in each step}
    steps    those of each step
    """

    def __init__(self, net: Net):
        self.kinds = list(map(kind, net.layers))
        self.samples: Samples = defaultdict(list)
        self.steps: list[float] = []
        self.now: dict[str, float] = defaultdict(float)
        net.before_forward.append(self.begin)
        net.before_backward.append(self.begin)
        net.after_forward.append(lambda i: self.end(i, 'forward'))
        net.after_backward.append(lambda i: self.end(i, 'backward'))

    def begin(self, _: int) -> None:
        self.start = time.perf_counter()

    def end(self, i: int, direction: str) -> None:
        self.now[f'{self.kinds[i]}, {direction}'] += 1e3 * (time.perf_counter() - self.start)

    def end_step(self, seconds: float) -> None:
        self.steps.append(1e3 * seconds)
        self.now[OTHERS] = self.steps[-1] - sum(self.now.values())
        for each, milliseconds in self.now.items():
            self.samples[each].append(milliseconds)
        self.now.clear()


def kind(layer: Layer) -> str:
    """The type of a layer, and the kernel of a convolution."""
    if not isinstance(layer, Convolution):
        return layer.type
    kernel, stride = layer.window.kernel, layer.window.stride
    return f'{"x".join(map(str, kernel))} convolution by steps of {stride[0]}'


if __name__ == '__main__':
    main()
