"""How fast each layer of a net changes while it trains: measured now and then, drawn, and kept as
numbers.

The change rate of a layer is RMS(u) / RMS(W), with W its weights and u what the last update took
off them: learning rate, momentum, decay and all. Layers whose lines lie far apart learn at
different speeds (Krähenbühl et al. 2016).
"""

from __future__ import annotations

import json
import time
import warnings
from math import ceil, nan, sqrt
from pathlib import Path
from types import TracebackType

from ...netlib.blob import Param
from ...netlib.errors import DataError, GoodinitError
from ...proto import atomic_write
from ...solvers import Event, Snapshotted, Solver
from ...solvers.debug import square
from ..cli.report import finite
from . import figures

SHARE = 0.1  # of the time may go into drawing
EVERY = 100  # iterations, for a solver that displays nothing
NAMED = 24  # layers in the legend


class Monitor:
    """A context that writes a picture of the loss and of each layer's change rate over the
    iterations.

    It is to hear of each iteration that is done, and of each event. It measures each `every`th
    iteration. What it has is written at the start, as often as SHARE allows, at each snapshot and
    at the end: the picture to `path`, the numbers beside it as .json, where a run that is resumed
    takes up its curves. Raises DataError where that .json is another file.
    """

    def __init__(self, solver: Solver, path: str | Path, every: int):
        self.solver, self.path, self.every = solver, path, every
        self.numbers = Path(path).with_suffix('.json')
        self.weights: dict[str, Param] = {
            layer.name: layer.params[0]
            for layer in solver.net.layers
            if layer.params and layer.params[0].learns and layer.params[0].owner is layer.params[0]
        }
        self.iterations: list[int] = []
        self.losses: list[float | None] = []
        self.rates: dict[str, list[float | None]] = {name: [] for name in self.weights}
        self.drawn = self.cost = 0.0

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
        """An iteration is done: what it took off the weights stands in their diffs, as in Caffe."""
        i = self.solver.iter - 1
        if i % self.every:
            return
        self.iterations.append(i)
        self.losses.append(finite(self.solver.smoothed_loss))
        for name, weight in self.weights.items():
            self.rates[name].append(finite(change_rate(weight)))
        if time.perf_counter() - self.drawn > self.cost / SHARE:
            self._try_to_write()

    def tell(self, event: Event) -> None:
        """What the run up to a snapshot has shown is there for who resumes from it."""
        if isinstance(event, Snapshotted):
            self._try_to_write()

    def _resume(self):
        if not self.numbers.exists():
            return
        try:
            found = json.loads(self.numbers.read_text(encoding='utf-8'))
            kept = sum(i < self.solver.iter for i in found['iterations'])
            iterations, losses = found['iterations'][:kept], found['losses'][:kept]
            rates = {name: values[:kept] for name, values in found['rates'].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                f'{self.numbers}: found a file that --monitor did not write and would replace; needed: a '
                'picture of another name'
            ) from error
        if list(rates) == list(self.rates):
            self.iterations, self.losses, self.rates = iterations, losses, rates

    def _write(self):
        begin = time.perf_counter()
        with atomic_write(self.numbers, 'w') as file:
            json.dump(
                {'iterations': self.iterations, 'losses': self.losses, 'rates': self.rates}, file
            )
        figures.save(self._figure(), self.path)
        self.drawn = time.perf_counter()
        self.cost = self.drawn - begin

    def _try_to_write(self):
        """Training does not end because its picture cannot be written."""
        try:
            self._write()
        except GoodinitError as error:
            warnings.warn(f'--monitor: {error}', stacklevel=2)

    def _figure(self):
        figure, (loss, rates) = figures.panels([2, 4], 'iteration')
        loss.set_ylabel('loss')
        loss.plot(
            self.iterations,
            [nan if value is None else value for value in self.losses],
            color=figures.COLOURS[0],
        )
        rates.set_ylabel('RMS(update) / RMS(weights)')
        colours = figures.by_depth(len(self.rates))
        lines = [
            rates.plot(self.iterations, [rate or nan for rate in values], color=colour, label=name)[
                0
            ]
            for (name, values), colour in zip(self.rates.items(), colours, strict=True)
        ]
        figures.logarithmic(rates)
        figure.legend(
            handles=lines[:: max(ceil(len(lines) / NAMED), 1)],
            loc='outside right upper',
            frameon=False,
        )
        return figure


def change_rate(weight: Param) -> float:
    """RMS(diffs) / RMS(values); NaN where all values are 0."""
    size = square(weight.values)
    return sqrt(square(weight.diffs) / size) if size else nan
