"""How fast each layer of CaffeNet would learn, by initialization: Figure 1 of Krähenbühl et al.
(2016).

    python experiments/change_rates.py --data imagenet_images/

Writes results/change_rates.json, .md and .png (the picture needs matplotlib).
"""

import argparse
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from goodinit.experiments import findings
from goodinit.experiments.findings import markdown
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.fed_net import FedNet, feed_net
from goodinit.feeding.net_file import read_net_file
from goodinit.initializers import PRESETS, Recipe, Row, fill, initialize, measure
from goodinit.tools.cli.report import number, spread

# What is done to which net.
CASES = {
    'Gaussian': ('caffenet', Recipe('gaussian', 'none')),
    'Caffe': ('caffenet', PRESETS['filler']),
    'k-means': ('caffenet', Recipe('kmeans', 'none')),
    'Gaussian, within': ('caffenet', Recipe('gaussian', 'within')),
    'k-means, within': ('caffenet', Recipe('kmeans', 'within')),
    'Gaussian, within, between': ('caffenet', Recipe('gaussian', 'within', 'exact')),
    'k-means, within, between': ('caffenet', Recipe('kmeans', 'within', 'exact')),
    'k-means, within, Algorithm 2': ('caffenet', Recipe('kmeans', 'within', 'paper')),
    'no LRN: Gaussian, within': ('caffenet/no_lrn', Recipe('gaussian', 'within')),
    'no LRN: Gaussian, within, between': ('caffenet/no_lrn', Recipe('gaussian', 'within', 'exact')),
}
BATCH_SIZE = 20
TO_INITIALIZE, TO_MEASURE = 8, 5  # batches: 160 images, and 100 others
PANELS = {'change_rate': 'average change rate', 'change_rate_cv': 'coefficient of variation'}
Rows = dict[str, list[Row]]  # by case


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--data', required=True, help='at least 260 images: a folder, or a list file'
    )
    args = parser.parse_args()
    options = DataOptions(data=args.data, batch_size=BATCH_SIZE, batches=TO_INITIALIZE + TO_MEASURE)
    rows: Rows = {}
    for name, (model, recipe) in CASES.items():
        start = perf_counter()
        rows[name] = initialized(feed_net(read_net_file(model), options), recipe)
        seconds = perf_counter() - start
        print(f'{name}: {seconds:.0f} s', flush=True)
    findings.write('change_rates', {'rows': numbers(rows)}, report(rows))
    findings.draw('change_rates', lambda path: plot(rows, path))


def initialized(fed: FedNet, recipe: Recipe) -> list[Row]:
    """The measures of each layer, on other images than those that initialized it."""
    rng = np.random.default_rng(0)
    fill(fed.net, rng)
    batches = fed.data.batches
    initialize(fed.net, batches[:TO_INITIALIZE], recipe, rng)
    return measure(fed.net, batches[TO_INITIALIZE:], np.random.default_rng(1))


def numbers(rows: Rows) -> dict[str, list[dict]]:
    """What is kept of the measures."""
    kept: dict[str, list[dict]] = {}
    for name, layers in rows.items():
        kept[name] = [
            {'layer': row.layer, 'change_rate': row.change_rate, 'cv': row.change_rate_cv}
            for row in layers
        ]
    return kept


REPORT = """# Change rates of CaffeNet (Krähenbühl et al. 2016, Figure 1)

Initialized from 160 images, measured on 100 others.

Average change rate per layer (Figure 1a), and the greatest of a net over its smallest:

{rates}

Coefficient of variation within each layer (Figure 1b):

{cvs}
"""


def report(rows: Rows) -> str:
    """The tables."""
    rates: list[list[str]] = []
    cvs: list[list[str]] = []
    for name, measured in rows.items():
        layers = [row.layer for row in measured]
        found = [number(row.change_rate) for row in measured]
        rates.append([name, *found, number(spread(measured))])
        found = [number(row.change_rate_cv) for row in measured]
        cvs.append([name, *found])
    return REPORT.format(
        rates=markdown(['', *layers, 'greatest / smallest'], rates),
        cvs=markdown(['', *layers], cvs),
    )


def plot(rows: Rows, path: Path) -> None:
    """Both measures of all cases over the layers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout='constrained')
    axes = figure.subplots(1, len(PANELS))
    for panel, (measure_name, title) in zip(axes, PANELS.items(), strict=True):
        draw_lines(panel, rows, measure_name)
        panel.set_title(title)
    axes[1].legend(fontsize='small', loc='upper left', bbox_to_anchor=(1, 1))
    figure.savefig(path, dpi=100)


def draw_lines(panel: Any, rows: Rows, measure_name: str) -> None:
    for name, layers in rows.items():
        names = [row.layer for row in layers]
        values = [getattr(row, measure_name) for row in layers]
        panel.semilogy(names, values, 'o-', markersize=3, label=name)


if __name__ == '__main__':
    main()
