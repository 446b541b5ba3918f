"""Seconds and peak memory of each initialization of CaffeNet, and of its largest orthonormal matrix.

    python benchmarks/initializers.py --data imagenet_images/

Every sample runs in a process of its own. The median of each case is printed; all go to results/DATE-initializers.json.
"""
import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np
from goodinit.initializers import PRESETS, initialize, orthonormal
from goodinit.initializers.from_samples import FROM_SAMPLES
from goodinit.netlib.engines import ENGINES
from goodinit.tools.inputs import DataOptions
from goodinit.tools.nets import open_net
from goodinit.tools.prepare import prepare

RESULTS = Path(__file__).parent / 'results'
MATRIX = (4096, 9216)                   # fc6 of CaffeNet
CASES = [*PRESETS, 'matrix']
BATCH_SIZE = 32


def main() -> None:
    args = arguments()
    if args.sample:
        print(json.dumps(take_sample(args.sample, args)))
        return
    samples = {}
    for case in args.cases:
        samples[case] = [fresh_process(case, args) for _ in range(args.repeats)]
        print(f'{case:12} {median(s["seconds"] for s in samples[case]):8.2f} s '
              f'{median(s["peak_mb"] for s in samples[case]):8.0f} MB', flush=True)
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    numbers = {'date': f'{now:%Y-%m-%d %H:%M} UTC', 'machine': machine(), 'engine': args.engine,
               'images': {case: images(case) for case in args.cases}, 'samples': samples}
    path = RESULTS / f'{now:%Y-%m-%d-%H%M}-initializers.json'
    path.write_text(json.dumps(numbers, indent=1) + '\n')
    print(path)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', required=True, help='at least 160 images: a folder, or a list file')
    parser.add_argument('--engine', choices=ENGINES, default='reference')
    parser.add_argument('--repeats', type=int, default=3, help='samples of each case (default: %(default)s)')
    parser.add_argument('--cases', nargs='+', choices=CASES, default=CASES)
    parser.add_argument('--sample', choices=CASES, help=argparse.SUPPRESS)        # what a fresh process is asked for
    return parser.parse_args()


def fresh_process(case: str, args: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, '--sample', case, '--data', args.data, '--engine', args.engine]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment()).stdout)


def environment() -> dict[str, str]:
    """The user's, with OpenBLAS free to choose its kernels for the processor."""
    return {name: value for name, value in os.environ.items() if name != 'OPENBLAS_CORETYPE'}


def images(case: str) -> int:
    """As many as the papers take: a batch for the walk, 160 images where weights come from samples."""
    return 160 if case in FROM_SAMPLES else 0 if case == 'matrix' else BATCH_SIZE


def take_sample(case: str, args: argparse.Namespace) -> dict[str, float]:
    """Seconds of the initialization alone, images read and net built; peak memory of the whole process."""
    rng = np.random.default_rng(0)
    if case == 'matrix':
        start = time.perf_counter()
        orthonormal(MATRIX, rng)
    else:
        prepared = prepare(open_net('caffenet'), options(case, args.data), args.engine)
        start = time.perf_counter()
        initialize(prepared.net, prepared.feed.batches, PRESETS[case], rng)
    seconds = time.perf_counter() - start
    return {'seconds': seconds, 'peak_mb': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def options(case: str, data: str) -> DataOptions:
    return DataOptions(data=data, batch_size=BATCH_SIZE, batches=images(case) // BATCH_SIZE)


def machine() -> dict[str, str | int | None]:
    """What the numbers depend on besides the code."""
    cpu = Path('/proc/cpuinfo')
    names = [line.partition(':')[2].strip() for line in cpu.read_text().splitlines() if line.startswith('model name')] \
        if cpu.is_file() else []
    return {'cpu': names[0] if names else platform.processor(), 'cores': os.cpu_count(), 'system': platform.platform(),
            'python': platform.python_version(), **{name: version(name) for name in ('numpy', 'scipy', 'scikit-learn')},
            'OMP_NUM_THREADS': os.environ.get('OMP_NUM_THREADS')}


if __name__ == '__main__':
    main()
