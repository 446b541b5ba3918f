"""Seconds and memory of `goodinit init` by the depth of the net, from 8 to 1000 layers.

    python benchmarks/depth.py

The nets are chains of 3x3 convolutions of 16 channels with ReLU, on normal images of 16x16 pixels.
Each run is a process of its own, whose seconds are those of all processors together; those of a net
of one layer, which nearly all go to starting Python, are subtracted. "Exponent" is that of the
depth to which the seconds between the last two nets grow: 1 is linear. All runs go to
results/DATE-depth.json, with a plot.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path

import numpy as np
from goodinit.benchmarks.initializers import least, run
from goodinit.benchmarks.machine import positive, write_numbers
from goodinit.benchmarks.peers import missing

DEPTHS = (8, 16, 32, 64, 128, 256, 512, 1000)
METHODS = {
    'lsuv': ['--method', 'lsuv'],
    'lsuv, quiet': ['--method', 'lsuv', '--quiet'],
    'kmeans': ['--method', 'kmeans'],
}
CHANNELS, SIDE, IMAGES = 16, 16, 32
Samples = dict[int, list[dict[str, float]]]  # the runs of each depth


def main() -> None:
    args = arguments()
    samples: dict[str, Samples] = {}
    with tempfile.TemporaryDirectory() as folder:
        shape = (IMAGES, 3, SIDE, SIDE)
        images = np.random.default_rng(0).standard_normal(shape, np.float32)
        np.save(Path(folder, 'images.npy'), images)
        for method in METHODS:
            samples[method] = measure(method, Path(folder), args.repeats)
            show(method, samples[method])
    path = write_numbers('depth', {'methods': METHODS, 'samples': samples})
    reason = missing('matplotlib')
    if reason:
        print(f'the plot is left out: {reason}')
    else:
        plot(samples, path.with_suffix('.png'))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    repeats = 'runs of each depth (default: %(default)s)'
    parser.add_argument('--repeats', type=positive, default=3, help=repeats)
    return parser.parse_args()


def chain(depth: int) -> str:
    """A net of so many convolutions, as a prototxt."""
    text = (
        'layer { name: "data" type: "Input" top: "c0" '
        f'input_param {{ shape {{ dim: {IMAGES} dim: 3 dim: {SIDE} dim: {SIDE} }} }} }}\n'
    )
    for i in range(depth):
        top = f'c{i + 1}'
        text += (
            f'layer {{ name: "{top}" type: "Convolution" bottom: "c{i}" top: "{top}" '
            f'convolution_param {{ num_output: {CHANNELS} kernel_size: 3 pad: 1 '
            'weight_filler { type: "msra" } } }\n'
            f'layer {{ name: "relu{i + 1}" type: "ReLU" bottom: "{top}" top: "{top}" }}\n'
        )
    return text


def measure(method: str, folder: Path, repeats: int) -> Samples:
    """The runs of each depth, and of one layer."""
    samples: Samples = {}
    for depth in (1, *DEPTHS):
        net = folder / f'{depth}.prototxt'
        net.write_text(chain(depth))
        init = [sys.executable, '-m', 'goodinit.tools.cli.main', 'init', str(net)]
        command = [*init, '--data', str(folder / 'images.npy'), *METHODS[method]]
        samples[depth] = [run(command) for _ in range(repeats)]
    return samples


def seconds(samples: Samples) -> dict[int, float]:
    """Those of all processors for each depth, beyond those of one layer."""
    start = least(samples[1], 'cpu')
    return {depth: least(samples[depth], 'cpu') - start for depth in DEPTHS}


def show(method: str, samples: Samples) -> None:
    took = seconds(samples)
    *_, before, last = DEPTHS
    exponent = log(took[last] / took[before]) / log(last / before)
    per_layer = ', '.join(f'{depth}: {1e3 * took[depth] / depth:.1f}' for depth in DEPTHS)
    peaks = [least(samples[depth], 'peak_mb') for depth in (1, last)]
    print(
        f'{method}: ms a layer by depth {per_layer}; exponent {exponent:.2f}; '
        f'peak {peaks[0]:.0f} to {peaks[1]:.0f} MB',
        flush=True,
    )


def plot(samples: Mapping[str, Samples], path: Path) -> None:
    """Seconds over depth, both in powers of ten, beside a line of slope 1."""
    from goodinit.tools.plots.figures import COLORS, save
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4.5), layout='constrained')
    axes = figure.subplots()
    for (method, found), color in zip(samples.items(), COLORS, strict=False):
        took = seconds(found)
        axes.loglog(list(took), list(took.values()), 'o-', color=color, label=method)
    draw_linear(axes, seconds(samples['lsuv']))
    axes.set_xlabel('layers with weights')
    axes.set_ylabel('seconds of all processors, beyond one layer')
    axes.legend()
    save(figure, path)


def draw_linear(axes, took: Mapping[int, float]) -> None:
    """A line of slope 1 through the last point."""
    depths: Sequence[int] = list(took)
    per_layer = took[depths[-1]] / depths[-1]
    heights = [per_layer * depth for depth in depths]
    axes.loglog(depths, heights, ':', color='gray', label='linear')


if __name__ == '__main__':
    main()
