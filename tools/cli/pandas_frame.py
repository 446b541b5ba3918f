"""The table that pycaffe's detect.py writes with pandas, for those who read it with pandas."""

import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

CORNERS = ('ymin', 'xmin', 'ymax', 'xmax')
KEY = 'df'


def has_pandas() -> bool:
    """Whether pandas is installed, and PyTables, by which it reads HDF5."""
    return all(find_spec(name) for name in ('pandas', 'tables'))


def with_frame(content: bytes, found: Sequence[dict[str, Any]]) -> bytes:
    """An HDF5 file with the detections as a DataFrame too, which `pandas.read_hdf(path, 'df')`
    reads: a row per window, with `prediction` and the corners, indexed by `filename`.

    content: the file without it; found: as Detector.detect_windows returns them.
    """
    pandas = import_module('pandas')
    store = pandas.HDFStore(
        KEY,
        mode='a',
        driver='H5FD_CORE',
        driver_core_image=content,
        driver_core_backing_store=0,
    )
    with store, warnings.catch_warnings():
        # The predictions are pickled, as they are by pycaffe.
        warnings.simplefilter('ignore', pandas.errors.PerformanceWarning)
        store.put(KEY, frame_of(found), track_times=False)
        store.flush()
        return store.root._v_file.get_file_image()


def frame_of(found: Sequence[dict[str, Any]]) -> Any:
    """The detections as a pandas.DataFrame."""
    pandas = import_module('pandas')
    names = [detection['filename'] for detection in found]
    index = pandas.Index(names, name='filename')
    predictions = [detection['prediction'].ravel() for detection in found]
    frame = pandas.DataFrame({'prediction': predictions}, index=index)
    windows = np.stack([detection['window'] for detection in found])
    for name, corner in zip(CORNERS, windows.T, strict=True):
        frame[name] = corner
    return frame
