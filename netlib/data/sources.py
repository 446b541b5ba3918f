"""What a user may point `--data` at: images, lists of images, arrays, databases."""

import glob
import re
from pathlib import Path

import numpy as np

from ..errors import DataError
from .classic import read_cifar10, read_idx_images
from .databases import Database, backend_of, datum_to_array, open_database, parse_datum
from .images import SUFFIXES, decode_image
from .samples import Mean, Samples, Store
from .transform import NO_ARRAY, dimensions

ACCEPTED = (
    'a folder of images, a glob pattern, an image, a list file (.txt: a path and perhaps a label per '
    'line), an .npy or .npz file of shape (N, C, H, W), an LMDB or LevelDB, MNIST (*-ubyte.gz) or CIFAR-10 '
    '(*.bin, *.bin.xz)'
)

LABELLED = re.compile(r'(.+)\s+(-?\d+)')


def open_source(
    spec: str | Path,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    *,
    mean: Mean = None,
    scale: float = 1.0,
    crop: int | None = None,
) -> Samples:
    """The samples that `spec` names, fitted to `shape` (C, H, W); the rest is explained at Samples.

    spec: one of ACCEPTED. A folder is searched with its subfolders. Raises DataError.
    """
    return Samples(open_store(spec), shape, rng, mean=mean, scale=scale, crop=crop)


def open_store(spec: str | Path) -> Store:
    """What `spec` names, not yet fitted to a net. Raises DataError."""
    path, spec = Path(spec), str(spec)
    if not path.exists():
        if glob.has_magic(spec):
            return _images(spec, sorted(glob.glob(spec, recursive=True)))
        raise DataError(f'data {spec}: no such file or folder')
    if path.is_dir():
        return _open_folder(path)
    if path.suffix in ('.npy', '.npz'):
        return _open_arrays(path)
    if path.suffix == '.mdb':
        return Datums(open_database(path.parent))
    if 'ubyte' in path.name:
        return Arrays(f'{spec} (MNIST)', *read_idx_images(path))
    if is_cifar10(path):
        return Arrays(f'{spec} (CIFAR-10)', *read_cifar10(path))
    if path.suffix in ('.txt', '.lst', '.list'):
        return _listed_images(path)
    if path.suffix.lower() in SUFFIXES:
        return _images(spec, [path])
    raise DataError(f'data {spec}: unknown kind of file; needed: {ACCEPTED}')


def is_cifar10(path: str | Path) -> bool:
    """Whether it is a file, and named as CIFAR-10's are."""
    return '.bin' in Path(path).suffixes and Path(path).is_file()


def _open_folder(path: Path) -> Store:
    backend = backend_of(path)
    if backend is not None:
        return Datums(open_database(path, backend))
    found = (
        p for p in path.rglob('*') if p.suffix.lower() in SUFFIXES and not p.name.startswith('.')
    )
    return _images(str(path), sorted(found))


def _listed_images(path: Path) -> Store:
    names, labels = read_list(path)
    return _images(str(path), [path.parent / name for name in names], labels)


def _images(spec: str, paths: list, labels: list[int] | None = None) -> 'Images':
    if not paths:
        raise DataError(f'data {spec}: holds no images; needed: {ACCEPTED}')
    return Images(spec, paths, labels)


class Images:
    """Image files, decoded when asked for; in color unless `suit` says otherwise."""

    def __init__(self, spec: str, paths: list, labels: list[int] | None):
        self.spec, self.paths, self.labels = spec, paths, labels
        self.color = True
        self.describe = f'{spec} ({len(paths)} images)'

    def __len__(self) -> int:
        return len(self.paths)

    def suit(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 3 or shape[0] not in (1, 3):
            raise DataError(
                f'data {self.spec}: images have 1 or 3 channels, the net needs '
                f'{dimensions(shape)}; give an .npy file of shape (N, {", ".join(map(str, shape))})'
            )
        self.color = shape[0] == 3

    def name(self, index: int) -> str:
        return str(self.paths[index])

    def __getitem__(self, index: int) -> tuple[np.ndarray, int | None]:
        pixels = decode_image(self.paths[index], self.color)
        return pixels, None if self.labels is None else self.labels[index]


class Arrays:
    """The rows of an array (N, ...) as `dtype`, perhaps with a label each; uint8 are pixels."""

    def __init__(
        self, describe: str, rows: np.ndarray, labels: np.ndarray | None = None, dtype=np.uint8
    ):
        self.spec, self.rows, self.labels, self.dtype = describe, rows, labels, dtype
        self.describe = f'{describe}: {len(rows)} samples of {dimensions(rows.shape[1:])}'

    def __len__(self) -> int:
        return len(self.rows)

    def suit(self, shape: tuple[int, ...]) -> None:
        pass

    def name(self, index: int) -> str:
        return f'{self.spec}, sample {index}'

    def __getitem__(self, index: int) -> tuple[np.ndarray, int | None]:
        row = np.asarray(self.rows[index], self.dtype)
        return row, None if self.labels is None else int(self.labels[index])


class Datums:
    """The datums of a database, with their labels; encoded ones in color unless `suit` says
    otherwise."""

    def __init__(self, database: Database):
        self.database, self.keys = database, database.keys()
        self.color: bool | None = True
        self.describe = f'{database.path} ({database.label}, {len(self.keys)} datums)'

    def __len__(self) -> int:
        return len(self.keys)

    def suit(self, shape: tuple[int, ...]) -> None:
        self.color = {1: False, 3: True}.get(shape[0])

    def name(self, index: int) -> str:
        return f'{self.database.path}, key {self.keys[index].decode(errors="replace")}'

    def __getitem__(self, index: int) -> tuple[np.ndarray, int | None]:
        name = self.name(index)
        datum = parse_datum(self.database[self.keys[index]], name)
        return datum_to_array(datum, self.color, name), datum.label


def read_lines(path: str | Path) -> list[str]:
    """The lines of a list file that are not empty."""
    try:
        text = Path(path).read_text(encoding='utf-8-sig')
    except (OSError, ValueError) as error:
        raise DataError(f'data {path}: cannot be read as a list of images ({error})') from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_list(path: str | Path) -> tuple[list[str], list[int] | None]:
    """The paths of a list file ('path' or 'path label' per line), and the labels if they are given."""
    lines = read_lines(path)
    labelled = [match.groups() for line in lines if (match := LABELLED.fullmatch(line))]
    if len(labelled) == len(lines):
        return [name for name, _ in labelled], [int(label) for _, label in labelled]
    if labelled:
        odd = next(line for line in lines if not LABELLED.fullmatch(line))
        raise DataError(
            f"data {path}: '{odd}' has no label, other lines have: give all of them one or none"
        )
    return lines, None


def _open_arrays(path: Path) -> Arrays:
    return open_arrays(str(path), *_load_arrays(path))


def open_arrays(name: str, rows: np.ndarray, labels: np.ndarray | None = None) -> Arrays:
    """The rows of an array (N, ...) as samples, with their labels (N,); errors call it `name`.

    Raises DataError for anything but finite numbers.
    """
    if rows.ndim < 2 or rows.dtype.kind not in 'biuf':
        raise DataError(
            f'data {name}: found {rows.dtype} of shape {rows.shape}, needed: numbers of shape '
            f'(N, C, H, W)'
        )
    if rows.dtype.kind == 'f':
        for index, row in enumerate(rows):
            if not np.isfinite(row).all():
                raise DataError(
                    f'data {name}: sample {index} holds NaN or infinity; the first is at index '
                    f'{(index, *np.argwhere(~np.isfinite(row))[0].tolist())}'
                )
    if labels is not None and labels.shape != rows.shape[:1]:
        raise DataError(f"data {name}: 'label' has shape {labels.shape}, needed: ({len(rows)},)")
    return Arrays(name, rows, labels, np.float32)


def _load_arrays(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        if path.suffix == '.npy':
            return np.load(path, mmap_mode='r'), None
        with np.load(path) as arrays:
            names = [name for name in arrays.files if name != 'label']
            if 'data' not in names and len(names) != 1:
                raise DataError(
                    f"data {path}: holds {', '.join(names)}; needed: an array named 'data'"
                )
            labels = arrays['label'] if 'label' in arrays.files else None
            return arrays['data' if 'data' in names else names[0]], labels
    except NO_ARRAY as error:
        raise DataError(f'data {path}: cannot be read as NumPy arrays ({error})') from error
