"""What training on two processes costs: two ranks of one core each against one process of two.

    python benchmarks/several.py

For CaffeNet and FitNet-4, seconds of a training step on the same images in all: one process with
two threads; two ranks with a thread each, which sum the gradients of a layer while the layers below
run backward; and two that sum them at the end. The candidates take turns, each sample in processes
of its own. The parallel efficiency is the time of the first over that of the others. A step of rank
0 is drawn: when layers run backward, and when their sums begin and end. Needs mpiexec and mpi4py
(pip install 'goodinit[mpi]' mpich). The numbers go to results/DATE-several.json, the picture beside
them.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from goodinit.benchmarks.machine import environment, positive, write_numbers
from goodinit.benchmarks.subjects import filled_solver, trained
from goodinit.netlib.engines import make_engine
from goodinit.netlib.ranks import MPIRanks, Ranks, launched
from goodinit.tools.plots.figures import COLORS, save

BATCHES = {'caffenet': 64, 'fitnet4/relu': 128}  # images of a step, of all ranks together
ONE, AT_ONCE, AT_THE_END = 'one process', 'two ranks', 'two ranks, sums at the end'
STEPS = {'caffenet': 4, 'fitnet4/relu': 5}  # of a sample, after two that warm up
ROWS = {'layer': 'layers, backward', 'sum': 'sums of gradients', 'wait': 'waiting for sums'}
Sample = dict[str, Any]
Event = tuple[str, float, float]  # what, and the seconds since the step began from when till when


class TracedRanks(MPIRanks):
    """Notes when sums begin, and when they are found to have ended."""

    def __init__(self, ranks: MPIRanks):
        super().__init__(ranks.communicator)
        self.begun: list[tuple[Any, float]] = []
        self.events: list[Event] = []
        self.clock = time.perf_counter

    def start_sum(self, array: np.ndarray) -> None:
        super().start_sum(array)
        self.begun.append((self._sums[-1][0], self.clock()))
        self.look()

    def finish_sums(self) -> None:
        begin = self.clock()
        while self.begun:
            self.look()
        super().finish_sums()
        self.events.append(('wait', begin, self.clock()))

    def look(self) -> None:
        """Note the sums that have ended by now."""
        now = self.clock()
        ended = [pair for pair in self.begun if pair[0].Test()]
        self.begun = [pair for pair in self.begun if pair not in ended]
        self.events += [('sum', begin, now) for _, begin in ended]


def main() -> None:
    args = arguments()
    if args.sample:
        print_sample(args.sample, args.at_the_end)
        return
    if shutil.which('mpiexec') is None:
        raise SystemExit("no mpiexec: pip install 'goodinit[mpi]' mpich")
    numbers: dict[str, Any] = {'batches': BATCHES, 'repeats': args.repeats}
    traces = {}
    for net in BATCHES:
        samples = {name: [sample(net, name)] for name in (ONE, AT_ONCE, AT_THE_END)}
        for _ in range(args.repeats - 1):
            for name, found in samples.items():
                found.append(sample(net, name))
        numbers[net] = seconds_of(samples)
        traces[net] = samples[AT_ONCE][-1]['events']
        show(net, numbers[net])
    path = write_numbers('several', numbers | {'trace of rank 0': traces})
    draw(traces, path.with_suffix('.png'))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--repeats', type=positive, default=5, help='(default: %(default)s)')
    parser.add_argument('--sample', choices=BATCHES, help=argparse.SUPPRESS)
    parser.add_argument('--at-the-end', action='store_true', help=argparse.SUPPRESS)
    return parser.parse_args()


def sample(net: str, name: str) -> Sample:
    """Seconds of a step, and the events of the last one."""
    command = [sys.executable, __file__, '--sample', net]
    threads = 2
    if name != ONE:
        command = ['mpiexec', '-n', '2', *command]
        threads = 1
    if name == AT_THE_END:
        command.append('--at-the-end')
    variables = environment() | {'OMP_NUM_THREADS': str(threads), 'OPENBLAS_NUM_THREADS': '1'}
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f'{name}, {net}: {done.stderr.strip().splitlines()[-1:]}')
    return json.loads(done.stdout)


def seconds_of(samples: dict[str, list[Sample]]) -> dict[str, list[float]]:
    found = {}
    for name, some in samples.items():
        found[name] = [each['seconds'] for each in some]
    return found


def show(net: str, seconds: dict[str, list[float]]) -> None:
    alone = median(seconds[ONE])
    for name, found in seconds.items():
        took = median(found)
        print(f'{net:12} {name:27} {1e3 * took:7.0f} ms a step, efficiency {alone / took:.2f}')


# -- a sample


def print_sample(net: str, at_the_end: bool) -> None:
    """On rank 0: the seconds of a step, the median, and the events of the last one as JSON."""
    ranks = launched()
    if isinstance(ranks, MPIRanks):
        ranks = TracedRanks(ranks)
    param = trained(net, BATCHES[net] // ranks.size)
    solver = filled_solver(param, make_engine('fast'), share_memory=True, ranks=ranks)
    if at_the_end:
        solver.net.after_backward.clear()
    marks: list[tuple[str, float]] = []
    names = [layer.name for layer in solver.net.layers]
    solver.net.after_backward.append(lambda i: marks.append((names[i], time.perf_counter())))
    seconds = []
    for step in range(2 + STEPS[net]):
        ranks.wait()
        marks.clear()
        if isinstance(ranks, TracedRanks):
            ranks.events.clear()
        begin = time.perf_counter()
        solver.step(1)
        if step >= 2:
            seconds.append(time.perf_counter() - begin)
    if ranks.rank == 0:
        events = events_of_step(marks, ranks, begin)
        print(json.dumps({'seconds': median(seconds), 'events': events}))


def events_of_step(marks: list[tuple[str, float]], ranks: Ranks, begin: float) -> list[Event]:
    """Layers run backward one after another, so each begins where the one before ends."""
    events = []
    for (_, before), (name, after) in pairwise(marks):
        events.append((name, before - begin, after - begin))
    if isinstance(ranks, TracedRanks):
        events += [(what, start - begin, end - begin) for what, start, end in ranks.events]
    return events


# -- the picture


def draw(traces: dict[str, list[Event]], path: Path) -> None:
    """Draw the traces, if matplotlib is there."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        print('no picture without matplotlib')
        return
    figure = Figure(figsize=(8, 2.4 * len(traces)), layout='constrained')
    panels = figure.subplots(len(traces), squeeze=False)[:, 0]
    for axes, (net, events) in zip(panels, traces.items(), strict=True):
        rows = list(ROWS.values())
        for i, spans in enumerate(spans_of(events).values()):
            axes.broken_barh(spans, (i - 0.4, 0.8), facecolor=COLORS[i], edgecolor='white')
        axes.set_yticks(range(len(rows)), rows)
        axes.invert_yaxis()
        axes.set_title(f'{net}: a training step of rank 0 of 2')
        axes.set_xlabel('seconds since the step began')
    save(figure, path)
    print(path)


def spans_of(events: list[Event]) -> dict[str, list[tuple[float, float]]]:
    """{row: [when each of its events begins, and how long it takes]}."""
    spans: dict[str, list[tuple[float, float]]] = {row: [] for row in ROWS.values()}
    for what, start, end in events:
        spans[ROWS.get(what, ROWS['layer'])].append((start, end - start))
    return spans


if __name__ == '__main__':
    main()
