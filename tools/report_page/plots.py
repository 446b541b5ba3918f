"""The plots of a report: which rows of its numbers each shows, and what a reader sees in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..cli.report import number
from .charts import Spec, chart
from .net_graph import MARGIN, PACES, graph_rows
from .numbers import Numbers

STD = 'standard deviation of outputs'
RATE = 'change rate of weights'
PACE_COLORS = ('slowest', 'slower', 'median', 'faster', 'fastest')
HISTOGRAMS = {
    'outputs': 'outputs, in standard deviations',
    'weights': 'weights, in standard deviations',
    'rates': "log10 of single weights' change rates",
}


@dataclass
class Plot:
    """A plot: an id, the specification, and a caption in words."""

    name: str
    spec: Spec
    caption: str


def plots_of(numbers: Numbers) -> list[Plot]:
    """The plots of what was measured along the depth of the net."""
    found = [
        depth_plot(numbers, 'output_std', STD),
        depth_plot(numbers, 'change_rate', RATE),
    ]
    for measure, title in (('dead', 'dead units'), ('saturated', 'saturated outputs')):
        rows = list(rows_of(numbers, measure, title))
        if any(row['value'] for row in rows):
            spec = chart('bars', {'rows': rows}, title=title, states=numbers['states'])
            found.append(Plot(measure, spec, span_caption(rows, f'The share of {title}', percent)))
    return found


def depth_plot(numbers: Numbers, measure: str, title: str) -> Plot:
    """A measure of each layer, from the first layer at the top to the last at the bottom."""
    rows = list(rows_of(numbers, measure, title))
    spec = chart('depth', {'rows': rows}, title=title, states=numbers['states'])
    return Plot(measure, spec, span_caption(rows, title[:1].upper() + title[1:], number))


def rows_of(numbers: Numbers, measure: str, title: str) -> Iterator[dict[str, Any]]:
    """A row for each layer and state in which a measure is known."""
    for depth, layer in enumerate(numbers['layers']):
        for state in numbers['states']:
            value = layer[state][measure]
            if value is not None:
                label = f'{layer["layer"]}, {state}: {title} {number(value)}'
                yield {
                    'layer': layer['layer'],
                    'depth': depth,
                    'state': state,
                    'value': value,
                    'label': label,
                }


def span_caption(rows: list[dict[str, Any]], title: str, written: Any) -> str:
    """Between what values a measure lies, in each state: what a reader sees at a glance."""
    states: dict[str, list[float]] = {}
    for row in rows:
        states.setdefault(row['state'], []).append(row['value'])
    spans = []
    for state, values in states.items():
        low, high = written(min(values)), written(max(values))
        span = low if low == high else f'from {low} to {high}'
        spans.append(f'{state} {span}')
    return f'{title}, layer by layer from the input down: {", ".join(spans)}.'


def percent(share: float) -> str:
    return f'{share:.0%}'


def histogram_plots(numbers: Numbers) -> list[Plot]:
    """What values outputs, weights and change rates of single weights have, layer by layer."""
    found = []
    for kind, title in HISTOGRAMS.items():
        rows = list(bins_of(numbers, kind))
        if rows:
            spec = chart('histogram', {'rows': rows}, title=title, states=numbers['states'])
            found.append(Plot(kind, spec, histogram_caption(kind)))
    return found


def histogram_caption(kind: str) -> str:
    if kind == 'rates':
        return (
            'How the change rates of the single weights of each layer are spread: a step of 1 is a '
            'factor of 10. A narrow hill means that all weights of the layer learn alike.'
        )
    return (
        f'The values of the {kind} of each layer, in units of their own standard deviation: the '
        'shape, and how far the hill is from 0. Outputs are taken before any nonlinearity.'
    )


def bins_of(numbers: Numbers, kind: str) -> Iterator[dict[str, Any]]:
    """A row for each bin: its middle, and the share of the values per unit of the axis."""
    for depth, layer in enumerate(numbers['layers']):
        for state in numbers['states']:
            found = layer[state]['histograms'].get(kind)
            if not found:
                continue
            unit = 1.0
            if kind != 'rates':
                unit = layer[state][f'{kind.removesuffix("s")}_std'] or 1.0
            low, high = found['low'] / unit, found['high'] / unit
            counts = found['counts']
            width = (high - low) / len(counts)
            total = sum(counts) + found['below'] + found['above']
            for place, count in enumerate(counts):
                yield {
                    'layer': layer['layer'],
                    'depth': depth,
                    'state': state,
                    'middle': round(low + (place + 0.5) * width, 4),
                    'density': round(count / total / width, 5),
                    'label': f'{layer["layer"]}, {state}',
                }


def graph_plot(numbers: Numbers) -> Plot:
    """The net, its layers colored by how fast they learn."""
    state = numbers['states'][-1]
    rates = {layer['layer']: layer[state]['change_rate'] for layer in numbers['layers']}
    rows = graph_rows(numbers['net'], rates)
    spec = graph_chart(rows)
    caption = (
        f'The net from its input down, {len(rows["boxes"])} boxes: each layer with what works in '
        'place on its output, the shape of this output, and its change rate. The strip at the left '
        'tells how fast it learns beside the median of all layers.'
    )
    return Plot('graph', spec, caption)


def graph_chart(rows: dict[str, list[dict[str, Any]]]) -> Spec:
    """The boxes and lines of a net as a plot of their size."""
    boxes = rows['boxes']
    rights = [box['right'] for box in boxes]
    bottoms = [box['bottom'] for box in boxes]
    colors = [f'var(--{name})' for name in PACE_COLORS]
    known = {box['pace'] for box in boxes}
    shown = [pace for pace in PACES if pace in known]
    return chart(
        'graph',
        rows,
        width=max(rights) + MARGIN,
        height=max(bottoms) + MARGIN,
        paces=PACES,
        colors=colors,
        legend={'values': shown, 'columns': 1} if shown else None,
    )
