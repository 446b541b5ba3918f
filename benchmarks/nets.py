"""Milliseconds of whole nets: this project's engines against PyTorch and OpenCV, on the CPU.

    pip install torch==2.13.0
    python benchmarks/nets.py --nets caffenet fitnet4 --repeats 5

Each candidate lives in a process of its own and runs one task when it is asked; the candidates take
turns, so that what else the machine does falls on all alike. Medians are printed, with their ratio
to PyTorch's and, as if convolutions were computed as they are defined, their share of the
processor's peak; memory is that of a process that only trains. All samples go to
results/DATE-nets.json, with a plot.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np
from goodinit.benchmarks.initializers import environment, machine
from goodinit.benchmarks.subjects import NETS, batch_of, deployed, filled, trained
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.proto import caffe_pb2 as pb
from goodinit.proto import parse_text, write_text

from goodinit import Solver

RESULTS = Path(__file__).parent / 'results'
PASSES = {
    'forward of one': 1,
    'forward': 1,
    'forward, backward': 3,
    'SGD step': 3,
}  # of as many operations
TASKS = tuple(PASSES)
PLOTTED = ('forward of one', 'forward', 'SGD step')
TURN = 0.1  # seconds: shorter tasks run several times in a turn
# What a PyTorch user may tune: images stored channels last, and freed memory kept by the process.
TUNED = {
    'MALLOC_MMAP_THRESHOLD_': '4294967296',
    'MALLOC_TRIM_THRESHOLD_': '4294967296',
    'MALLOC_TOP_PAD_': '268435456',
}
CANDIDATES = {
    'reference': {},
    'fast': {},
    'exact': {},
    'torch': {},
    'torch tuned': TUNED,
    'opencv': {},
}
SOLVER = 'base_lr: 1e-6 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005 max_iter: 1000000 snapshot_prefix: "x"'


def main() -> None:
    args = arguments()
    if args.worker:
        return work(args.worker, args.nets[0])
    rate = peak()
    samples = {net: measure(net, args, rate) for net in args.nets}
    now = datetime.now(UTC)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f'{now:%Y-%m-%d-%H%M}-nets.json'
    numbers = {
        'date': f'{now:%Y-%m-%d %H:%M} UTC',
        'machine': machine(),
        'gflops_peak': rate,
        'gflop_forward': {net: gflop(net) for net in args.nets},
        'batch': {net: NETS[net][1] for net in args.nets},
        'samples': samples,
    }
    path.write_text(json.dumps(numbers, indent=1) + '\n')
    plot(numbers, path.with_suffix('.png'))
    print(path)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--nets', nargs='+', choices=NETS, default=list(NETS))
    parser.add_argument('--candidates', nargs='+', choices=CANDIDATES, default=list(CANDIDATES))
    parser.add_argument(
        '--repeats', type=int, default=5, help='samples of each task (default: %(default)s)'
    )
    # what a fresh process is asked for
    parser.add_argument('--worker', choices=CANDIDATES, help=argparse.SUPPRESS)
    return parser.parse_args()


# -- the process that asks


def measure(net: str, args: argparse.Namespace, rate: float) -> dict:
    """{candidate: {task: milliseconds, 'peak_mb': number}} of a net."""
    workers = {name: Worker(name, net) for name in args.candidates}
    samples: dict = {name: {task: [] for task in worker.tasks} for name, worker in workers.items()}
    for task in TASKS:
        for _ in range(args.repeats + 1):  # the first one warms up
            for name, worker in workers.items():
                if task in worker.tasks:
                    samples[name][task].append(worker.ask(task))
    for name, worker in workers.items():
        for task in worker.tasks:
            del samples[name][task][0]
        worker.process.terminate()
        samples[name]['peak_mb'] = peak_mb(name, net)
        show(net, name, samples, rate)
    return samples


def peak_mb(name: str, net: str) -> float:
    """The memory of a process that does nothing but train, or if the candidate cannot but run
    forward."""
    worker = Worker(name, net)
    for _ in range(3):
        worker.ask(worker.tasks[-1])
    peak = worker.ask('peak_mb')
    worker.process.terminate()
    return peak


class Worker:
    """A candidate in its process, ready to run the tasks that it knows."""

    def __init__(self, name: str, net: str):
        command = [sys.executable, __file__, '--worker', name, '--nets', net]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment() | CANDIDATES[name],
        )
        self.tasks = json.loads(self.process.stdout.readline() or '[]')

    def ask(self, task: str) -> float:
        print(task, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


def show(net: str, name: str, samples: dict, rate: float) -> None:
    cells, operations = [], gflop(net)
    for task in filter(samples[name].get, TASKS):
        ms, torch = median(samples[name][task]), samples.get('torch', {}).get(task)
        images = 1 / NETS[net][1] if task == 'forward of one' else 1
        ratio = f'{ms / median(torch):.2f}, ' if torch else ''
        cells.append(
            f'{task} {ms:.1f} ms ({ratio}{1e3 * PASSES[task] * images * operations / rate / ms:.0%})'
        )
    print(
        f'{net:10} {name:12}',
        '  '.join(cells),
        f'  peak {samples[name]["peak_mb"]:.0f} MB',
        flush=True,
    )


# -- the process that works


def work(name: str, net: str) -> None:
    """Say which tasks there are; then for each line with the name of one, the milliseconds that it
    took.

    What a task needs is made when it is first asked for."""
    tasks = MAKERS[name.split()[0]](name, net)
    print(json.dumps(list(tasks)), flush=True)
    for line in map(str.strip, sys.stdin):
        if line == 'peak_mb':
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
            continue
        start, runs = time.perf_counter(), 0
        while not runs or time.perf_counter() < start + TURN:
            tasks[line]()
            runs += 1
        print(1e3 * (time.perf_counter() - start) / runs, flush=True)


def ours(name: str, net: str) -> dict[str, Callable]:
    engine, batch = make_engine(name), NETS[net][1]

    @cache
    def tester(images):
        made = filled(deployed(net, images), pb.TEST, net, engine)
        made.share_memory()
        return made

    @cache
    def solver():
        param = parse_text(SOLVER, pb.SolverParameter(net_param=trained(net)))
        made = Solver(
            param,
            engine=engine,
            fill=lambda net: fill(net, np.random.default_rng(0)),
            share_memory=True,
        )
        made.net.blobs['data'].data, made.net.blobs['label'].data = batch_of(net, batch)
        return made

    def both():
        trainer = solver().net
        trainer.clear_param_diffs()
        trainer.forward()
        trainer.backward()

    return dict(
        zip(
            TASKS,
            (
                lambda: tester(1).forward(),
                lambda: tester(batch).forward(),
                both,
                lambda: solver().step(1),
            ),
            strict=True,
        )
    )


def torchs(name: str, net: str) -> dict[str, Callable]:
    import torch
    from goodinit.benchmarks.torch_nets import TorchNet

    layout, batch = (
        torch.channels_last if name.endswith('tuned') else torch.contiguous_format,
        NETS[net][1],
    )

    def module(param, phase):
        shapes = {n: blob.shape for n, blob in Net(param, phase).blobs.items()}
        return TorchNet(param, shapes).to(memory_format=layout)

    @cache
    def inputs(images):
        x, label = map(torch.from_numpy, batch_of(net, images))
        return {'data': x.to(memory_format=layout), 'label': label}

    @cache
    def deploy():
        return module(deployed(net, 1), pb.TEST).eval()

    @cache
    def trainer():
        train = module(trained(net), pb.TRAIN)
        return train, torch.optim.SGD(train.parameters(), 1e-6, momentum=0.9, weight_decay=5e-4)

    def forward(images):
        module, x = deploy(), inputs(images)  # made where gradients are allowed
        with torch.inference_mode():
            module(x)

    def both():
        train, optimizer = trainer()
        optimizer.zero_grad()
        train(inputs(batch)).backward()

    def step():
        both()
        trainer()[1].step()

    return dict(zip(TASKS, (lambda: forward(1), lambda: forward(batch), both, step), strict=True))


def opencv(name: str, net: str) -> dict[str, Callable]:
    import tempfile

    import cv2

    @cache
    def reader(images):
        made = filled(deployed(net, images), pb.TEST, net)
        with tempfile.TemporaryDirectory() as folder:
            write_text(deployed(net, images), Path(folder, 'net.prototxt'))
            made.save(f'{folder}/net.caffemodel')
            return cv2.dnn.readNetFromCaffe(f'{folder}/net.prototxt', f'{folder}/net.caffemodel')

    def forward(images):
        reader(images).setInput(batch_of(net, images)[0])
        reader(images).forward()

    return dict(zip(TASKS, (lambda: forward(1), lambda: forward(NETS[net][1])), strict=False))


# -- what the numbers are compared with


def peak() -> float:
    """Multiply-adds twice, in 10^9 a second, that the fast engine's kernels do where nothing else
    is in the way."""
    kernels, rates = make_engine('fast').kernels, []
    for _ in range(10):
        start = time.perf_counter()
        rates.append(2e-9 * kernels.multiply_adds(10**7) / (time.perf_counter() - start))
    return max(rates)


def gflop(net: str) -> float:
    """10^9 operations of the convolutions and inner products of a forward pass, as their
    definitions count them."""
    made = Net(deployed(net, NETS[net][1]), pb.TEST)
    return 2e-9 * sum(
        top[0].count * layer.weight.count // layer.num_output
        for layer, top in zip(made.layers, made.tops, strict=True)
        if hasattr(layer, 'weight')
    )


def plot(numbers: dict, path: Path) -> None:
    """The times of three tasks as multiples of PyTorch's, for the candidates that have the task."""
    from goodinit.tools.plots.figures import COLORS, legend_above, save
    from matplotlib.figure import Figure

    nets, names = list(numbers['samples']), list(next(iter(numbers['samples'].values())))
    figure = Figure(figsize=(9, 9), layout='constrained')
    for axes, task in zip(figure.subplots(len(PLOTTED), sharex=True), PLOTTED, strict=True):
        for i, name in enumerate(names):
            bars = [
                (k + 0.8 * i / len(names), ratio(numbers['samples'][net], name, task))
                for k, net in enumerate(nets)
                if task in numbers['samples'][net][name]
            ]
            axes.bar(
                *zip(*bars, strict=True) if bars else ([], []),
                0.75 / len(names),
                label=name,
                color=COLORS[i % len(COLORS)],
            )
        axes.set_xticks([k + 0.4 - 0.4 / len(names) for k in range(len(nets))], nets)
        axes.set_ylabel(task)
    legend_above(figure, figure.axes[0].containers, "time as a multiple of PyTorch's")
    save(figure, path)


def ratio(samples: dict, name: str, task: str) -> float:
    return median(samples[name][task]) / median(samples.get('torch', samples[name])[task])


MAKERS = {'reference': ours, 'fast': ours, 'exact': ours, 'torch': torchs, 'opencv': opencv}


if __name__ == '__main__':
    main()
