"""Seconds and memory of `goodinit init`, from the start of its process to the end, and of `import
goodinit`.

    python benchmarks/initializers.py --images imagenet_images/ --cifar data_batch_1.bin

The least of each case is printed, since other processes only ever add to it: seconds by the clock,
those of all processors together, and the peak of memory. All runs go to
results/DATE-initializers.json.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from goodinit.initializers import PRESETS, of_kind
from goodinit.netlib.engines import ENGINES

RESULTS = Path(__file__).parent / 'results'
# A case: what `goodinit init` is asked for. FitNet-4 takes the images of CIFAR-10, the other nets
# 32 of ImageNet; 160 where weights come from samples, as in the paper.
INIT = {
    'fitnet4 lsuv': ['--proto', 'fitnet4/relu', '--batch-size', '128'],
    **{
        f'caffenet {name}': [
            '--proto',
            'caffenet',
            '--method',
            name,
            *(['--batches', '5'] if recipe.weights_from in of_kind('samples') else []),
        ]
        for name, recipe in PRESETS.items()
    },
    'googlenet lsuv': ['--proto', 'googlenet'],
    'vgg16 lsuv': ['--proto', 'vgg16'],
}
CASES = ['import', *INIT]
USUAL = [
    'import',
    'fitnet4 lsuv',
    'caffenet lsuv',
    'caffenet kmeans',
    'googlenet lsuv',
    'vgg16 lsuv',
]


def main() -> None:
    args = arguments()
    samples: dict[str, list[dict[str, float]]] = {}
    print(f'{"case":16} {"seconds":>8} {"cpu s":>8} {"peak MB":>8}')
    for case in args.cases:
        samples[case] = [run(command(case, args)) for _ in range(args.repeats)]
        wall, cpu, peak = (
            min(sample[what] for sample in samples[case]) for what in ('wall', 'cpu', 'peak_mb')
        )
        print(f'{case:16} {wall:8.2f} {cpu:8.2f} {peak:8.0f}', flush=True)
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    numbers = {
        'date': f'{now:%Y-%m-%d %H:%M} UTC',
        'machine': machine(),
        'engine': args.engine,
        'commands': INIT,
        'samples': samples,
    }
    path = RESULTS / f'{now:%Y-%m-%d-%H%M}-initializers.json'
    path.write_text(json.dumps(numbers, indent=1) + '\n')
    print(path)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--images', required=True, help='at least 160 images: a folder, or a list file'
    )
    parser.add_argument('--cifar', required=True, help='a binary batch of CIFAR-10, unpacked')
    parser.add_argument('--engine', choices=ENGINES, default='fast')
    parser.add_argument(
        '--repeats', type=int, default=3, help='runs of each case (default: %(default)s)'
    )
    parser.add_argument('--cases', nargs='+', choices=CASES, default=USUAL)
    return parser.parse_args()


def command(case: str, args: argparse.Namespace) -> list[str]:
    if case == 'import':
        return [sys.executable, '-c', 'import goodinit']
    data = args.cifar if case.startswith('fitnet') else args.images
    return [
        sys.executable,
        '-m',
        'goodinit.tools.cli.main',
        'init',
        *INIT[case],
        '--data',
        data,
        '--engine',
        args.engine,
    ]


def run(command: Sequence[str]) -> dict[str, float]:
    """Seconds by the clock, of user and system code on all processors (together: cpu), and MB at
    the peak."""
    with tempfile.TemporaryDirectory() as folder:
        extra = ['--out', f'{folder}/init.caffemodel'] if 'init' in command else []
        start = time.perf_counter()
        process = subprocess.Popen(
            [*command, *extra],
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


def environment() -> dict[str, str]:
    """The user's, with OpenBLAS free to choose its kernels for the processor."""
    return {name: value for name, value in os.environ.items() if name != 'OPENBLAS_CORETYPE'}


def machine() -> dict[str, str | int | float | None]:
    """What the numbers depend on besides the code; `load` is that of other processes when the runs
    had ended."""
    cpu = Path('/proc/cpuinfo')
    names = (
        [
            line.partition(':')[2].strip()
            for line in cpu.read_text().splitlines()
            if line.startswith('model name')
        ]
        if cpu.is_file()
        else []
    )
    return {
        'cpu': names[0] if names else platform.processor(),
        'cores': os.cpu_count(),
        'load': os.getloadavg()[0],
        'system': platform.platform(),
        'python': platform.python_version(),
        **{name: version(name) for name in ('numpy', 'scipy')},
        'OMP_NUM_THREADS': os.environ.get('OMP_NUM_THREADS'),
    }


if __name__ == '__main__':
    main()
