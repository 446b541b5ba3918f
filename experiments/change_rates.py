"""How fast each layer of CaffeNet would learn, by initialization: Figure 1 of Krähenbühl et al.
(2016).

    python experiments/change_rates.py --data imagenet_images/

Writes results/change_rates.json, .md and .png (the picture needs matplotlib).
"""

import argparse
from time import perf_counter

import numpy as np
from goodinit.experiments import results
from goodinit.experiments.results import markdown, write
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
BATCH_SIZE, TO_INITIALIZE, TO_MEASURE = 20, 8, 5  # 160 images, and 100 others


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--data', required=True, help='at least 260 images: a folder, or a list file'
    )
    args = parser.parse_args()
    options = DataOptions(data=args.data, batch_size=BATCH_SIZE, batches=TO_INITIALIZE + TO_MEASURE)
    rows = {}
    for name, (model, recipe) in CASES.items():
        start = perf_counter()
        rows[name] = initialized(feed_net(read_net_file(model), options), recipe)
        print(f'{name}: {perf_counter() - start:.0f} s', flush=True)
    numbers = {
        name: [
            {'layer': row.layer, 'change_rate': row.change_rate, 'cv': row.change_rate_cv}
            for row in layers
        ]
        for name, layers in rows.items()
    }
    write('change_rates', {'rows': numbers}, report(rows))
    plot(rows)


def initialized(fed: FedNet, recipe: Recipe) -> list[Row]:
    """The measures of each layer, on other images than those that initialized it."""
    rng = np.random.default_rng(0)
    fill(fed.net, rng)
    initialize(fed.net, fed.data.batches[:TO_INITIALIZE], recipe, rng)
    return measure(fed.net, fed.data.batches[TO_INITIALIZE:], np.random.default_rng(1))


REPORT = """# Change rates of CaffeNet (Krähenbühl et al. 2016, Figure 1)

Initialized from 160 images, measured on 100 others.

Average change rate per layer (Figure 1a), and the greatest of a net over its smallest:

{rates}

Coefficient of variation within each layer (Figure 1b):

{cvs}
"""


def report(rows: dict[str, list[Row]]) -> str:
    layers = [row.layer for row in next(iter(rows.values()))]
    rates = [
        [name, *(number(row.change_rate) for row in measured), number(spread(measured))]
        for name, measured in rows.items()
    ]
    cvs = [
        [name, *(number(row.change_rate_cv) for row in measured)] for name, measured in rows.items()
    ]
    return REPORT.format(
        rates=markdown(['', *layers, 'greatest / smallest'], rates),
        cvs=markdown(['', *layers], cvs),
    )


def plot(rows: dict[str, list[Row]]) -> None:
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4), layout='constrained')
    measures = {'change_rate': 'average change rate', 'change_rate_cv': 'coefficient of variation'}
    for axis, (measure_name, title) in zip(axes, measures.items(), strict=True):
        for name, layers in rows.items():
            axis.semilogy(
                [row.layer for row in layers],
                [getattr(row, measure_name) for row in layers],
                'o-',
                markersize=3,
                label=name,
            )
        axis.set_title(title)
    axes[1].legend(fontsize='small', loc='upper left', bbox_to_anchor=(1, 1))
    figure.savefig(results.RESULTS / 'change_rates.png', dpi=100)
    pyplot.close(figure)


if __name__ == '__main__':
    main()
