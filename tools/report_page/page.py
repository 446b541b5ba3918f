"""The page of a report: numbers and pictures in, HTML out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...initializers.rows import HEADINGS, OPTIONAL
from ...netlib.errors import DataError, import_extra
from ...proto import atomic_write
from ..cli.report import number
from .charts import svg_in_page
from .colors import style_variables
from .curves import plots_of_training, table_of_training
from .numbers import Numbers
from .pictures import Picture
from .plots import Plot, graph_plot, histogram_plots, plots_of

TEMPLATES = Path(__file__).with_name('templates')
BEGIN = '<script type="application/json" id="numbers">'
END = '</script>'


@dataclass
class Drawn:
    """A plot with its SVG."""

    name: str
    svg: str
    caption: str


@dataclass
class Section:
    """A heading and the plots below it; `folded`: until the reader opens it."""

    title: str
    plots: list[Drawn]
    folded: bool = False


def write_report(path: str | Path, numbers: Numbers, pictures: Sequence[Picture] = ()) -> None:
    """Write the page; a reader sees the old one or the new one. Raises GoodinitError."""
    text = page_of(numbers, pictures)
    with atomic_write(path, 'w') as file:
        file.write(text)


def page_of(numbers: Numbers, pictures: Sequence[Picture] = ()) -> str:
    """The page as HTML."""
    jinja2: Any = import_extra('jinja2', 'report')
    loader = jinja2.FileSystemLoader(TEMPLATES)
    options = {'trim_blocks': True, 'lstrip_blocks': True, 'undefined': jinja2.StrictUndefined}
    environment = jinja2.Environment(loader=loader, autoescape=True, **options)
    return environment.get_template('page.html').render(
        numbers=numbers,
        sections=sections_of(numbers),
        table=table_of(numbers),
        pictures=pictures,
        light=style_variables(),
        dark=style_variables(dark=True),
        json=json_in_page(numbers),
    )


def sections_of(numbers: Numbers) -> list[Section]:
    if 'training' in numbers:
        return [Section('Over the iterations', drawn(plots_of_training(numbers['training'])))]
    return [
        Section('Along the depth of the net', drawn(plots_of(numbers))),
        Section('The net', drawn([graph_plot(numbers)])),
        Section('How values are spread', drawn(histogram_plots(numbers)), folded=True),
    ]


def drawn(plots: Sequence[Plot]) -> list[Drawn]:
    return [Drawn(plot.name, svg_in_page(plot.spec), plot.caption) for plot in plots]


def table_of(numbers: Numbers) -> dict[str, Any]:
    """The headings, and for each layer its cells: the text, and the number that it is sorted by."""
    if 'training' in numbers:
        return table_of_training(numbers)
    measures = HEADINGS | OPTIONAL
    states = numbers['states']
    known = []
    for name in measures:
        values = [layer[state][name] for layer in numbers['layers'] for state in states]
        if any(value is not None for value in values):
            known.append(name)
    headings = ['layer', 'type']
    for name in known:
        for state in states:
            suffix = f', {state}' if len(states) > 1 else ''
            headings.append(f'{measures[name]}{suffix}')
    rows = []
    for layer in numbers['layers']:
        cells = [(layer['layer'], None), (layer['type'], None)]
        for name in known:
            cells += [(number(layer[state][name]), layer[state][name]) for state in states]
        rows.append(cells)
    return {'headings': headings, 'rows': rows}


def json_in_page(numbers: Numbers) -> str:
    """The numbers for a script element, which would end at the first `</`."""
    text = json.dumps(numbers, allow_nan=False)
    return text.replace('<', '\\u003c')


def read_numbers(path: str | Path) -> Numbers:
    """The numbers that a page carries. Raises DataError for a file that is no report."""
    try:
        text = Path(path).read_text(encoding='utf-8')
        _, _, rest = text.partition(BEGIN)
        return json.loads(rest.partition(END)[0])
    except (OSError, ValueError) as error:
        raise DataError(
            f'{path}: found no numbers in it; needed: a page that --report wrote'
        ) from error
