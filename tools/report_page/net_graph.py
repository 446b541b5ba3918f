"""A net as boxes and lines from top to bottom, in pixels: Sugiyama's layout, by fast-sugiyama."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...netlib.errors import import_extra
from ..cli.report import number

WIDTH, HEIGHT = 184, 46  # of a box
STRIP = 8  # of it, the part in the color of its rate
COLUMN, ROW = 200, 72  # from one box to the next
MARGIN = 4
BEND = 0.25  # of a column: the room of a line that passes boxes by
EVEN = 1.5  # within this factor of the median, a rate is about the median
FAR = 4  # beyond this one it is far from it
PACES = (
    'more than 4 times slower',
    'slower',
    'about the median rate',
    'faster',
    'more than 4 times faster',
)
NO_PACE = 'without weights that learn'


@dataclass
class Box:
    """A layer with those that work in place on its top."""

    layers: list[dict[str, Any]] = field(default_factory=list)
    bottoms: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.layers[0]['layer']

    @property
    def lines(self) -> list[str]:
        """Its text: the name with the type, what works in place, the shape of the first top."""
        first, *others = self.layers
        followers = ', '.join(layer['type'] for layer in others)
        kind = first['type']
        if followers:
            kind += f' + {followers}'
        return [self.name, kind, first['shapes'][0] if first['shapes'] else '']


def boxes_of(layers: Iterable[Mapping[str, Any]]) -> list[Box]:
    """The boxes of a net, in its order. Second tops of data layers, which are labels, are left out:
    their lines to the losses would pass everything by. Split layers are left out too."""
    makers: dict[str, Box] = {}
    boxes = []
    for layer in layers:
        bottoms, tops = layer['bottoms'], layer['tops']
        if bottoms and bottoms == tops and bottoms[0] in makers:
            makers[bottoms[0]].layers.append(dict(layer))
            continue
        if layer['type'] == 'Split' and bottoms[0] in makers:
            makers.update(dict.fromkeys(tops, makers[bottoms[0]]))
            continue
        sources = [makers[name].name for name in bottoms if name in makers]
        box = Box([dict(layer)], list(dict.fromkeys(sources)))
        boxes.append(box)
        shown = tops if bottoms else tops[:1]
        makers.update(dict.fromkeys(shown, box))
    return boxes


def placed(boxes: Sequence[Box]) -> tuple[dict[Any, tuple[float, float]], list[tuple]]:
    """The middle of each box by its name, and of each bend of a line by its number, in pixels; and
    the lines between them."""
    edges = []
    for box in boxes:
        edges += [(source, box.name) for source in box.bottoms]
    sugiyama = import_extra('fast_sugiyama', 'report')
    parts = []
    if edges:
        parts = sugiyama.from_edges(
            edges, vertex_spacing=1, dummy_vertices=True, dummy_size=BEND, check_layout=False
        )
    places: dict[Any, tuple[float, float]] = {}
    lines: list[tuple] = []
    left = 0.0
    for number_of_part, (positions, width, height, segments) in enumerate(parts):
        for name, (x, y) in positions:
            known = name if isinstance(name, str) else (number_of_part, name)
            places[known] = pixels(left + x, height - y)
        for segment in segments:
            lines.append(tuple(e if isinstance(e, str) else (number_of_part, e) for e in segment))
        left += width + 1
    for box in boxes:
        if box.name not in places:
            places[box.name] = pixels(left, 0)
            left += 1
    return places, lines


def pixels(column: float, row: float) -> tuple[float, float]:
    x = MARGIN + WIDTH / 2 + column * COLUMN
    y = MARGIN + HEIGHT / 2 + row * ROW
    return x, y


def paces(rates: Mapping[str, float | None]) -> dict[str, str]:
    """How fast each layer learns beside the median of all."""
    known = sorted(rate for rate in rates.values() if rate)
    if not known:
        return {}
    median = known[len(known) // 2]
    return {name: pace(rate / median) for name, rate in rates.items() if rate}


def pace(relative: float) -> str:
    limits = (1 / FAR, 1 / EVEN, EVEN, FAR)
    return PACES[sum(relative > limit for limit in limits)]


def graph_rows(
    layers: Sequence[Mapping[str, Any]], rates: Mapping[str, float | None]
) -> dict[str, list[dict[str, Any]]]:
    """The rows of the chart: `boxes`, and the points of `lines`."""
    boxes = boxes_of(layers)
    places, segments = placed(boxes)
    paces_of = paces(rates)
    found = []
    for box in boxes:
        x, y = places[box.name]
        name, kind, shape = box.lines
        rate = rates.get(name)
        pace = paces_of.get(name, NO_PACE)
        said = f'rate {number(rate)}' if rate else ''
        label = f'{name} ({kind}), {shape}'
        if rate:
            label += f'; change rate {number(rate)}: {pace}'
        left = x - WIDTH / 2
        sides = {'left': left, 'strip': left + STRIP, 'right': left + WIDTH}
        ends = {'top': y - HEIGHT / 2, 'bottom': y + HEIGHT / 2}
        texts = {'name': name, 'kind': kind, 'shape': shape, 'rate': said}
        found.append({'x': x, 'y': y, **sides, **ends, **texts, 'pace': pace, 'label': label})
    return {'boxes': found, 'lines': points_of_lines(segments, places, boxes)}


def points_of_lines(
    segments: Sequence[tuple], places: Mapping[Any, tuple[float, float]], boxes: Sequence[Box]
) -> list[dict[str, Any]]:
    """Two points for each segment: at the edges of boxes, in the middle of bends."""
    points = []
    for number_of_line, (source, target) in enumerate(segments):
        x, y = places[source]
        if isinstance(source, str):
            y += HEIGHT / 2
        points.append({'line': number_of_line, 'x': x, 'y': y})
        x, y = places[target]
        if isinstance(target, str):
            y -= HEIGHT / 2
        points.append({'line': number_of_line, 'x': x, 'y': y})
    return points
