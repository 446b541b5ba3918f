"""Plots as specifications of Vega-Lite: the templates of vega_lite/ with numbers in them, and what
vl-convert draws from them."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ...netlib.errors import import_extra
from ..plots.figures import in_palette
from .colors import on_white

SPECIFICATIONS = Path(__file__).with_name('vega_lite')
VERSION = '5.20'  # of Vega-Lite
PATH = re.compile(r' d="[^"]*"')
DIGITS = re.compile(r'(?<=\.\d)\d+')  # of a pixel, from the hundredths on
SCALE = 2  # a PNG's pixels per pixel of the plot
Spec = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]


def chart(template: str, rows: Mapping[str, Rows], **values: Any) -> Spec:
    """The specification of the plot that a template describes.

    rows: of each set of data that it names. values: what stands for `$name` in it.
    """
    spec = put_in(read_template(template), values)
    return {**spec, 'datasets': rows, 'config': read_template('theme')}


@cache
def read_template(name: str) -> Spec:
    return json.loads((SPECIFICATIONS / f'{name}.json').read_text(encoding='utf-8'))


def put_in(part: Any, values: Mapping[str, Any]) -> Any:
    """A part of a template with its `$name`s replaced."""
    if isinstance(part, dict):
        return {key: put_in(each, values) for key, each in part.items()}
    if isinstance(part, list):
        return [put_in(each, values) for each in part]
    if isinstance(part, str) and part.startswith('$'):
        return values[part[1:]]
    return part


def svg_in_page(spec: Spec) -> str:
    """The plot as an element of a page, which has the colors."""
    svg = import_extra('vl_convert', 'report').vegalite_to_svg(spec, vl_version=VERSION)
    return PATH.sub(lambda path: DIGITS.sub('', path[0]), svg)


def picture(spec: Spec, suffix: str) -> bytes:
    """The plot as a file in the format of a suffix: .svg, .png or .pdf."""
    draw = import_extra('vl_convert', 'report')
    white = json.loads(on_white(json.dumps(spec)))
    white['config']['background'] = 'white'
    if suffix == '.svg':
        return draw.vegalite_to_svg(white, vl_version=VERSION).encode()
    if suffix == '.pdf':
        return draw.vegalite_to_pdf(white, vl_version=VERSION)
    return in_palette(draw.vegalite_to_png(white, vl_version=VERSION, scale=SCALE))
