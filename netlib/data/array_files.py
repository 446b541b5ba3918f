"""Arrays in files: samples in NumPy's .npy and .npz, and mean images."""

import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError

import numpy as np

from ...proto.arrays import blob_to_array
from ...proto.binary import read_blob
from ..errors import DataError, ProtoError
from ..shapes import dimensions

# The errors that np.load raises for a file without an array.
NO_ARRAY = (OSError, ValueError, EOFError, TokenError, zipfile.BadZipFile, zlib.error)


def read_mean(path: str | Path) -> np.ndarray:
    """The mean image, float32 (C, H, W), of a .binaryproto (compute_image_mean's) or .npy file; one
    of shape (H, W) has one channel. Raises DataError."""
    try:
        mean = _load_mean(path)
    except (*NO_ARRAY, ProtoError) as error:
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
        return np.load(path).astype(np.float32)
    return blob_to_array(read_blob(path))


def read_samples(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The rows (N, ...) of an .npy or .npz file, and the labels (N,) if any.

    In an .npz file, the rows are `data` or the only array, and the labels are `label`. Raises
    DataError.
    """
    try:
        return _load(path)
    except NO_ARRAY as error:
        raise DataError(f'data {path}: cannot be read as NumPy arrays ({error})') from error


def _load(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    if path.suffix == '.npy':
        return np.load(path, mmap_mode='r'), None
    with np.load(path) as arrays:
        names = [name for name in arrays.files if name != 'label']
        if 'data' not in names and len(names) != 1:
            found = ', '.join(names)
            raise DataError(f"data {path}: holds {found}; needed: an array named 'data'")
        name = 'data' if 'data' in names else names[0]
        labels = arrays['label'] if 'label' in arrays.files else None
        return arrays[name], labels
