"""Training steps and forward passes on a GPU: this project's CUDA engine beside PyTorch on the same
card. And whole initializations of CaffeNet on it, beside those on the CPU.

    pip install -e '.[cuda]' torch
    python benchmarks/gpu.py --quick

Each candidate lives in a process of its own with its batch on the card; they take turns, and each
turn is timed from an idle card to an idle card. Printed are medians: images a second, TFLOP/s as
the definitions of convolutions and inner products count them, their share of what a large product
of matrices reaches on the card in the same precision, and the most memory that was in use. All
samples go to results/DATE-gpu.json. Without torch ours run alone.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np
from goodinit.benchmarks.initializers import RESULTS, environment, machine
from goodinit.feeding.bundled import find_model
from goodinit.feeding.input_layers import with_inputs
from goodinit.feeding.net_file import read_net_file
from goodinit.initializers import PRESETS, fill, initialize
from goodinit.netlib import Net
from goodinit.netlib.engines import Engine, make_engine
from goodinit.netlib.engines.cuda.device import open_device
from goodinit.proto import parse_text, read_net
from goodinit.proto.caffe_pb2 import TEST, TRAIN, NetParameter, SolverParameter
from goodinit.tools.bvlc.timing import wait

from goodinit import Solver

NETS = {
    'caffenet': 256,
    'googlenet': 128,
    'vgg16': 64,
    'fitnet4/relu': 128,
    'resnet50': 64,
}  # images in a batch
TASKS = ('training step', 'forward')
CANDIDATES = ('ours', 'ours tf32', 'torch', 'torch tf32', 'torch compiled', 'torch tf32 compiled')
INITIALIZERS = {
    'lsuv': 1,
    'pca': 5,
    'kmeans': 5,
}  # batches: more where weights come from samples, as in the paper
PLACES = {'gpu': 'cuda', 'cpu': 'fast'}  # where they compute: engines
INIT_BATCH, INIT_TURNS = 32, 2
SOLVER = 'base_lr: 1e-6 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005 max_iter: 1000000 snapshot_prefix: "x"'
PEAK_SIZE = 8192  # rows and columns of the matrices whose product gives the peak


def main() -> None:
    args = arguments()
    if args.emulated:
        install_emulated_device()
    if args.worker:
        return work(args.worker, args.task, args.nets[0], args)
    rates = peaks(64 if args.emulated else PEAK_SIZE)
    results = {net: {task: measure(net, task, args, rates) for task in TASKS} for net in args.nets}
    init = {method: measure_initializer(method, args) for method in INITIALIZERS}
    now = datetime.now(UTC)
    folder = args.out or RESULTS
    folder.mkdir(exist_ok=True)
    path = folder / f'{now:%Y-%m-%d-%H%M}-gpu.json'
    numbers = {
        'date': f'{now:%Y-%m-%d %H:%M} UTC',
        'machine': machine(),
        'gpu': open_device().cuda.Device(0).name(),
        'emulated': args.emulated,
        'peak_tflops': rates,
        'batch': {net: batch_size(net, args) for net in args.nets},
        'results': results,
        'initializers': init,
    }
    path.write_text(json.dumps(numbers, indent=1) + '\n')
    print(path)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('--nets', nargs='+', help=f'bundled models (default: {" ".join(NETS)})')
    add('--candidates', nargs='+', choices=CANDIDATES, help='(default: all; without torch ours)')
    add('--batch', type=int, help="images in a batch (default: each net's own)")
    add('--repeats', type=int, default=7, help='turns of each candidate (default: %(default)s)')
    add('--iterations', type=int, default=10, help='passes in a turn (default: %(default)s)')
    add('--quick', action='store_true', help='two nets, 3 turns of 5 passes, nothing compiled')
    add(
        '--emulated',
        action='store_true',
        help='LeNet on the emulated device, to see that this runs',
    )
    add('--out', type=Path, help='the folder for the JSON (default: results/)')
    add('--worker', choices=CANDIDATES, help=argparse.SUPPRESS)  # what a fresh process is asked for
    add('--task', choices=TASKS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.quick:
        args.repeats, args.iterations = 3, 5
    if args.emulated:
        args.repeats, args.iterations, args.batch = 2, 1, args.batch or 2
    args.init_net = 'lenet' if args.emulated else 'caffenet'
    args.nets = args.nets or (
        ['lenet'] if args.emulated else list(NETS)[:2] if args.quick else list(NETS)
    )
    args.candidates = args.candidates or [
        name
        for name in CANDIDATES
        if not (
            'torch' in name
            and (args.emulated or not importlib.util.find_spec('torch'))
            or 'compiled' in name
            and args.quick
        )
    ]
    return args


def install_emulated_device() -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / 'tests' / 'helpers'))
    import emulated_device

    emulated_device.install()


# -- the process that asks


def measure(net: str, task: str, args: argparse.Namespace, rates: dict[str, float]) -> dict:
    """{candidate: {'seconds': a pass in each turn, 'peak_mb': number}}; what runs out of memory is
    left out."""
    workers = {name: Worker(name, net, task, args) for name in args.candidates}
    # The first turn warms up.
    turns = [
        {name: worker.ask('turn') for name, worker in workers.items()}
        for _ in range(args.repeats + 1)
    ]
    results = {
        name: {'seconds': [turn[name] for turn in turns[1:]], 'peak_mb': worker.ask('peak_mb')}
        for name, worker in workers.items()
        if None not in [turn[name] for turn in turns]
    }
    for worker in workers.values():
        worker.process.kill()
    show(net, task, batch_size(net, args), results, rates)
    return results


class Worker:
    """A candidate in its process, ready to take turns."""

    def __init__(self, name: str, net: str, task: str, args: argparse.Namespace):
        command = [
            sys.executable,
            __file__,
            '--worker',
            name,
            '--task',
            task,
            '--nets',
            net,
            '--batch',
            str(batch_size(net, args)),
            '--iterations',
            str(args.iterations),
        ]
        self.process = subprocess.Popen(
            command + ['--emulated'] * args.emulated,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        self.answer()  # of each before the next one starts

    def ask(self, question: str) -> float | None:
        """The answer; None from a process that has ended, as it does without memory."""
        try:
            self.process.stdin.write(f'{question}\n')
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        return self.answer()

    def answer(self) -> float | None:
        line = self.process.stdout.readline()
        return float(line) if line else None


def show(net: str, task: str, batch: int, results: dict, rates: dict[str, float]) -> None:
    operations = flop(net, batch) * (3 if task == 'training step' else 1)
    for name, result in results.items():
        took = median(result['seconds'])
        tflops = 1e-12 * operations / took
        share = tflops / rates['tf32' if 'tf32' in name else 'float32']
        print(
            f'{net:12} {task:13} {name:19} {batch / took:8.0f} images/s  {tflops:6.2f} TFLOP/s  {share:4.0%}  '
            f'{result["peak_mb"]:6.0f} MB',
            flush=True,
        )


def batch_size(net: str, args: argparse.Namespace) -> int:
    return args.batch or NETS.get(net, 64)


def flop(net: str, batch: int) -> float:
    """Operations of the convolutions and inner products of a forward pass."""
    made = Net(deployed(net, batch), TEST, engine='reference')
    return 2 * sum(
        top[0].count * layer.weight.count // layer.num_output
        for layer, top in zip(made.layers, made.tops, strict=True)
        if hasattr(layer, 'weight')
    )


def peaks(size: int) -> dict[str, float]:
    """TFLOP/s of a product of two matrices, in both precisions."""
    return {
        name: product_rate(make_engine('cuda', tf32=name == 'tf32'), size)
        for name in ('float32', 'tf32')
    }


def product_rate(engine: Engine, size: int) -> float:
    a, b, out = (engine.tensor(size, size) for _ in range(3))
    rng = np.random.default_rng(0)
    for matrix in (a, b):
        matrix.array()[...] = rng.standard_normal((size, size), np.float32)
    best = min(
        seconds(lambda: engine.gemm(a, b, out=out), lambda: wait(engine), 10) for _ in range(3)
    )
    return 2e-12 * size**3 / best


def measure_initializer(method: str, args: argparse.Namespace) -> dict[str, list[float]]:
    """{where: seconds of an initialization in each turn}."""
    runs = {where: initialization(method, engine, args) for where, engine in PLACES.items()}
    turns = [
        {where: seconds(*run, 1) for where, run in runs.items()} for _ in range(1 + INIT_TURNS)
    ][1:]
    for where in runs:
        print(
            f'{args.init_net:12} {method:13} {where:19} {median(turn[where] for turn in turns):8.3f} s',
            flush=True,
        )
    return {where: [turn[where] for turn in turns] for where in runs}


def initialization(method: str, engine: str, args: argparse.Namespace) -> tuple[Callable, Callable]:
    """A run of a preset, from batches in memory to weights, and what waits for its end."""
    param = trained(args.init_net, args.batch or INIT_BATCH)
    net = Net(param, TRAIN, engine=engine, seed=0)
    fill(net, np.random.default_rng(0))
    batches = [inputs(param, seed) for seed in range(INITIALIZERS[method])]
    return lambda: initialize(
        net, batches, PRESETS[method], np.random.default_rng(0)
    ), lambda: wait(net.engine)


# -- the process that works


def work(name: str, task: str, net: str, args: argparse.Namespace) -> None:
    """Say 0 when ready; then for each line 'turn' the seconds of a pass, for 'peak_mb' the memory
    that was in use."""
    make = ours if name.startswith('ours') else torchs
    run, finish, peak_mb = make(name.split(), task, net, args.batch)
    print(0, flush=True)
    for line in map(str.strip, sys.stdin):
        print(peak_mb() if line == 'peak_mb' else seconds(run, finish, args.iterations), flush=True)


def seconds(run: Callable[[], object], finish: Callable[[], None], times: int) -> float:
    """A run's, from an idle card to an idle card."""
    finish()
    start = time.perf_counter()
    for _ in range(times):
        run()
    finish()
    return (time.perf_counter() - start) / times


Passes = tuple[
    Callable[[], object], Callable[[], None], Callable[[], float]
]  # a pass, wait, megabytes in use


def deployed(net: str, batch: int) -> NetParameter:
    param = read_net(find_model(net, 'deploy'))
    param.layer[0].input_param.shape[0].dim[0] = batch
    return param


def trained(net: str, batch: int) -> NetParameter:
    """The net in training, with inputs in place of its data layers."""
    image = deployed(net, batch).layer[0].input_param.shape[0].dim
    return with_inputs(read_net_file(net).param, {'data': tuple(image), 'label': (batch,)})


def inputs(param: NetParameter, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in param.layer:
        if layer.type == 'Input':
            shapes |= dict(
                zip(layer.top, (tuple(shape.dim) for shape in layer.input_param.shape), strict=True)
            )
    return {
        name: rng.standard_normal(shape, np.float32)
        if len(shape) == 4
        else rng.integers(0, 10, shape)
        for name, shape in shapes.items()
    }


def ours(words: list[str], task: str, net: str, batch: int) -> Passes:
    engine = make_engine('cuda', tf32='tf32' in words)
    if task == 'forward':
        made = Net(deployed(net, batch), TEST, engine=engine)
        fill(made, np.random.default_rng(0))
        run = made.run
    else:
        solver = Solver(
            parse_text(SOLVER, SolverParameter(net_param=trained(net, batch))),
            engine=engine,
            fill=lambda net: fill(net, np.random.default_rng(0)),
        )
        made, run = solver.net, lambda: solver.step(1)
    for name, values in inputs(made.param).items():
        made.blobs[name].data = values
    return run, lambda: wait(engine), lambda: engine.device.pool.peak / 1e6


def torchs(words: list[str], task: str, net: str, batch: int) -> Passes:
    import torch
    from goodinit.benchmarks.torch_nets import TorchNet

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = 'tf32' in words
    torch.backends.cudnn.benchmark = True
    param = deployed(net, batch) if task == 'forward' else trained(net, batch)
    shapes = {name: blob.shape for name, blob in Net(param, TEST, engine='reference').blobs.items()}
    module = TorchNet(param, shapes).cuda()
    blobs = {name: torch.from_numpy(values).cuda() for name, values in inputs(param).items()}
    called = torch.compile(module) if 'compiled' in words else module
    optimizer = torch.optim.SGD(module.parameters(), 1e-6, momentum=0.9, weight_decay=5e-4)

    def forward():
        with torch.inference_mode():
            called(blobs)

    def step():
        optimizer.zero_grad()
        called(blobs).backward()
        optimizer.step()

    if task == 'forward':
        module.eval()
    return (
        forward if task == 'forward' else step,
        torch.cuda.synchronize,
        lambda: torch.cuda.max_memory_allocated() / 1e6,
    )


if __name__ == '__main__':
    main()
