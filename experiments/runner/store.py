"""Where cells are kept: a JSON file for each finished one, and a folder for one that is at work.

OUT/luther2019/figure3.md, .json, .png       what came of it
OUT/luther2019/figure3/cells/bn-7.json       a finished cell
OUT/luther2019/figure3/work/bn-7/            one at work: snapshots
OUT/luther2019/figure3_reduced...            the same of the reduced protocol
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from goodinit.proto import atomic_write
from goodinit.proto.files import read_utf8

from .description import Cell, Found, Protocol, Results
from .errors import ExperimentError


class Store:
    """The cells of one protocol of the experiment `name` ('luther2019/figure3') under a folder."""

    def __init__(self, out: Path, name: str, protocol: Protocol, reduced: bool):
        suffix = '_reduced' if reduced else ''
        self.base = out / f'{name}{suffix}'
        self.protocol = protocol

    def work(self, cell: Cell) -> Path:
        """The folder of a cell at work, which is made; what was begun with other settings is
        dropped."""
        path = self.base / 'work' / cell.name
        settings = json.dumps(self.settings(cell))
        begun = path / 'settings.json'
        if path.is_dir() and not (begun.is_file() and begun.read_text() == settings):
            shutil.rmtree(path)
        path.mkdir(parents=True, exist_ok=True)
        with atomic_write(begun, 'w') as file:
            file.write(settings)
        return path

    def path(self, cell: Cell) -> Path:
        return self.base / 'cells' / f'{cell.name}.json'

    def is_finished(self, cell: Cell) -> bool:
        return self.path(cell).is_file()

    def settings(self, cell: Cell) -> dict[str, Any]:
        """What a cell's result depends on: the numbers of the protocol, and its own settings."""
        return plain({**self.protocol.numbers, **cell.settings})

    def keep(self, cell: Cell, found: Found, seconds: float) -> None:
        """Keep what a cell found, and drop its snapshots."""
        content = {'settings': self.settings(cell), 'seconds': round(seconds, 1), 'found': found}
        self.path(cell).parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.path(cell), 'w') as file:
            json.dump(plain(content), file, indent=1)
        shutil.rmtree(self.base / 'work' / cell.name, ignore_errors=True)

    def read(self, cell: Cell) -> dict[str, Any]:
        """A finished cell's 'settings', 'seconds' and 'found'. Raises ExperimentError for one that
        is damaged, or of other settings than today's."""
        path = self.path(cell)
        try:
            content = json.loads(read_utf8(path))
            settings, _, _ = (content[key] for key in ('settings', 'seconds', 'found'))
        except (ValueError, KeyError, TypeError) as error:
            raise ExperimentError(f'{path}: damaged ({error}); delete it to run it again') from None
        if settings != self.settings(cell):
            raise ExperimentError(
                f'{path}: made with {difference(settings, self.settings(cell))}; delete it to run '
                'it again, or give another --out'
            )
        return content

    def results(self) -> Results:
        """What the finished cells found, in the order of the protocol."""
        found: Results = {}
        for cell in self.protocol.cells:
            if self.is_finished(cell):
                found[cell] = self.read(cell)['found']
        return found

    def seconds(self) -> dict[str, float]:
        """How long each finished cell took, by its name."""
        taken = {}
        for cell in self.protocol.cells:
            if self.is_finished(cell):
                taken[cell.name] = self.read(cell)['seconds']
        return taken

    def file(self, suffix: str) -> Path:
        """Where what came of it is written: '.md', '.json' or '.png'."""
        return self.base.with_name(self.base.name + suffix)


def difference(made: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The first setting that differs, as text."""
    for name in {**wanted, **made}:
        if made.get(name) != wanted.get(name):
            return f'{name} = {made.get(name)}, needed: {wanted.get(name)}'
    return 'the same settings'


def plain(value: Any) -> Any:
    """A value as JSON has it: NumPy's numbers and arrays become Python's, and what is not finite
    becomes None."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple | range):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
