"""An experiment as a description: what is claimed, its cells, how one is measured, what to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from .data_sets import DataSet
from .run import Run

Found = dict[str, Any]  # what a cell measured: numbers, texts, and lists and dicts of them


@dataclass(frozen=True)
class Cell:
    """One independent part of an experiment: a net, an initialization, a seed. The name is also
    that of its file."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __getitem__(self, setting: str) -> Any:
        return self.settings[setting]


Results = dict[Cell, Found]


def grid(**axes: Sequence[Any]) -> list[Cell]:
    """A cell for each combination: grid(net=['relu', 'tanh'], seed=range(3)) are six, from
    'relu-0' to 'tanh-2'. The last axis runs fastest."""
    cells = []
    for values in product(*axes.values()):
        name = '-'.join(map(str, values))
        settings = dict(zip(axes, values, strict=True))
        cells.append(Cell(name, settings))
    return cells


@dataclass(frozen=True)
class Protocol:
    """How much is done: the cells, numbers such as the iterations, and what it costs.

    `cost` is a few words for the list: '25 min on two cores', measured, or '~5 days' if estimated.
    """

    cells: Sequence[Cell]
    cost: str
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, number: str) -> Any:
        return self.numbers[number]

    def __contains__(self, number: str) -> bool:
        return number in self.numbers


@dataclass(frozen=True)
class Experiment:
    """A table or a figure of a paper.

    title      'Figure 3: the slopes of gradients over the layers', without the paper
    full       the paper's protocol
    reduced    the same for few cores; None if the full one is cheap
    measure    computes one cell: see Run for what it is given. What it returns is kept as JSON
    report     a page in Markdown of finished cells: tables with measured beside printed figures
    draw       writes the picture of finished cells, if there is one
    needs      the data sets that `measure` reads
    finds      whether it looks for others itself, which depend on the protocol
    """

    title: str
    full: Protocol
    measure: Callable[[Run], Found]
    report: Callable[[Results, Protocol], str]
    reduced: Protocol | None = None
    draw: Callable[[Results, Path], None] | None = None
    needs: Sequence[DataSet] = ()
    finds: bool = False

    def protocol(self, reduced: bool) -> Protocol:
        """The protocol that is asked for; the full one if there is no other."""
        return (reduced and self.reduced) or self.full
