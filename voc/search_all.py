"""The regions of many photographs, several searched at once, with a bar on a terminal."""

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .devkit import Photograph
from .regions import Regions


def regions_of_all(
    photographs: Sequence[Photograph], regions: Regions, threads: int | None = None
) -> list[np.ndarray]:
    """The regions (R, 4) of each photograph. After an interruption those that selective search
    keeps in a folder are not searched again. Raises GoodinitError."""
    from tqdm import tqdm

    pool = ThreadPoolExecutor(threads or os.cpu_count())
    try:
        found = pool.map(regions, photographs)
        bar = tqdm(
            found,
            'regions',
            len(photographs),
            leave=False,
            file=sys.stderr,
            disable=not sys.stderr.isatty(),
        )
        return list(bar)
    finally:
        pool.shutdown(cancel_futures=True)
