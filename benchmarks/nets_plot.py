"""The picture of nets.py: times as multiples of PyTorch's."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from goodinit.tools.plots.figures import COLORS, legend_above, save

PLOTTED = ('forward of one', 'forward', 'SGD step')
WIDTH = 0.8  # of all bars of a net together, where nets are 1 apart


def plot(samples: Mapping[str, Mapping[str, dict]], path: Path) -> None:
    """Draw three tasks, a panel each, for the candidates that have the task.

    samples: {net: {candidate: {task: [milliseconds]}}}. Without PyTorch the first candidate takes
    its place.
    """
    from matplotlib.figure import Figure

    candidates = list(next(iter(samples.values())))
    base = 'torch' if 'torch' in candidates else candidates[0]
    figure = Figure(figsize=(9, 9), layout='constrained')
    for axes, task in zip(figure.subplots(len(PLOTTED), sharex=True), PLOTTED, strict=True):
        for index, name in enumerate(candidates):
            draw_bars(axes, samples, task, name, base, (index, len(candidates)))
        centers = [place + WIDTH / 2 - WIDTH / 2 / len(candidates) for place in range(len(samples))]
        axes.set_xticks(centers, list(samples))
        axes.set_ylabel(task)
    whose = "PyTorch's" if base == 'torch' else f"that of '{base}'"
    legend_above(figure, figure.axes[0].containers, f'time as a multiple of {whose}')
    save(figure, path)


def draw_bars(
    axes: Any,
    samples: Mapping[str, Mapping[str, dict]],
    task: str,
    name: str,
    base: str,
    place: tuple[int, int],
) -> None:
    """A candidate's bars in a panel. place: which candidate it is of how many."""
    index, count = place
    xs: list[float] = []
    heights: list[float] = []
    for net, found in enumerate(samples.values()):
        if task in found[name]:
            xs.append(net + WIDTH * index / count)
            heights.append(median(found[name][task]) / median(found[base][task]))
    color = COLORS[index % len(COLORS)]
    axes.bar(xs, heights, 0.75 / count, label=name, color=color)
