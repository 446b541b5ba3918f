"""Where samples come from: image files, the rows of an array, the datums of a database."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import DataError
from ..shapes import Shape, dimensions
from .databases import Database, datum_name, read_datum
from .deep_images import decode_whole

# Pixels, uint8 or uint16 (C, H, W), or values of another dtype and any shape; then the label, if
# known.
Sample = tuple[np.ndarray, int | None]


class Store(Protocol):
    """Items by their index. `describe` is a short text about the store; `name` names an item."""

    describe: str

    def __len__(self) -> int: ...

    def suit(self, shape: Shape) -> None:
        """Give all further items in color or gray, as a net's input (C, H, W) needs them. Raises
        DataError if that is impossible."""

    def name(self, index: int) -> str: ...

    def __getitem__(self, index: int) -> Sample: ...


class Images:
    """Image files, decoded on request, by any thread; in color unless `suit` says otherwise. Those
    of 16 bits keep them."""

    def __init__(self, spec: str, paths: Sequence[str | Path], labels: list[int] | None):
        self.spec = spec
        self.paths = paths
        self.labels = labels
        self.color = True
        self.describe = f'{spec} ({len(paths)} images)'

    def __len__(self) -> int:
        return len(self.paths)

    def suit(self, shape: Shape) -> None:
        if len(shape) != 3 or shape[0] not in (1, 3):
            extents = ', '.join(map(str, shape))
            raise DataError(
                f'data {self.spec}: images have 1 or 3 channels, the net needs '
                f'{dimensions(shape)}; give an .npy file of shape (N, {extents})'
            )
        self.color = shape[0] == 3

    def name(self, index: int) -> str:
        return str(self.paths[index])

    def __getitem__(self, index: int) -> Sample:
        pixels = decode_whole(self.paths[index], self.color)
        label = None if self.labels is None else self.labels[index]
        return pixels, label


class Arrays:
    """The rows of an array (N, ...) as `dtype`, with optional labels; uint8 means pixels."""

    def __init__(
        self, spec: str, rows: np.ndarray, labels: np.ndarray | None = None, dtype: type = np.uint8
    ):
        self.spec = spec
        self.rows = rows
        self.labels = labels
        self.dtype = dtype
        size = dimensions(rows.shape[1:])
        self.describe = f'{spec}: {len(rows)} samples of {size}'

    def __len__(self) -> int:
        return len(self.rows)

    def suit(self, shape: Shape) -> None:
        pass

    def name(self, index: int) -> str:
        return f'{self.spec}, sample {index}'

    def __getitem__(self, index: int) -> Sample:
        row: np.ndarray = np.asarray(self.rows[index], self.dtype)
        label = None if self.labels is None else int(self.labels[index])
        return row, label


class Datums:
    """The datums of a database, with their labels; encoded ones in color unless `suit` says
    otherwise."""

    def __init__(self, database: Database):
        self.database = database
        self.keys = database.keys()
        self.color: bool | None = True
        count = len(self.keys)
        self.describe = f'{database.path} ({database.label}, {count} datums)'

    def __len__(self) -> int:
        return len(self.keys)

    def suit(self, shape: Shape) -> None:
        self.color = {1: False, 3: True}.get(shape[0])

    def name(self, index: int) -> str:
        return datum_name(self.database.path, self.keys[index])

    def __getitem__(self, index: int) -> Sample:
        key = self.keys[index]
        name = datum_name(self.database.path, key)
        return read_datum(self.database[key], self.color, name)
