#!/usr/bin/env python3
"""Make the pictures of these pages from what goodinit measures:

    python docs/make_pictures.py

pictures/before_after.png shows CaffeNet without LRN before and after `goodinit init --method lsuv
--between exact`, on crops of scikit-learn's photographs.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from goodinit.proto import atomic_write
from goodinit.tools.init_net import main as init
from goodinit.tools.report_page.charts import picture, read_template
from goodinit.tools.report_page.numbers import Numbers
from goodinit.tools.report_page.page import read_numbers
from goodinit.tools.report_page.plots import RATE, STD, depth_plot

PICTURES = Path(__file__).with_name('pictures')
MODEL = 'caffenet/no_lrn'
COMMAND = ['--proto', MODEL, '--method', 'lsuv', '--between', 'exact', '--dry-run', '--quiet']
TITLE = 'CaffeNet without LRN, before and after goodinit init --method lsuv --between exact'


def main() -> int:
    """Measure, draw, and say what was written; returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        page = str(Path(folder, 'report.html'))
        status = init([*COMMAND, '--report', page])
        if status:
            return status
        numbers = read_numbers(page)
    out = PICTURES / 'before_after.png'
    with atomic_write(out) as file:
        file.write(picture(before_and_after(numbers), out.suffix))
    print(f'wrote {out}')
    return 0


def before_and_after(numbers: Numbers) -> dict[str, Any]:
    """The specification of two plots side by side: deviations of outputs, and change rates."""
    plots = [
        depth_plot(numbers, 'output_std', STD),
        depth_plot(numbers, 'change_rate', RATE),
    ]
    panels = []
    for plot in plots:
        spec = dict(plot.spec)
        rows = spec.pop('datasets')['rows']
        del spec['config'], spec['padding']
        panels.append({**spec, 'data': {'values': rows}})
    title = {'text': TITLE, 'anchor': 'middle', 'color': 'var(--ink)', 'fontSize': 13, 'offset': 14}
    theme = {**read_template('theme'), 'padding': 10}
    return {'hconcat': panels, 'title': title, 'spacing': 40, 'config': theme}


if __name__ == '__main__':
    sys.exit(main())
