"""The sources that `--data` accepts: images, lists of images, arrays, databases."""

import glob
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..rng import Rng
from ..shapes import Shape
from .array_files import read_samples
from .classic import read_cifar10, read_idx_images
from .databases import backend_of, open_database
from .images import SUFFIXES
from .list_files import read_list
from .samples import Mean, Samples
from .stores import Arrays, Datums, Images, Store

ACCEPTED = (
    'a folder of images, a glob pattern, an image, a list file (.txt: a path and an optional '
    'label per line), an .npy or .npz file of shape (N, C, H, W), an LMDB or LevelDB, MNIST '
    '(*-ubyte.gz) or CIFAR-10 (*.bin, *.bin.xz)'
)


def open_source(
    spec: str | Path,
    shape: Shape,
    rng: Rng,
    *,
    mean: Mean = None,
    scale: float = 1.0,
    crop: int | None = None,
) -> Samples:
    """The samples that `spec` names, fitted to `shape` (C, H, W); see Samples for the rest.

    spec: one of ACCEPTED. A folder is searched recursively. Raises DataError.
    """
    return Samples(open_store(spec), shape, rng, mean=mean, scale=scale, crop=crop)


def open_store(spec: str | Path) -> Store:
    """The store that `spec` names, not yet fitted to a net. Raises DataError."""
    path = Path(spec)
    spec = str(spec)
    if path.is_dir():
        return _open_folder(path)
    if path.exists():
        return _open_file(path, spec)
    if glob.has_magic(spec):
        return _images(spec, sorted(glob.glob(spec, recursive=True)))
    raise DataError(f'data {spec}: no such file or folder')


def _open_folder(path: Path) -> Store:
    backend = backend_of(path)
    if backend is not None:
        return Datums(open_database(path, backend))
    images = filter(_is_image, path.rglob('*'))
    visible = [file for file in images if not file.name.startswith('.')]
    return _images(str(path), sorted(visible))


def _open_file(path: Path, spec: str) -> Store:
    if path.suffix in ('.npy', '.npz'):
        return open_arrays(str(path), *read_samples(path))
    if path.suffix == '.mdb':
        return Datums(open_database(path.parent))
    if 'ubyte' in path.name:
        return Arrays(f'{spec} (MNIST)', *read_idx_images(path))
    if is_cifar10(path):
        return Arrays(f'{spec} (CIFAR-10)', *read_cifar10(path))
    if path.suffix in ('.txt', '.lst', '.list'):
        names, labels = read_list(path)
        paths = [path.parent / name for name in names]
        return _images(str(path), paths, labels)
    if _is_image(path):
        return _images(spec, [path])
    raise DataError(f'data {spec}: unknown file type; needed: {ACCEPTED}')


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def is_cifar10(path: str | Path) -> bool:
    """Whether it is a file with a name like those of CIFAR-10."""
    return '.bin' in Path(path).suffixes and Path(path).is_file()


def _images(spec: str, paths: Sequence[str | Path], labels: list[int] | None = None) -> Images:
    if not paths:
        raise DataError(f'data {spec}: contains no images; needed: {ACCEPTED}')
    return Images(spec, paths, labels)


def open_arrays(name: str, rows: np.ndarray, labels: np.ndarray | None = None) -> Arrays:
    """The rows of an array (N, ...) as samples, with their labels (N,); `name` is for errors.

    Raises DataError for anything but finite numbers.
    """
    if rows.ndim < 2 or rows.dtype.kind not in 'biuf':
        raise DataError(
            f'data {name}: found {rows.dtype} of shape {rows.shape}, needed: numbers of shape '
            f'(N, C, H, W)'
        )
    if rows.dtype.kind == 'f':
        _check_finite(name, rows)
    count = len(rows)
    if labels is not None and labels.shape != (count,):
        raise DataError(f"data {name}: 'label' has shape {labels.shape}, needed: ({count},)")
    return Arrays(name, rows, labels, np.float32)


def _check_finite(name: str, rows: np.ndarray) -> None:
    for index, row in enumerate(rows):
        is_finite = np.isfinite(row)
        if not is_finite.all():
            first, *_ = np.argwhere(~is_finite).tolist()
            raise DataError(
                f'data {name}: sample {index} contains NaN or infinity; the first is at index '
                f'{(index, *first)}'
            )
