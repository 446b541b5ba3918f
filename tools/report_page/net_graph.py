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
Place = tuple[float, float]
Node = str | tuple[int, int]
Row = dict[str, Any]
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


@dataclass
class Layout:
    """Where boxes and bends of lines are, in pixels: the middle of a box by its name, of a bend by
    its part of the net and its number. lines: pairs of these."""

    places: dict[Node, Place] = field(default_factory=dict)
    lines: list[tuple[Node, Node]] = field(default_factory=list)


def laid_out(boxes: Sequence[Box]) -> Layout:
    """The layout of a net: parts that nothing connects stand side by side."""
    edges = []
    for box in boxes:
        edges += [(source, box.name) for source in box.bottoms]
    layout = Layout()
    left = 0.0
    for part, (positions, width, height, segments) in enumerate(parts_of(edges)):
        for name, (x, y) in positions:
            layout.places[node(part, name)] = pixels(left + x, height - y)
        for source, target in segments:
            layout.lines.append((node(part, source), node(part, target)))
        left += width + 1
    for box in boxes:
        if box.name not in layout.places:
            layout.places[box.name] = pixels(left, 0)
            left += 1
    return layout


def parts_of(edges: Sequence[tuple[str, str]]) -> Sequence[Any]:
    """What fast-sugiyama makes of each connected part: places, in units of a box, from the bottom
    up; width and height; and the edges, cut where they bend."""
    sugiyama = import_extra('fast_sugiyama', 'report')
    if not edges:
        return []
    return sugiyama.from_edges(
        edges, vertex_spacing=1, dummy_vertices=True, dummy_size=BEND, check_layout=False
    )


def node(part: int, name: str | int) -> Node:
    """A box by its name; a bend, which has a number, by this and its part."""
    return name if isinstance(name, str) else (part, name)


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
) -> dict[str, list[Row]]:
    """The rows of the chart: `boxes`, and the points of `lines`."""
    boxes = boxes_of(layers)
    layout = laid_out(boxes)
    paces_of = paces(rates)
    found = []
    for box in boxes:
        pace = paces_of.get(box.name, NO_PACE)
        place = layout.places[box.name]
        found.append({**sides(place), **texts(box, rates.get(box.name), pace), 'pace': pace})
    return {'boxes': found, 'lines': points_of_lines(layout)}


def sides(place: Place) -> Row:
    """The sides of a box in pixels, and the end of its strip."""
    x, y = place
    left = x - WIDTH / 2
    top = y - HEIGHT / 2
    across = {'left': left, 'strip': left + STRIP, 'right': left + WIDTH}
    return {**across, 'y': y, 'top': top, 'bottom': top + HEIGHT}


def texts(box: Box, rate: float | None, pace: str) -> Row:
    """What is written in a box, and what it says to a reader of screens."""
    name, kind, shape = box.lines
    label = f'{name} ({kind}), {shape or "no output"}'
    said = ''
    if rate:
        said = f'rate {number(rate)}'
        label += f'; change rate {number(rate)}: {pace}'
    return {'name': name, 'kind': kind, 'shape': shape, 'rate': said, 'label': label}


def points_of_lines(layout: Layout) -> list[Row]:
    """Two points for each line: at the edges of boxes, in the middle of bends."""
    points = []
    for i, (source, target) in enumerate(layout.lines):
        for end, side in ((source, HEIGHT / 2), (target, -HEIGHT / 2)):
            x, y = layout.places[end]
            if isinstance(end, str):
                y += side
            points.append({'line': i, 'x': x, 'y': y})
    return points
