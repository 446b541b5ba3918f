"""Seconds and memory of `goodinit init`, from the start of its process to the end, and of `import
goodinit`.

    python benchmarks/initializers.py --images imagenet_images/ --cifar data_batch_1.bin

The least of each case is printed, since other processes only ever add to it: seconds by the clock,
those of all processors together, and the peak of memory. All runs go to
results/DATE-initializers.json.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from goodinit.benchmarks.machine import environment, positive, write_numbers
from goodinit.initializers import PRESETS, of_kind
from goodinit.netlib.engines import ENGINES

FITNET4 = ['--proto', 'fitnet4/relu', '--batch-size', '128']
USUAL = [
    'import',
    'fitnet4 lsuv',
    'caffenet lsuv',
    'caffenet kmeans',
    'googlenet lsuv',
    'googlenet kmeans',
    'resnet50 lsuv',
    'vgg16 lsuv',
]


def init_cases() -> dict[str, list[str]]:
    """A case: what `goodinit init` is asked for. FitNet-4 takes the images of CIFAR-10, the other
    nets 32 of ImageNet; where weights come from samples, CaffeNet takes 160, as in the paper, and
    GoogLeNet 100."""
    cases = {'fitnet4 lsuv': FITNET4}
    for name, recipe in PRESETS.items():
        options = ['--proto', 'caffenet', '--method', name]
        if recipe.weights_from in of_kind('samples'):
            options += ['--batches', '5']
        cases[f'caffenet {name}'] = options
    cases['googlenet lsuv'] = ['--proto', 'googlenet']
    kmeans = ['--method', 'kmeans', '--batch-size', '50', '--batches', '2']
    cases['googlenet kmeans'] = ['--proto', 'googlenet', *kmeans]
    cases['resnet50 lsuv'] = ['--proto', 'resnet50']
    cases['vgg16 lsuv'] = ['--proto', 'vgg16']
    return cases


INIT = init_cases()


def main() -> None:
    args = arguments()
    samples: dict[str, list[dict[str, float]]] = {}
    print(f'{"case":16} {"seconds":>8} {"cpu s":>8} {"peak MB":>8}')
    for case in args.cases:
        samples[case] = [run(command(case, args)) for _ in range(args.repeats)]
        wall, cpu, peak = (least(samples[case], what) for what in ('wall', 'cpu', 'peak_mb'))
        print(f'{case:16} {wall:8.2f} {cpu:8.2f} {peak:8.0f}', flush=True)
    numbers = {'engine': args.engine, 'commands': INIT, 'samples': samples}
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
    goodinit = [sys.executable, '-m', 'goodinit.tools.cli.main']
    data = args.cifar if case.startswith('fitnet') else args.images
    return [*goodinit, 'init', *INIT[case], '--data', data, '--engine', args.engine]


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


def least(samples: Sequence[dict[str, float]], what: str) -> float:
    return min(sample[what] for sample in samples)


if __name__ == '__main__':
    main()
