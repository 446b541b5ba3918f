"""Curves of trainings, as their logs tell them: losses, outputs and learning rates over iterations
or seconds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...solvers.log.reader import Log, Row
from . import figures

RATE = 'rate'
LOSS = 'loss'
LABELS = {RATE: 'learning rate'}
HEIGHT = 2.5  # inches of a panel
RATE_HEIGHT = 1.4
TRAIN: dict[str, Any] = {'linewidth': 0.9, 'alpha': 0.8}
TEST: dict[str, Any] = {'linewidth': 1.8, 'marker': 'o', 'markersize': 4}


@dataclass
class Run:
    """A training: what to call it, its log's file, and the log."""

    name: str
    path: str
    log: Log


@dataclass
class CurveOptions:
    """How curves are drawn: over seconds or iterations, those of training as means of the last
    `smooth` values."""

    seconds: bool = False
    smooth: int = 1


def rows_of(run: Run) -> list[Row]:
    return run.log.train + run.log.test


def output_names(runs: Iterable[Run]) -> list[str]:
    """The names of all outputs, in the order of the logs."""
    names: dict[str, None] = {}
    for run in runs:
        for row in rows_of(run):
            names.update(dict.fromkeys(row.outputs))
    return list(names)


def usual_panels(runs: Sequence[Run]) -> list[str]:
    """The loss, the last two outputs that are no losses (those of a net's last classifier), the
    rate."""
    losses = {LOSS}
    for run in runs:
        losses |= run.log.losses
    others = [name for name in output_names(runs) if name not in losses]
    return [LOSS, *others[-2:], RATE]


# -- drawing


def draw_runs(
    runs: Sequence[Run], shown: Sequence[str], options: CurveOptions, title: str = ''
) -> Any:
    """The figure with a panel for each name in `shown`, and one legend for all."""
    heights = [RATE_HEIGHT if name == RATE else HEIGHT for name in shown]
    figure, panels = figures.panels(heights, 'seconds' if options.seconds else 'iteration')
    for panel, name in zip(panels, shown, strict=True):
        panel.set_ylabel(LABELS.get(name, name))
        if name == RATE:
            draw_rates(panel, runs, options)
        else:
            draw_output(panel, runs, name, options)
    if not title and len(runs) == 1:
        title = runs[0].name
    figures.legend_above(figure, legend_handles(panels[0], runs), title)
    return figure


def draw_rates(panel: Any, runs: Sequence[Run], options: CurveOptions) -> None:
    """Draw the learning rates. They are often the same: each run's line is wider than the next
    one's, which is drawn over it."""
    step = min(3.2, 12 / len(runs))
    for i, run in enumerate(runs):
        rows = sorted(rows_of(run), key=lambda row: row.iter)
        x, y = curve(rows, RATE, options.seconds)
        look = figures.look(i)
        width = step * (len(runs) - i - 0.5)
        panel.plot(x, y, **look, linewidth=width, drawstyle='steps-post')
    figures.logarithmic(panel)


def draw_output(panel: Any, runs: Sequence[Run], name: str, options: CurveOptions) -> None:
    """Draw an output, or the loss: thin lines of training, marked ones of tests."""
    for i, run in enumerate(runs):
        look = figures.look(i)
        x, y = curve(run.log.train, name, options.seconds)
        y = smoothed(y, options.smooth)
        panel.plot(x, y, **look, **TRAIN)
        x, y = curve(run.log.test, name, options.seconds)
        panel.plot(x, y, **look, **TEST)


def legend_handles(panel: Any, runs: Sequence[Run]) -> list:
    """Lines without points, for the legend: one for each of several runs, one for training and,
    where there are tests, one for these."""
    handles = []
    kind_color = figures.COLORS[0]
    if len(runs) > 1:
        kind_color = '0.4'
        for i, run in enumerate(runs):
            handles += panel.plot([], [], **figures.look(i), label=run.name)
    handles += panel.plot([], [], color=kind_color, label='training', **TRAIN)
    if any(run.log.test for run in runs):
        handles += panel.plot([], [], color=kind_color, label='test', **TEST)
    return handles


# -- numbers


def curve(rows: Sequence[Row], name: str, seconds: bool) -> tuple[list[float], list[float]]:
    """The positions of the rows, and their values of an output; rows that lack it are left out."""
    x: list[float] = []
    y: list[float] = []
    for row in rows:
        value = value_of(row, name)
        if value is not None:
            x.append(row.seconds if seconds else row.iter)
            y.append(value)
    return x, y


def value_of(row: Row, name: str) -> float | None:
    """A row's learning rate (NaN for 0: its axis is logarithmic), loss, or output."""
    if name == RATE:
        return row.lr or np.nan
    if name == LOSS and not np.isnan(row.loss):
        return row.loss
    return row.outputs.get(name)


def smoothed(y: Sequence[float], count: int) -> list[float]:
    """Each value's mean with those before it, `count` together, at the start fewer."""
    windows = [y[max(i - count, 0) : i] for i in range(1, len(y) + 1)]
    return [float(np.mean(window)) for window in windows]
