"""Arrays in files: samples in NumPy's .npy and .npz, and mean images."""

from pathlib import Path

import numpy as np

from ...proto.arrays import blob_to_array
from ...proto.binary import read_blob
from ..checked_npy import ArrayFileError, Npz, is_numeric, read_npy
from ..errors import DataError, ProtoError
from ..shapes import dimensions


def read_mean(path: str | Path) -> np.ndarray:
    """The mean image, float32 (C, H, W), of a .binaryproto (compute_image_mean's) or .npy file; one
    of shape (H, W) has one channel. Raises DataError."""
    try:
        mean = _load_mean(path)
    except (ArrayFileError, ProtoError) as error:
        raise DataError(
            f'mean file {path}: cannot be read ({error}); needed: a BlobProto as written '
            f'by compute_image_mean, or an .npy file'
        ) from error
    if mean.ndim == 4 and len(mean) == 1:
        mean = mean[0]
    if mean.ndim == 2:
        mean = mean[None]
    if mean.ndim != 3:
        raise DataError(
            f'mean file {path}: its shape is {dimensions(mean.shape)}, needed: (C, H, W) or (H, W)'
        )
    return mean


def _load_mean(path: str | Path) -> np.ndarray:
    if str(path).endswith('.npy'):
        return _numbers(read_npy(path)).astype(np.float32)
    return blob_to_array(read_blob(path))


def read_samples(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The rows (N, ...) of an .npy or .npz file, and the labels (N,) if any.

    In an .npz file, the rows are `data` or the only array, and the labels are `label`. Raises
    DataError.
    """
    try:
        return _load(path)
    except ArrayFileError as error:
        raise DataError(f'data {path}: cannot be read as NumPy arrays ({error})') from error


def _load(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    if path.suffix == '.npy':
        return read_npy(path, mapped=True), None
    arrays = Npz(path)
    names = [name for name in arrays if name != 'label']
    if 'data' not in names and len(names) != 1:
        found = ', '.join(names)
        raise DataError(f"data {path}: holds {found}; needed: an array named 'data'")
    name = 'data' if 'data' in names else names[0]
    labels = _numbers(arrays['label']) if 'label' in arrays else None
    return arrays[name], labels


def _numbers(array: np.ndarray) -> np.ndarray:
    """The array. Raises ArrayFileError unless it holds real numbers."""
    if not is_numeric(array):
        raise ArrayFileError(f'it holds {array.dtype}; needed: numbers')
    return array
