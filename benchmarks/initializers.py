"""Seconds and memory of `goodinit init`, from the start of its process to the end, and of `import
goodinit`.

    python benchmarks/initializers.py --images imagenet_images/ --cifar data_batch_1.bin

The least of each case is printed, since other processes only ever add to it: seconds by the clock,
beside those that its products alone would take at the processor's peak (multiply_adds.py counts
them in a run of its own), those of all processors together, and the peak of memory, beside its
bound: Python and its libraries, which is what LeNet takes, and 1.5 times the larger of weights and
of the two largest blobs, with the images and samples that were asked for. All runs go to
results/DATE-initializers.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from math import prod
from pathlib import Path

from goodinit.benchmarks.machine import environment, positive, write_numbers
from goodinit.benchmarks.subjects import deployed
from goodinit.benchmarks.yardsticks import peak_gflops
from goodinit.initializers import PRESETS, of_kind
from goodinit.netlib.engines import ENGINES
from goodinit.zoo.cost import cost

COUNTING = Path(__file__).with_name('multiply_adds.py')
FITNET4 = ['--proto', 'fitnet4/relu', '--batch-size', '128']
USUAL = [
    'import',
    'lenet lsuv',
    'fitnet4 lsuv',
    'caffenet lsuv',
    'caffenet kmeans',
    'googlenet lsuv',
    'googlenet kmeans',
    'resnet50 lsuv',
    'vgg16 lsuv',
    *(f'{net} lsuv quiet' for net in ('caffenet', 'googlenet', 'resnet50', 'vgg16')),
]
BASE = 'lenet lsuv'
SLACK = 1.5  # times what must be held
SAMPLES_MB = 500  # of patches that k-means and the like hold at once: --memory


def init_cases() -> dict[str, list[str]]:
    """A case: what `goodinit init` is asked for. FitNet-4 takes the images of CIFAR-10, the other
    nets 32 of ImageNet; where weights come from samples, CaffeNet takes 160, as in the paper, and
    GoogLeNet 100. A quiet one measures nothing that it does not need."""
    cases = {'lenet lsuv': ['--proto', 'lenet'], 'fitnet4 lsuv': FITNET4}
    for name, recipe in PRESETS.items():
        options = ['--proto', 'caffenet', '--method', name]
        if recipe.weights_from in of_kind('samples'):
            options += ['--batches', '5']
        cases[f'caffenet {name}'] = options
    kmeans = ['--method', 'kmeans', '--batch-size', '50', '--batches', '2']
    cases['googlenet kmeans'] = ['--proto', 'googlenet', *kmeans]
    for net in ('googlenet', 'resnet50', 'vgg16'):
        cases[f'{net} lsuv'] = ['--proto', net]
    for net in ('caffenet', 'googlenet', 'resnet50', 'vgg16'):
        cases[f'{net} lsuv quiet'] = ['--proto', net, '--quiet']
    return cases


INIT = init_cases()


def main() -> None:
    args = arguments()
    samples: dict[str, list[dict[str, float]]] = {}
    products: dict[str, dict[str, int]] = {}
    libraries = 0.0
    gflops = peak_gflops()
    print(f'{"case":20} {"seconds":>8} {"products":>8} {"cpu s":>8} {"peak MB":>8} {"bound MB":>8}')
    for case in args.cases:
        samples[case] = [run(command(case, args)) for _ in range(args.repeats)]
        products[case] = multiply_adds(case, args)
        at_peak = 2e-9 * sum(products[case].values()) / gflops
        wall, cpu, peak = (least(samples[case], what) for what in ('wall', 'cpu', 'peak_mb'))
        if case == BASE:
            libraries = peak - bound_mb(case)
        bound = f'{libraries + bound_mb(case):8.0f}' if libraries and case in INIT else ''
        print(f'{case:20} {wall:8.2f} {at_peak:8.2f} {cpu:8.2f} {peak:8.0f} {bound}', flush=True)
    bounds = {case: round(bound_mb(case)) for case in args.cases if case in INIT}
    numbers = {
        'engine': args.engine,
        'commands': INIT,
        'bound_mb': bounds,
        'libraries_mb': round(libraries),
        'samples': samples,
        'multiply_adds': products,
        'gflops_peak': gflops,
    }
    write_numbers('initializers', numbers)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('--images', required=True, help='at least 160 images: a folder, or a list file')
    add('--cifar', required=True, help='a binary batch of CIFAR-10, unpacked')
    add('--engine', choices=ENGINES, default='fast')
    add('--repeats', type=positive, default=3, help='runs of each case (default: %(default)s)')
    add('--cases', nargs='+', choices=['import', *INIT], default=USUAL)
    return parser.parse_args()


def command(case: str, args: argparse.Namespace) -> list[str]:
    """The command line of a case, without --out."""
    if case == 'import':
        return [sys.executable, '-c', 'import goodinit']
    return [sys.executable, '-m', 'goodinit.tools.cli.main', *init(case, args)]


def init(case: str, args: argparse.Namespace) -> list[str]:
    data = args.cifar if case.startswith('fitnet') else args.images
    return ['init', *INIT[case], '--data', data, '--engine', args.engine]


def multiply_adds(case: str, args: argparse.Namespace) -> dict[str, int]:
    """Of each kernel, in a run that is not timed."""
    if case == 'import':
        return {}
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder, 'counts.json')
        run([sys.executable, str(COUNTING), '--to', str(counts), *init(case, args)])
        return json.loads(counts.read_text())


def run(command: Sequence[str]) -> dict[str, float]:
    """Seconds by the clock, of user and system code on all processors (together: cpu), and MB at
    the peak."""
    with tempfile.TemporaryDirectory() as folder:
        out = ['--out', f'{folder}/init.caffemodel'] if 'init' in command else []
        start = time.perf_counter()
        process = subprocess.Popen(
            [*command, *out],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f'{" ".join(command)}: failed with exit status {process.returncode}')
    return {
        'wall': wall,
        'user': used.ru_utime,
        'system': used.ru_stime,
        'cpu': used.ru_utime + used.ru_stime,
        'peak_mb': used.ru_maxrss / 1024,
    }


def bound_mb(case: str) -> float:
    """What a case may hold in MB, besides Python and its libraries."""
    options = INIT[case]
    batch = int(option(options, '--batch-size', '32'))
    batches = int(option(options, '--batches', '1'))
    param = deployed(option(options, '--proto'), batch)
    shape = tuple(param.layer[0].input_param.shape[0].dim)
    held = cost(param, shape)
    blobs = sorted(map(prod, held.shapes.values()))
    floats = max(held.parameters + held.statistics, sum(blobs[-2:])) + batches * prod(shape)
    method = option(options, '--method', 'lsuv')
    has_samples = PRESETS[method].weights_from in of_kind('samples')
    return SLACK * (4e-6 * floats + SAMPLES_MB * has_samples)


def option(options: Sequence[str], name: str, default: str = '') -> str:
    return options[options.index(name) + 1] if name in options else default


def least(samples: Sequence[dict[str, float]], what: str) -> float:
    return min(sample[what] for sample in samples)


if __name__ == '__main__':
    main()
