"""Images per second: JPEGs of 256 x 256 read, cut to 227 x 227, mirrored and normalized.

    python benchmarks/reading.py --data imagenet_images/

Three readers take turns, each sample in a process of its own: our Data layer from an LMDB,
PyTorch's DataLoader with two workers from the files (torchvision's transformations, written out),
and a loop that only decodes, with Pillow. The medians and their ratios are printed; all go to
results/DATE-reading.json. Needs the packages torch and lmdb.
"""

import argparse
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from goodinit.benchmarks.initializers import machine
from goodinit.netlib import Net
from goodinit.netlib.data.databases import create_database
from goodinit.netlib.data.images import SUFFIXES
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TRAIN, Datum
from PIL import Image

RESULTS = Path(__file__).parent / 'results'
SIZE, CROP, QUALITY, BATCH_SIZE, WORKERS, WARM_UP = 256, 227, 90, 100, 2, 5
NET = """layer {{ name: "data" type: "Data" top: "data" top: "label"
  transform_param {{ crop_size: {crop} mirror: true mean_value: 104 mean_value: 117 mean_value: 123 }}
  data_param {{ source: "{folder}/lmdb" backend: LMDB batch_size: {batch} }} }}"""


def main() -> None:
    args = arguments()
    if args.sample:
        print(CASES[args.sample](Path(args.folder), args.batches))
        return
    samples: dict[str, list[float]] = {case: [] for case in CASES}
    with TemporaryDirectory() as folder:
        make_images(Path(folder), pictures(args.data), args.images)
        for _ in range(args.repeats):
            for case, rates in samples.items():
                rates.append(fresh_process(case, folder, args.batches))
                print(f'{case:10} {rates[-1]:8.0f} images/s', flush=True)
    ratios = {
        case: median(
            ours / other for ours, other in zip(samples['goodinit'], samples[case], strict=True)
        )
        for case in ('torch', 'pillow')
    }
    for case in CASES:
        print(f'median of {case:10} {median(samples[case]):8.0f} images/s')
    print(', '.join(f'goodinit / {case}: {ratio:.2f}' for case, ratio in ratios.items()))
    now = datetime.now(UTC)
    numbers = {
        'date': f'{now:%Y-%m-%d %H:%M} UTC',
        'machine': machine() | {name: version(name) for name in ('torch', 'pillow', 'lmdb')},
        'images': args.images,
        'batch_size': BATCH_SIZE,
        'batches': args.batches,
        'warm_up': WARM_UP,
        'torch_workers': WORKERS,
        'images_per_second': samples,
        'ratio_to': ratios,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f'{now:%Y-%m-%d-%H%M}-reading.json'
    path.write_text(json.dumps(numbers, indent=1) + '\n')
    print(path)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--data', help='a folder of images to make the JPEGs from (default: synthetic ones)'
    )
    parser.add_argument(
        '--images', type=int, default=10_000, help='how many JPEGs (default: %(default)s)'
    )
    parser.add_argument(
        '--batches',
        type=int,
        default=20,
        help=f'timed, after {WARM_UP} that are not (default: %(default)s of {BATCH_SIZE})',
    )
    parser.add_argument(
        '--repeats', type=int, default=7, help='samples of each reader (default: %(default)s)'
    )
    parser.add_argument(
        '--sample', choices=CASES, help=argparse.SUPPRESS
    )  # what a fresh process is asked for
    parser.add_argument('--folder', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.images < (needed := (WARM_UP + args.batches) * BATCH_SIZE):
        parser.error(
            f'--images: found {args.images}, needed: {needed} or more for {args.batches} batches'
        )
    return args


# -- the images


def pictures(folder: str | None) -> list[Image.Image]:
    """The images of a folder, or smooth noise with some grain, which takes about as many bytes."""
    if folder:
        return [
            Image.open(path)
            for path in sorted(Path(folder).iterdir())
            if path.suffix.lower() in SUFFIXES
        ]
    rng = np.random.default_rng(0)
    coarse = [
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).resize((SIZE, SIZE))
        for _ in range(100)
    ]
    return [
        Image.fromarray(
            np.clip(np.asarray(image) + rng.normal(0, 6, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8)
        )
        for image in coarse
    ]


def make_images(folder: Path, images: list[Image.Image], count: int) -> None:
    """`count` JPEGs as files, and the same bytes as encoded datums in an LMDB; they repeat where
    `images` are fewer."""
    (folder / 'files').mkdir()
    jpegs = [jpeg(image) for image in images]
    with create_database(folder / 'lmdb') as database:
        for k in range(count):
            data = jpegs[k % len(jpegs)]
            (folder / 'files' / f'{k:08d}.jpg').write_bytes(data)
            datum = Datum(
                channels=3, height=SIZE, width=SIZE, data=data, label=k % 1000, encoded=True
            )
            database.put(f'{k:08d}'.encode(), datum.SerializeToString())


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert('RGB').resize((SIZE, SIZE)).save(buffer, 'JPEG', quality=QUALITY)
    return buffer.getvalue()


# -- the readers


def fresh_process(case: str, folder: str, batches: int) -> float:
    command = [
        sys.executable,
        __file__,
        '--sample',
        case,
        '--folder',
        folder,
        '--batches',
        str(batches),
    ]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def rate(batches: Iterator, count: int) -> float:
    """Images per second of `count` batches, after the first few."""
    for _ in islice(batches, WARM_UP):
        pass
    start = time.perf_counter()
    for _ in islice(batches, count):
        pass
    return count * BATCH_SIZE / (time.perf_counter() - start)


def goodinit(folder: Path, count: int) -> float:
    net = Net(parse_net(NET.format(crop=CROP, folder=folder, batch=BATCH_SIZE)), TRAIN, seed=0)

    def batches():
        while True:
            net.forward()
            yield

    return rate(batches(), count)


def torch(folder: Path, count: int) -> float:
    from torch.utils.data import DataLoader

    return rate(iter(DataLoader(Files(folder), BATCH_SIZE, num_workers=WORKERS)), count)


class Files:
    """A dataset of torch: what RandomCrop, RandomHorizontalFlip, ToTensor and Normalize of
    torchvision do."""

    def __init__(self, folder: Path):
        import torch

        self.paths = sorted((folder / 'files').iterdir())
        self.torch = torch
        self.mean, self.std = (
            torch.tensor(values).view(3, 1, 1)
            for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int):
        torch = self.torch
        with open(self.paths[index], 'rb') as file:
            image = Image.open(file).convert('RGB')
        top, left = (int(torch.randint(0, SIZE - CROP + 1, ())) for _ in range(2))
        image = image.crop((left, top, left + CROP, top + CROP))
        if torch.rand(1) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        values = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
        return values.sub_(self.mean).div_(self.std), index % 1000


def pillow(folder: Path, count: int) -> float:
    def batches():
        paths = iter(sorted((folder / 'files').iterdir()))
        while True:
            for path in islice(paths, BATCH_SIZE):
                Image.open(path).load()
            yield

    return rate(batches(), count)


CASES: dict[str, Callable[[Path, int], float]] = {
    'goodinit': goodinit,
    'torch': torch,
    'pillow': pillow,
}


if __name__ == '__main__':
    main()
