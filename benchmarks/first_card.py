#!/usr/bin/env python3
"""What the first run on a card is to find out. first_card.sh runs it after the tests.

    python benchmarks/first_card.py ours            our CUDA engine
    python benchmarks/first_card.py torch           PyTorch, eagerly, the same nets
    python benchmarks/first_card.py ours lenet=64   other nets, with their batches

Ours: seconds of a training step and of a forward pass in float32 and TF32, the host's part of them,
each kernel's part, the most memory in use; rates of memory, launches, uploads and products; what
cuDNN offers and what is chosen; whether two trainings end in the same bits. All of it goes to
results/DATE-first-card-CARD-ours.json, again after each part, so that what is cut short is kept.
"""

import argparse
import gc
import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from goodinit.benchmarks import card_parts
from goodinit.benchmarks.card_timing import Repeats, kernel_times, timed
from goodinit.benchmarks.gpu import install_emulated_device, peaks
from goodinit.benchmarks.gpu_passes import Passes, our_run, torch_passes
from goodinit.benchmarks.machine import about, dated_path
from goodinit.benchmarks.peers import missing
from goodinit.netlib.engines.cuda.device import open_device
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.tools.bvlc.devices import versions

NETS = {'lenet': 64, 'fitnet4/relu': 128, 'caffenet': 256, 'resnet50': 64, 'vgg16': 64}
SHOWN = 8  # kernels of a net that are printed
Numbers = dict[str, Any]


class Report:
    """The numbers so far, and the file that holds them."""

    def __init__(self, args: argparse.Namespace):
        self.card = open_device().cuda.Device(0).name()
        name = re.sub(r'\W+', '-', self.card.lower())
        self.path = dated_path(f'first-card-{name}-{args.whose}.json', args.out)
        self.numbers: Numbers = {'gpu': self.card, 'emulated': args.emulated}

    def add(self, part: str, measure: Callable[[], object]) -> None:
        """Measure a part, print and keep it. A part that fails says so; the next one may not."""
        found: object
        try:
            found = measure()
        except Exception as error:
            found = {'failed': f'{type(error).__name__}: {error}'}
        self.numbers[part] = found
        self.path.write_text(json.dumps(about() | self.numbers, indent=1) + '\n', encoding='utf-8')
        print(f'{part}: {shortened(found)}', flush=True)


def shortened(found: object) -> str:
    """What a line of the log says of a part's numbers."""
    if isinstance(found, list):
        return f'{len(found)} rows'
    if not isinstance(found, dict):
        return f'{found:.4g}' if isinstance(found, float) else str(found)
    parts = [f'{name} {shortened(value)}' for name, value in list(found.items())[:SHOWN]]
    return ', '.join(parts)


def main() -> None:
    args = arguments()
    if args.emulated:
        install_emulated_device()
    report = Report(args)
    measure = measure_ours if args.whose == 'ours' else measure_torch
    measure(report, args)
    print(report.path)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('whose', choices=('ours', 'torch'))
    nets = f'nets and their batches (default: {" ".join(f"{n}={b}" for n, b in NETS.items())})'
    add('nets', metavar='NET=BATCH', nargs='*', type=net_and_batch, help=nets)
    add('--emulated', action='store_true', help='LeNet on the emulated device: a rehearsal')
    add('--out', type=Path, help='the folder for the JSON (default: results/)')
    args = parser.parse_args(argv)
    default = {'lenet': 2} if args.emulated else NETS
    args.nets = dict(args.nets) or default
    args.repeats = Repeats(1, 1) if args.emulated else Repeats()
    return args


def net_and_batch(text: str) -> tuple[str, int]:
    """A type of a net and the images in its batch: lenet=64."""
    name, _, batch = text.partition('=')
    return name, int(batch)


# -- ours


def measure_ours(report: Report, args: argparse.Namespace) -> None:
    """All parts, the cheap ones first."""
    small = args.emulated
    report.add('versions', versions)
    report.add('compile_seconds', card_parts.compile_seconds)
    engine = Cuda()
    numbers = 2**12 if small else 2**28
    report.add('memory_gb_per_s', lambda: card_parts.memory_rates(engine, numbers))
    report.add('launch_host_us', lambda: card_parts.launch_microseconds(engine))
    image_batch = 2**8 if small else 158 * 2**18  # as many as in 256 images of CaffeNet
    report.add('upload', lambda: card_parts.upload_rate(engine, image_batch))
    report.add('peak_tflops', lambda: peaks(64 if small else 8192))
    for net, batch in args.nets.items():
        for tf32 in (False, True):
            name = f'{net} b{batch} {"tf32" if tf32 else "float32"}'
            report.add(name, partial(measure_net, Cuda(tf32=tf32), net, batch, args))
            engine.device.pool.release()
    report.add('cudnn', lambda: card_parts.cudnn_choices(small))
    net, batch, steps = ('lenet', 2, 2) if small else ('fitnet4/relu', 128, 20)
    report.add('same_bits', lambda: card_parts.same_bits(net, batch, steps))


def measure_net(engine: Cuda, net: str, batch: int, args: argparse.Namespace) -> Numbers:
    """A training step and a forward pass of a net."""
    found: Numbers = {}
    gc.collect()  # the net before this one
    pool = engine.device.pool
    pool.peak = pool.used
    finish = engine.device.stream.synchronize
    for task, key in (('training step', 'step'), ('forward', 'forward')):
        run = our_run(engine, task, net, batch)
        took = timed(run, finish, args.repeats)
        found.setdefault('peak_mb', pool.peak / 1e6)  # of training
        found[f'{key}_ms'] = 1e3 * took.seconds
        found[f'{key}_host_ms'] = 1e3 * took.host_seconds
        found[f'{key}_images_per_s'] = batch / took.seconds
        kernels = kernel_times(engine, run, args.emulated)
        found[f'{key}_kernels_ms'] = sum(part['ms'] for part in kernels.values())
        found[f'{key}_calls'] = sum(part['calls'] for part in kernels.values())
        found[f'{key}_kernels'] = kernels
    return found


# -- PyTorch


def measure_torch(report: Report, args: argparse.Namespace) -> None:
    """Training steps in PyTorch, eagerly."""
    reason = missing('torch')
    if reason:
        report.add('torch', lambda: reason)
        return
    import torch

    report.add('torch', lambda: f'{torch.__version__}, cuDNN {torch.backends.cudnn.version()}')
    for net, batch in args.nets.items():
        for words in (['torch'], ['torch', 'tf32']):
            name = f'{net} b{batch} {"tf32" if "tf32" in words else "float32"}'
            report.add(name, partial(measure_passes, words, net, batch, args.repeats))
            torch.cuda.empty_cache()


def measure_passes(words: list[str], net: str, batch: int, repeats: Repeats) -> Numbers:
    """A training step in PyTorch."""
    passes: Passes = torch_passes(words, 'training step', net, batch)
    took = timed(passes.run, passes.finish, repeats)
    return {
        'step_ms': 1e3 * took.seconds,
        'step_host_ms': 1e3 * took.host_seconds,
        'step_images_per_s': batch / took.seconds,
        'peak_mb': passes.peak_mb(),
    }


if __name__ == '__main__':
    main()
