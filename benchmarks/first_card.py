"""What the first run on a card is to find out. first_card.sh runs it before the tests.

    python benchmarks/first_card.py ours            our CUDA engine
    python benchmarks/first_card.py torch           PyTorch, eagerly, the same nets
    python benchmarks/first_card.py ours lenet=64   other nets, with their batches

Ours: seconds of a training step and of a forward pass in float32 and TF32, the host's part of them,
each kernel's part, the most memory in use; rates of memory, launches, uploads and products; what
cuDNN offers and what is chosen; whether two trainings end in the same bits. All of it goes to
results/DATE-first-card-CARD-ours.json, again after each part, so that what is cut short is kept.

Each part of ours runs in a process of its own: an error of the card ends all that its process could
do.
"""

import argparse
import json
import os
import re
import subprocess
import sys
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
PART_SECONDS = 90  # for a part, at most
EAGER = {'lenet', 'fitnet4/relu', 'resnet50'}  # nets that are also run without captured graphs
Numbers = dict[str, Any]
Parts = dict[str, Callable[[], object]]


class Report:
    """The numbers so far, and the file that holds them."""

    def __init__(self, args: argparse.Namespace, card: str):
        name = re.sub(r'\W+', '-', card.lower())
        self.path = dated_path(f'first-card-{name}-{args.whose}.json', args.out)
        self.numbers: Numbers = {'gpu': card, 'emulated': args.emulated}

    def add(self, part: str, found: object) -> None:
        """Print and keep what was found."""
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
    if args.part:
        if args.emulated:
            install_emulated_device()
        print(json.dumps(parts_of(args)[args.part]()))
        return
    report = Report(args, apart(['--part', 'card'], os.environ))
    for part, measure in parts_of(args).items():
        if args.whose == 'torch':
            report.add(part, measure())  # all in this process: PyTorch takes long to start
        elif part != 'card':
            variables = {'GOODINIT_CUDA_GRAPHS': '0'} if part.endswith('no graphs') else {}
            report.add(part, apart(['--part', part], os.environ | variables))
    print(report.path)


def apart(words: Sequence[str], variables: Any) -> Any:
    """What a part finds in a process of its own, or how that failed."""
    command = [sys.executable, __file__, *sys.argv[1:], *words]
    try:
        done = subprocess.run(
            command, env=variables, capture_output=True, text=True, timeout=PART_SECONDS
        )
    except subprocess.TimeoutExpired:
        return {'failed': f'not done after {PART_SECONDS} s'}
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f'status {done.returncode}']
        return {'failed': said[-1], 'said': said[-12:]}
    return json.loads(done.stdout.splitlines()[-1])


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
    add('--part', help='print what this part alone finds, as JSON')
    args = parser.parse_args(argv)
    default = {'lenet': 2} if args.emulated else NETS
    args.nets = dict(args.nets) or default
    args.repeats = Repeats(1, 1) if args.emulated else Repeats()
    return args


def net_and_batch(text: str) -> tuple[str, int]:
    """A type of a net and the images in its batch: lenet=64."""
    name, _, batch = text.partition('=')
    return name, int(batch)


def parts_of(args: argparse.Namespace) -> Parts:
    """What can be measured, in order."""
    if args.part == 'card' or args.whose == 'ours':
        return {'card': lambda: open_device().cuda.Device(0).name()} | our_parts(args)
    return torch_parts(args)


# -- ours


def our_parts(args: argparse.Namespace) -> Parts:
    """All parts, the cheap ones first."""
    small = args.emulated
    numbers = 2**12 if small else 2**28
    image_batch = 2**8 if small else 158 * 2**18  # as many as in 256 images of CaffeNet
    parts: Parts = {
        'versions': versions,
        'compile_seconds': card_parts.compile_seconds,
        'memory_gb_per_s': lambda: card_parts.memory_rates(Cuda(), numbers),
        'launch_host_us': lambda: card_parts.launch_microseconds(Cuda()),
        'upload': lambda: card_parts.upload_rate(Cuda(), image_batch),
        'peak_tflops': lambda: peaks(64 if small else 8192),
    }
    for net, batch in args.nets.items():
        for precision in ('float32', 'tf32'):
            measure = partial(measure_net, precision, net, batch, args)
            parts[f'{net} b{batch} {precision}'] = measure
        if net in EAGER:
            measure = partial(measure_net, 'float32', net, batch, args)
            parts[f'{net} b{batch} float32, no graphs'] = measure
    net, batch, steps = ('lenet', 2, 2) if small else ('fitnet4/relu', 128, 20)
    parts['cudnn'] = lambda: card_parts.cudnn_choices(small)
    parts['pointwise'] = lambda: card_parts.pointwise_ms(small)
    parts['same_bits'] = lambda: card_parts.same_bits(net, batch, steps)
    return parts


def measure_net(precision: str, net: str, batch: int, args: argparse.Namespace) -> Numbers:
    """A training step and a forward pass of a net."""
    engine = Cuda(tf32=precision == 'tf32')
    found: Numbers = {}
    pool = engine.device.pool
    finish = engine.device.finish
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


def torch_parts(args: argparse.Namespace) -> Parts:
    """Training steps in PyTorch, eagerly; without it, what is missing."""
    reason = missing('torch') or without_card()
    if reason:
        return {'torch': lambda: reason}
    parts: Parts = {'torch': torch_version}
    for net, batch in args.nets.items():
        for precision in ('float32', 'tf32'):
            words = ['torch', precision]
            measure = partial(measure_passes, words, net, batch, args.repeats)
            parts[f'{net} b{batch} {precision}'] = measure
    return parts


def without_card() -> str:
    """Why PyTorch cannot use the card; '' if it can."""
    import torch

    return '' if torch.cuda.is_available() else f'{torch.__version__} finds no card'


def torch_version() -> str:
    import torch

    return f'{torch.__version__}, cuDNN {torch.backends.cudnn.version()}'


def measure_passes(words: list[str], net: str, batch: int, repeats: Repeats) -> Numbers:
    """A training step in PyTorch."""
    passes: Passes = torch_passes(words, 'training step', net, batch)
    import torch

    torch.cuda.reset_peak_memory_stats()
    took = timed(passes.run, passes.finish, repeats)
    found = {
        'step_ms': 1e3 * took.seconds,
        'step_host_ms': 1e3 * took.host_seconds,
        'step_images_per_s': batch / took.seconds,
        'peak_mb': passes.peak_mb(),
    }
    del passes
    torch.cuda.empty_cache()
    return found


if __name__ == '__main__':
    main()
