"""How fast each layer of a net changes while it trains: measured now and then, drawn, and kept as
numbers.

The change rate of a layer is RMS(u) / RMS(W), where W are its weights and u is what the last update
took off them: learning rate, momentum, decay and all. Layers whose lines lie far apart learn at
different speeds (Krähenbühl et al. 2016).
"""

from __future__ import annotations

import json
import time
import warnings
from math import ceil, nan, sqrt
from pathlib import Path
from types import TracebackType
from typing import Any

from ...netlib.blob import Param
from ...netlib.errors import DataError, GoodinitError
from ...netlib.layers import Layer
from ...proto import atomic_write
from ...solvers import Event, Snapshotted, Solver
from ...solvers.debug import square
from ..cli.report import finite
from . import figures

SHARE = 0.1  # of the time may go into drawing
EVERY = 100  # iterations, for a solver that displays nothing
NAMED = 24  # layers in the legend


class Monitor:
    """A context that draws the loss and each layer's change rate over the iterations.

    It must hear of each iteration that is done (`advance`), and of each event (`tell`); it measures
    every `every`th iteration. It writes at the start, as often as SHARE allows, at each snapshot
    and at the end: the picture to `path`, the numbers beside it as .json. A run that is resumed
    reads its curves from there. Raises DataError where that .json is another file.
    """

    option = '--monitor'
    share = SHARE

    def __init__(self, solver: Solver, path: str | Path, every: int):
        self.solver = solver
        self.path = path
        self.every = every
        self.numbers = Path(path).with_suffix('.json')
        self.weights = {
            layer.name: layer.params[0] for layer in solver.net.layers if _has_own_weights(layer)
        }
        self.iterations: list[int] = []
        self.losses: list[float | None] = []
        self.rates: dict[str, list[float | None]] = {name: [] for name in self.weights}
        self.drawn = 0.0  # when, and how long it took
        self.cost = 0.0

    def __enter__(self) -> Monitor:
        self._resume()
        self._write()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._try_to_write()

    def advance(self) -> None:
        """An iteration is done; as in Caffe, the diffs of the weights are what it took off them."""
        i = self.solver.iter - 1
        if i % self.every:
            return
        self._record(i)
        if time.perf_counter() - self.drawn > self.cost / self.share:
            self._try_to_write()

    def tell(self, event: Event) -> None:
        """At a snapshot, write what a run needs that is resumed from it."""
        if isinstance(event, Snapshotted):
            self._try_to_write()

    def _record(self, i: int) -> None:
        """Keep the numbers of iteration i."""
        self.iterations.append(i)
        self.losses.append(finite(self.solver.smoothed_loss))
        for name, weight in self.weights.items():
            self.rates[name].append(finite(change_rate(weight)))

    # -- files

    def _resume(self) -> None:
        """Take up the curves of an earlier run of the same net, up to the iteration reached."""
        if not self.numbers.exists():
            return
        try:
            found = json.loads(self.numbers.read_text(encoding='utf-8'))
            kept = sum(i < self.solver.iter for i in found['iterations'])
            iterations = found['iterations'][:kept]
            losses = found['losses'][:kept]
            rates = {name: values[:kept] for name, values in found['rates'].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                f'{self.numbers}: found a file that --monitor did not write and would replace; '
                'needed: a picture of another name'
            ) from error
        if list(rates) == list(self.rates):
            self.iterations = iterations
            self.losses = losses
            self.rates = rates

    def _write(self) -> None:
        begin = time.perf_counter()
        self._write_files()
        self.drawn = time.perf_counter()
        self.cost = self.drawn - begin

    def _write_files(self) -> None:
        numbers = {'iterations': self.iterations, 'losses': self.losses, 'rates': self.rates}
        with atomic_write(self.numbers, 'w') as file:
            json.dump(numbers, file)
        figures.save(self._figure(), self.path)

    def _try_to_write(self) -> None:
        """Write. Training does not end because its picture cannot be written."""
        try:
            self._write()
        except GoodinitError as error:
            warnings.warn(f'{self.option}: {error}', stacklevel=2)

    # -- the picture

    def _figure(self) -> Any:
        figure, (loss, rates) = figures.panels([2, 4], 'iteration')
        loss.set_ylabel('loss')
        losses = [nan if value is None else value for value in self.losses]
        loss.plot(self.iterations, losses, color=figures.COLORS[0])
        rates.set_ylabel('RMS(update) / RMS(weights)')
        lines = self._draw_rates(rates)
        figures.logarithmic(rates)
        step = max(ceil(len(lines) / NAMED), 1)
        figure.legend(handles=lines[::step], loc='outside right upper', frameon=False)
        return figure

    def _draw_rates(self, panel: Any) -> list:
        lines = []
        colors = figures.by_depth(len(self.rates))
        for (name, values), color in zip(self.rates.items(), colors, strict=True):
            rates = [rate or nan for rate in values]
            lines += panel.plot(self.iterations, rates, color=color, label=name)
        return lines


def _has_own_weights(layer: Layer) -> bool:
    """Whether a layer has weights that learn and are not another layer's."""
    if not layer.params:
        return False
    weight = layer.params[0]
    return weight.learns and weight.owner is weight


def change_rate(weight: Param) -> float:
    """RMS(diffs) / RMS(values); NaN where all values are 0."""
    size = square(weight.values)
    if not size:
        return nan
    return sqrt(square(weight.diffs) / size)
