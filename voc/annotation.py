"""One photograph's annotation: an XML file with the picture's size and its objects' boxes."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ..netlib.errors import DataError, did_you_mean
from .classes import CLASSES

LARGEST_FILE = 1 << 20  # bytes; those of VOC have a few thousand
EDGES = ('xmin', 'ymin', 'xmax', 'ymax')


class Box(NamedTuple):
    """An object. Its first and last pixels are inclusive and counted from zero."""

    label: int  # index into CLASSES
    x1: float
    y1: float
    x2: float
    y2: float
    difficult: bool
    truncated: bool


class Annotation(NamedTuple):
    """The size in pixels, and the objects in the order of the file."""

    width: int
    height: int
    boxes: tuple[Box, ...]


def read_annotation(path: Path) -> Annotation:
    """Raises DataError, which names the file and the field."""
    root = _parse(path)
    width, height = _size(root, path)
    boxes = tuple(_boxes(root, path, width, height))
    return Annotation(width, height, boxes)


def _parse(path: Path) -> Element:
    """The root element. A document type is refused: with it, a small file can become a large one,
    or name other files."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data

    def refuse(*_: object) -> None:
        raise DataError(f'{path}: declares a document type, which VOC does not: remove it')

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(_read(path), True)
    except expat.ExpatError as error:
        raise DataError(f'{path}: cannot be read as XML ({error})') from error
    return builder.close()


def _read(path: Path) -> bytes:
    try:
        with path.open('rb') as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise DataError(
            f'{path}: no such annotation; the test sets of some years are published without'
        ) from error
    except OSError as error:
        raise DataError(f'{path}: cannot be read ({error.strerror})') from error
    if len(content) > LARGEST_FILE:
        raise DataError(f'{path}: is larger than {LARGEST_FILE} bytes; is it an annotation?')
    return content


def _size(root: Element, path: Path) -> tuple[int, int]:
    """Width and height."""
    sides = []
    for side in ('width', 'height'):
        value = _number(root, f'size/{side}', str(path))
        if value < 1 or value != int(value):
            raise DataError(f'{path}: size/{side}: found {value:g}, needed: pixels, 1 or more')
        sides.append(int(value))
    return sides[0], sides[1]


def _boxes(root: Element, path: Path, width: int, height: int) -> Iterator[Box]:
    for number, element in enumerate(root.findall('object'), 1):
        where = f'{path}: object {number}'
        label = _label(element, where)
        edges = [_number(element, f'bndbox/{edge}', where) for edge in EDGES]
        _check_edges(edges, width, height, f'{where} ({CLASSES[label]})')
        x1, y1, x2, y2 = (edge - 1 for edge in edges)  # VOC counts pixels from one
        difficult, truncated = (_flag(element, name, where) for name in ('difficult', 'truncated'))
        yield Box(label, x1, y1, x2, y2, difficult, truncated)


def _label(element: Element, where: str) -> int:
    name = _text(element, 'name', where)
    if name not in CLASSES:
        raise DataError(f"{where}: unknown class '{name}'{did_you_mean(name, CLASSES)}")
    return CLASSES.index(name)


def _check_edges(edges: list[float], width: int, height: int, where: str) -> None:
    xmin, ymin, xmax, ymax = edges
    if not (1 <= xmin <= xmax <= width and 1 <= ymin <= ymax <= height):
        numbers = ', '.join(f'{edge:g}' for edge in edges)
        raise DataError(
            f'{where}: found the box {numbers}, needed: 1 <= xmin <= xmax <= {width} and '
            f'1 <= ymin <= ymax <= {height}'
        )


def _flag(element: Element, name: str, where: str) -> bool:
    """Missing in some years' files, which means no."""
    text = element.findtext(name, '0').strip()
    if text not in ('0', '1'):
        raise DataError(f"{where}: {name}: found '{text}', needed: 0 or 1")
    return text == '1'


def _number(element: Element, name: str, where: str) -> float:
    text = _text(element, name, where)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{where}: {name}: found '{text}', needed: a number")
    return value


def _text(element: Element, name: str, where: str) -> str:
    text = element.findtext(name)
    if text is None:
        raise DataError(f'{where}: has no {name}')
    return text.strip()
