"""Images per second: JPEGs of 256 x 256 read, cut to 227 x 227, mirrored and normalized.

    python benchmarks/reading.py --data imagenet_images/

Three readers take turns, each sample in a process of its own: our Data layer from an LMDB,
PyTorch's DataLoader with two workers from the files (torchvision's transformations, written out),
and a loop that only decodes, with Pillow. The medians and their ratios are printed; all go to
results/DATE-reading.json. Needs the package lmdb; without torch its reader is left out.
"""

import argparse
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from goodinit.benchmarks.machine import positive, write_numbers
from goodinit.benchmarks.peers import missing, runnable
from goodinit.benchmarks.readers import (
    BATCH_SIZE,
    READERS,
    WARM_UP,
    WORKERS,
    make_images,
    pictures,
)

Samples = dict[str, list[float]]  # images per second by reader


def main() -> None:
    args = arguments()
    if args.sample:
        print(READERS[args.sample](Path(args.folder), args.batches))
        return
    reason = missing('lmdb')
    if reason:
        raise SystemExit(reason)
    samples = measure(args)
    ratios = ratios_to_others(samples)
    for reader, rates in samples.items():
        print(f'median of {reader:10} {median(rates):8.0f} images/s')
    print(', '.join(f'goodinit / {reader}: {ratio:.2f}' for reader, ratio in ratios.items()))
    packages = [name for name in ('torch', 'pillow', 'lmdb') if name in [*samples, 'lmdb']]
    numbers = {
        'versions': {name: version(name) for name in packages},
        'images': args.images,
        'batch_size': BATCH_SIZE,
        'batches': args.batches,
        'warm_up': WARM_UP,
        'torch_workers': WORKERS,
        'images_per_second': samples,
        'ratio_to': ratios,
    }
    write_numbers('reading', numbers)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('--data', help='a folder of images to make the JPEGs from (default: synthetic ones)')
    add('--images', type=int, default=10_000, help='how many JPEGs (default: %(default)s)')
    timed = f'timed, after {WARM_UP} that are not (default: %(default)s of {BATCH_SIZE})'
    add('--batches', type=int, default=20, help=timed)
    add('--repeats', type=positive, default=7, help='samples of each reader (default: %(default)s)')
    # What a fresh process is asked for.
    add('--sample', choices=READERS, help=argparse.SUPPRESS)
    add('--folder', help=argparse.SUPPRESS)
    args = parser.parse_args()
    needed = (WARM_UP + args.batches) * BATCH_SIZE
    if args.images < needed:
        parser.error(
            f'--images: found {args.images}, needed: {needed} or more for {args.batches} batches'
        )
    return args


def measure(args: argparse.Namespace) -> Samples:
    """The samples, which are printed as they come."""
    samples: Samples = {reader: [] for reader in runnable(list(READERS))}
    with TemporaryDirectory() as folder:
        make_images(Path(folder), pictures(args.data), args.images)
        for _ in range(args.repeats):
            for reader, rates in samples.items():
                rates.append(fresh_process(reader, folder, args.batches))
                print(f'{reader:10} {rates[-1]:8.0f} images/s', flush=True)
    return samples


def fresh_process(reader: str, folder: str, batches: int) -> float:
    """A sample of a reader, in a process of its own."""
    command = [sys.executable, __file__, '--sample', reader]
    command += ['--folder', folder, '--batches', str(batches)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def ratios_to_others(samples: Samples) -> dict[str, float]:
    """The median ratio of our rate to that of each other reader, turn by turn."""
    ratios = {}
    for reader, rates in samples.items():
        if reader != 'goodinit':
            pairs = zip(samples['goodinit'], rates, strict=True)
            ratios[reader] = median(ours / other for ours, other in pairs)
    return ratios


if __name__ == '__main__':
    main()
