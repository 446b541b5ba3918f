"""What reading.py measures: three readers of the same JPEGs, and the JPEGs."""

import io
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from goodinit.netlib import Net
from goodinit.netlib.data.databases import create_database
from goodinit.netlib.data.images import SUFFIXES
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TRAIN, Datum
from PIL import Image

SIZE, CROP = 256, 227
QUALITY = 90
BATCH_SIZE = 100
WARM_UP = 5  # batches
WORKERS = 2  # of PyTorch's DataLoader
NET = """layer {{ name: "data" type: "Data" top: "data" top: "label"
  transform_param {{ crop_size: {crop} mirror: true
                     mean_value: 104 mean_value: 117 mean_value: 123 }}
  data_param {{ source: "{folder}/lmdb" backend: LMDB batch_size: {batch} }} }}"""


# -- the images


def pictures(folder: str | None) -> list[Image.Image]:
    """The images of a folder, or smooth noise with some grain, which takes about as many bytes."""
    if folder is None:
        rng = np.random.default_rng(0)
        return [noise(rng) for _ in range(100)]
    paths = sorted(Path(folder).iterdir())
    return [Image.open(path) for path in paths if path.suffix.lower() in SUFFIXES]


def noise(rng: np.random.Generator) -> Image.Image:
    coarse = Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8))
    smooth = np.asarray(coarse.resize((SIZE, SIZE)))
    grain = rng.normal(0, 6, (SIZE, SIZE, 3))
    return Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8))


def make_images(folder: Path, images: list[Image.Image], count: int) -> None:
    """`count` JPEGs as files, and the same bytes as encoded datums in an LMDB; they repeat where
    `images` are fewer."""
    (folder / 'files').mkdir()
    jpegs = [jpeg(image) for image in images]
    datum = Datum(channels=3, height=SIZE, width=SIZE, encoded=True)
    with create_database(folder / 'lmdb') as database:
        for number in range(count):
            datum.data = jpegs[number % len(jpegs)]
            datum.label = number % 1000
            (folder / 'files' / f'{number:08d}.jpg').write_bytes(datum.data)
            database.put(f'{number:08d}'.encode(), datum.SerializeToString())


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert('RGB').resize((SIZE, SIZE)).save(buffer, 'JPEG', quality=QUALITY)
    return buffer.getvalue()


# -- the readers


def rate(batches: Iterator, count: int) -> float:
    """Images per second of `count` batches, after the first few."""
    for _ in islice(batches, WARM_UP):
        pass
    start = time.perf_counter()
    for _ in islice(batches, count):
        pass
    return count * BATCH_SIZE / (time.perf_counter() - start)


def read_by_goodinit(folder: Path, count: int) -> float:
    """A Data layer that reads the LMDB."""
    net = Net(parse_net(NET.format(crop=CROP, folder=folder, batch=BATCH_SIZE)), TRAIN, seed=0)

    def batches() -> Iterator[None]:
        while True:
            net.forward()
            yield

    return rate(batches(), count)


def read_by_torch(folder: Path, count: int) -> float:
    """A DataLoader that reads the files."""
    from torch.utils.data import DataLoader

    files: Any = Files(folder)
    return rate(iter(DataLoader(files, BATCH_SIZE, num_workers=WORKERS)), count)


class Files:
    """A dataset of torch: what RandomCrop, RandomHorizontalFlip, ToTensor and Normalize of
    torchvision do."""

    def __init__(self, folder: Path):
        import torch

        self.torch = torch
        self.paths = sorted((folder / 'files').iterdir())
        self.mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
        self.std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        torch = self.torch
        with open(self.paths[index], 'rb') as file:
            image = Image.open(file).convert('RGB')
        top, left = (int(torch.randint(0, SIZE - CROP + 1, ())) for _ in range(2))
        image = image.crop((left, top, left + CROP, top + CROP))
        if torch.rand(1) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        values = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
        return values.sub_(self.mean).div_(self.std), index % 1000


def read_by_pillow(folder: Path, count: int) -> float:
    """A loop that only decodes the files."""

    def batches() -> Iterator[None]:
        paths = iter(sorted((folder / 'files').iterdir()))
        while True:
            for path in islice(paths, BATCH_SIZE):
                Image.open(path).load()
            yield

    return rate(batches(), count)


# Each takes the folder that make_images has filled and gives images per second.
READERS: dict[str, Callable[[Path, int], float]] = {
    'goodinit': read_by_goodinit,
    'torch': read_by_torch,
    'pillow': read_by_pillow,
}
