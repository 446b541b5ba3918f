"""The run of one cell: what a description's `measure` is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .data_sets import DataSet

Advance = Callable[[float], None]  # told which share of a cell is done


def say_nothing(share: float) -> None:
    """Tell nobody what is done."""


@dataclass(frozen=True)
class Run:
    """The run of one cell.

    settings    the cell's: run['seed'] is one, or a number of the protocol if no setting has
                that name
    data        the folder of the user's data; `run.folder(CIFAR10)` is that of a data set
    work        a folder of the cell's own, for snapshots; it is removed when the cell is finished
    engine      the name of what computes
    advance     to be told which share of the cell is done, from 0 to 1
    """

    settings: dict[str, Any]
    data: Path
    work: Path
    engine: str = 'fast'
    advance: Advance = field(default=say_nothing)

    def __getitem__(self, name: str) -> Any:
        return self.settings[name]

    def folder(self, data_set: DataSet) -> Path:
        """Where a data set is. Raises ExperimentError, with what to fetch."""
        return data_set.find(self.data)
