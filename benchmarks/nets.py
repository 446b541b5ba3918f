"""Milliseconds of whole nets: this project's engines against PyTorch and OpenCV, on the CPU.

    pip install torch==2.13.0
    python benchmarks/nets.py --nets caffenet fitnet4 --repeats 5

Each candidate lives in a process of its own and runs one task when it is asked; the candidates take turns, so that what
else the machine does falls on all alike. Medians are printed; all samples go to results/DATE-nets.json, with a plot.
"""
import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np
from goodinit import Solver
from goodinit.benchmarks.initializers import environment, machine
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.proto import caffe_pb2 as pb
from goodinit.proto import parse_text, read_net, write_text

RESULTS = Path(__file__).parent / 'results'
MODELS = Path(__file__).parents[1] / 'models'
# name: folder, batch, shape of an image, classes
NETS = {'lenet': ('lenet', 64, (1, 28, 28), 10), 'fitnet4': ('fitnet4/relu', 128, (3, 32, 32), 10),
        'caffenet': ('caffenet', 32, (3, 227, 227), 1000), 'googlenet': ('googlenet', 16, (3, 224, 224), 1000),
        'resnet50': ('resnet50', 8, (3, 224, 224), 1000), 'vgg16': ('vgg16', 4, (3, 224, 224), 1000)}
TASKS = ('forward of one', 'forward', 'forward, backward', 'SGD step')
# What a PyTorch user may tune: images stored channels last, and freed memory kept by the process.
TUNED = {'MALLOC_MMAP_THRESHOLD_': '4294967296', 'MALLOC_TRIM_THRESHOLD_': '4294967296', 'MALLOC_TOP_PAD_': '268435456'}
CANDIDATES = {'reference': {}, 'fast': {}, 'exact': {}, 'torch': {}, 'torch tuned': TUNED, 'opencv': {}}
SOLVER = 'base_lr: 1e-6 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005 max_iter: 1000000 snapshot_prefix: "x"'


def main() -> None:
    args = arguments()
    if args.worker:
        return work(args.worker, args.nets[0])
    samples = {net: measure(net, args) for net in args.nets}
    now = datetime.now(UTC)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f'{now:%Y-%m-%d-%H%M}-nets.json'
    numbers = {'date': f'{now:%Y-%m-%d %H:%M} UTC', 'machine': machine(), 'gflops_peak': peak(),
               'gflop_forward': {net: gflop(net) for net in args.nets},
               'batch': {net: NETS[net][1] for net in args.nets}, 'samples': samples}
    path.write_text(json.dumps(numbers, indent=1) + '\n')
    plot(numbers, path.with_suffix('.png'))
    print(path)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--nets', nargs='+', choices=NETS, default=list(NETS))
    parser.add_argument('--candidates', nargs='+', choices=CANDIDATES, default=list(CANDIDATES))
    parser.add_argument('--repeats', type=int, default=5, help='samples of each task (default: %(default)s)')
    # what a fresh process is asked for
    parser.add_argument('--worker', choices=CANDIDATES, help=argparse.SUPPRESS)
    return parser.parse_args()


# -- the process that asks ------------------------------------------------------------------------------------

def measure(net: str, args: argparse.Namespace) -> dict:
    """{candidate: {task: milliseconds, 'peak_mb': number}} of a net."""
    workers = {name: Worker(name, net) for name in args.candidates}
    samples: dict = {name: {task: [] for task in worker.tasks} for name, worker in workers.items()}
    for task in TASKS:
        for _ in range(args.repeats + 1):                   # the first one warms up
            for name, worker in workers.items():
                if task in worker.tasks:
                    samples[name][task].append(worker.ask(task))
    for name, worker in workers.items():
        for task in worker.tasks:
            del samples[name][task][0]
        samples[name]['peak_mb'] = worker.ask('peak_mb')
        worker.process.terminate()
        show(net, name, samples)
    return samples


class Worker:
    """A candidate in its process, ready to run the tasks that it knows."""

    def __init__(self, name: str, net: str):
        command = [sys.executable, __file__, '--worker', name, '--nets', net]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment() | CANDIDATES[name])
        self.tasks = json.loads(self.process.stdout.readline() or '[]')

    def ask(self, task: str) -> float:
        print(task, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


def show(net: str, name: str, samples: dict) -> None:
    times = {task: median(samples[name][task]) for task in TASKS if samples[name].get(task)}
    torch = samples.get('torch', {})
    ratios = {task: ms / median(torch[task]) for task, ms in times.items() if torch.get(task)}
    print(f'{net:10} {name:12}', '  '.join(f'{task} {ms:.1f} ms' + (f' ({ratios[task]:.2f})' if task in ratios else '')
                                           for task, ms in times.items()),
          f'  peak {samples[name]["peak_mb"]:.0f} MB', flush=True)


# -- the process that works ---------------------------------------------------------------------------------------

def work(name: str, net: str) -> None:
    """Say which tasks there are; then for each line with the name of one, the milliseconds that it took."""
    tasks = MAKERS[name.split()[0]](name, net)
    print(json.dumps(list(tasks)), flush=True)
    for line in map(str.strip, sys.stdin):
        if line == 'peak_mb':
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
            continue
        start = time.perf_counter()
        tasks[line]()
        print(1e3 * (time.perf_counter() - start), flush=True)


def deployed(net: str, batch: int) -> pb.NetParameter:
    param = read_net(MODELS / NETS[net][0] / 'deploy.prototxt')
    param.layer[0].input_param.shape[0].dim[0] = batch
    return param


def trained(net: str) -> pb.NetParameter:
    """The net in training, with inputs in place of its data layers."""
    folder, batch, shape, _ = NETS[net]
    source = read_net(MODELS / folder / 'train_val.prototxt')
    layers = [layer for layer in source.layer
              if layer.type != 'Data' and all(rule.phase == pb.TRAIN for rule in layer.include)]
    param = pb.NetParameter(name=source.name)
    param.layer.add(name='data', type='Input', top=['data', 'label'])
    for dim in ([batch, *shape], [batch]):
        param.layer[0].input_param.shape.add(dim=dim)
    param.layer.extend(layers)
    return param


def batch_of(net: str, images: int) -> tuple[np.ndarray, np.ndarray]:
    _, _, shape, classes = NETS[net]
    rng = np.random.default_rng(0)
    return rng.standard_normal((images, *shape), dtype='f4'), rng.integers(0, classes, images)


def filled(param: pb.NetParameter, phase: int, net: str, engine='reference') -> Net:
    made = Net(param, phase, engine=engine)
    fill(made, np.random.default_rng(0))
    x, label = batch_of(net, made.blobs['data'].shape[0])
    made.blobs['data'].data = x
    if 'label' in made.blobs:
        made.blobs['label'].data = label
    return made


def ours(name: str, net: str) -> dict[str, Callable]:
    engine = make_engine(name)
    one, many = (filled(deployed(net, n), pb.TEST, net, engine) for n in (1, NETS[net][1]))
    solver_param = parse_text(SOLVER, pb.SolverParameter(net_param=trained(net)))
    solver = Solver(solver_param, engine=engine, fill=lambda net: fill(net, np.random.default_rng(0)))
    x, label = batch_of(net, NETS[net][1])
    solver.net.blobs['data'].data, solver.net.blobs['label'].data = x, label

    def both():
        solver.net.clear_param_diffs()
        solver.net.forward()
        solver.net.backward()
    return dict(zip(TASKS, (one.forward, many.forward, both, lambda: solver.step(1)), strict=True))


def torchs(name: str, net: str) -> dict[str, Callable]:
    import torch
    from goodinit.benchmarks.torch_nets import TorchNet
    layout = torch.channels_last if name.endswith('tuned') else torch.contiguous_format
    def module(param, phase):
        shapes = {n: blob.shape for n, blob in Net(param, phase).blobs.items()}
        return TorchNet(param, shapes).to(memory_format=layout)
    def inputs(images):
        x, label = map(torch.from_numpy, batch_of(net, images))
        return {'data': x.to(memory_format=layout), 'label': label}
    batch = NETS[net][1]
    deploy, train = module(deployed(net, 1), pb.TEST).eval(), module(trained(net), pb.TRAIN)
    one, many = inputs(1), inputs(batch)
    optimizer = torch.optim.SGD(train.parameters(), 1e-6, momentum=0.9, weight_decay=5e-4)

    def forward(x):
        with torch.inference_mode():
            deploy(x)
    def both():
        optimizer.zero_grad()
        train(many).backward()
    def step():
        both()
        optimizer.step()
    return dict(zip(TASKS, (lambda: forward(one), lambda: forward(many), both, step), strict=True))


def opencv(name: str, net: str) -> dict[str, Callable]:
    import tempfile

    import cv2
    tasks = {}
    for task, images in (('forward of one', 1), ('forward', NETS[net][1])):
        made = filled(deployed(net, images), pb.TEST, net)
        with tempfile.TemporaryDirectory() as folder:
            write_text(deployed(net, images), Path(folder, 'net.prototxt'))
            made.save(f'{folder}/net.caffemodel')
            reader = cv2.dnn.readNetFromCaffe(f'{folder}/net.prototxt', f'{folder}/net.caffemodel')
        x, _ = batch_of(net, images)

        def forward(reader=reader, x=x):
            reader.setInput(x)
            reader.forward()
        tasks[task] = forward
    return tasks


# -- what the numbers are compared with -----------------------------------------------------------------------------

def peak() -> float:
    """Multiply-adds twice, in 10^9 a second, that the fast engine's kernels do where nothing else is in the way."""
    kernels, rates = make_engine('fast').kernels, []
    for _ in range(10):
        start = time.perf_counter()
        rates.append(2e-9 * kernels.multiply_adds(10 ** 7) / (time.perf_counter() - start))
    return max(rates)


def gflop(net: str) -> float:
    """10^9 operations of the convolutions and inner products of a forward pass, as their definitions count them."""
    made = Net(deployed(net, NETS[net][1]), pb.TEST)
    return 2e-9 * sum(top[0].count * layer.weight.count // layer.num_output
                      for layer, top in zip(made.layers, made.tops, strict=True) if hasattr(layer, 'weight'))


def plot(numbers: dict, path: Path) -> None:
    """Each net's SGD step (forward pass where a candidate has no other) as a multiple of PyTorch's."""
    from goodinit.tools.figures import COLOURS, save
    from matplotlib.figure import Figure
    figure = Figure(figsize=(9, 4), layout='constrained')
    axes = figure.subplots()
    nets, names = list(numbers['samples']), list(next(iter(numbers['samples'].values())))
    for i, name in enumerate(names):
        heights = []
        for net in nets:
            samples = numbers['samples'][net]
            task = 'SGD step' if 'SGD step' in samples[name] else 'forward'
            heights.append(median(samples[name][task]) / median(samples.get('torch', samples[name])[task]))
        axes.bar([k + 0.8 * i / len(names) for k in range(len(nets))], heights, 0.75 / len(names), label=name,
                 color=COLOURS[i % len(COLOURS)])
    axes.set_xticks([k + 0.4 - 0.4 / len(names) for k in range(len(nets))], nets)
    axes.set_ylabel('time of an SGD step, PyTorch = 1')
    axes.legend(frameon=False, ncols=3)
    save(figure, path)


MAKERS = {'reference': ours, 'fast': ours, 'exact': ours, 'torch': torchs, 'opencv': opencv}


if __name__ == '__main__':
    main()
