"""Figure 2: the ratio r of sample mean and sample deviation grows with depth in ReLU nets.

Left: 30 nets of 50 equal layers for each width, 100 inputs from N(0, 1); the ratio is below that of
infinite width, and approaches it. Middle: ALL-CNN-C on CIFAR-10; it rises in every layer. Right:
U-Net on slices of ISBI 2012; it rises to about layer 12 and falls after it. All with the weights of
He et al. A unit of a convolution is a channel at a position; what comes out if it is a channel,
whose positions are samples too, is told besides.

Reduced: crops of 128 x 128 pixels instead of whole slices of 512 x 512. It took 5 minutes on a
core.
"""

from pathlib import Path
from typing import Any

import numpy as np
from goodinit.experiments.luther_data import cifar_images, crops, isbi_slices
from goodinit.experiments.luther_seung import DEPTH, multilayer, predicted_ratios, random_net
from goodinit.experiments.runner import (
    CIFAR10,
    ISBI2012,
    Experiment,
    Found,
    Protocol,
    Results,
    Run,
    grid,
)
from goodinit.experiments.runner.comparison import markdown
from goodinit.experiments.sample_ratio import sums_over_samples
from goodinit.feeding.input_layers import with_inputs
from goodinit.feeding.net_file import read_net_file
from goodinit.proto.caffe_pb2 import TEST, NetParameter

WIDTHS = (30, 100, 300, 1000, 3000)
SHOWN = (2, 5, 10, 20, 50)  # layers


def measure(run: Run) -> Found:
    """The ratios in all layers of one net."""
    rng = np.random.default_rng(run['seed'])
    if run['net'].startswith('mlp'):
        width = int(run['net'].removeprefix('mlp'))
        net = random_net(multilayer(width, DEPTH, run['samples']), rng, run.engine)
        inputs = rng.standard_normal((run['samples'], width), np.float32)
        sums = sums_over_samples(net, [inputs], 'x0')
    else:
        batches = batches_of(run, rng)
        net = random_net(convolutional(run['net'], batches[0]), rng, run.engine)
        sums = sums_over_samples(net, batches, 'data')
    found: dict[str, list[float]] = {'units': [], 'channels': []}
    for each in sums.values():
        found['units'].append(shortened(each.ratio()))
        found['channels'].append(shortened(each.ratio(channels=True)))
    return found


def shortened(value: float) -> float:
    return float(f'{value:.5g}')


def batches_of(run: Run, rng: np.random.Generator) -> list[np.ndarray]:
    """The images of a convolutional net."""
    if run['net'] == 'all_cnn_c':
        images, _ = cifar_images(run)
        return [images[rng.choice(len(images), run['samples'], replace=False)]]
    images, labels = isbi_slices(run)
    images, _ = crops(images, labels, run['slices'], run['size'], rng)
    return np.split(images, run['slices'] // run['batch'])


def convolutional(model: str, images: np.ndarray) -> NetParameter:
    """The bundled net with reflection padding, for images of this shape."""
    param = read_net_file(f'{model}/reflect/deploy', TEST).param
    return with_inputs(param, {'data': images.shape})


# -- the page

REPORT = """# Luther & Seung 2019, Figure 2: sample mean over sample deviation, by layer

Means and standard deviations over {nets}.

ReLU nets of equal layers, by width, {samples} inputs from N(0, 1):

{widths}

{convolutional}

What the paper says of it:

{claims}
"""
CONVOLUTIONAL = {'all_cnn_c': 'ALL-CNN-C on CIFAR-10', 'unet': 'U-Net on ISBI 2012'}


def report(results: Results, protocol: Protocol) -> str:
    found = by_net(results)
    theory = predicted_ratios(DEPTH)
    rows = []
    for layer in SHOWN:
        cells = [spread(found[name][:, layer - 1]) for name in found if name.startswith('mlp')]
        rows.append([str(layer), *cells, f'{theory[layer - 1]:.2f}'])
    widths = [name.removeprefix('mlp') for name in found if name.startswith('mlp')]
    channels = by_net(results, 'channels')
    parts = []
    for name in CONVOLUTIONAL:
        if name in found:
            parts.append(convolutional_table(name, found[name], channels[name]))
    said = [f'- {text}: {value}' for text, value in claims(found).items()]
    return REPORT.format(
        nets=net_counts(found),
        samples=protocol['samples'],
        widths=markdown(['layer', *widths, 'infinite (theory)'], rows),
        convolutional='\n\n'.join(parts),
        claims='\n'.join(said),
    )


def net_counts(found: dict[str, np.ndarray]) -> str:
    """'30 nets of each kind'; '1 to 3' where not all are finished."""
    counts = {len(values) for values in found.values()}
    least, most = min(counts), max(counts)
    return f'{least} to {most} nets of each kind' if least < most else f'{most} nets of each kind'


def by_net(results: Results, kind: str = 'units') -> dict[str, np.ndarray]:
    """The ratios (nets, layers) of each kind of net."""
    found: dict[str, list[list[float]]] = {}
    for cell, cell_found in results.items():
        found.setdefault(cell['net'], []).append(cell_found[kind])
    return {name: np.array(values) for name, values in found.items()}


def spread(values: np.ndarray) -> str:
    return f'{values.mean():.2f} ± {values.std():.2f}'


def convolutional_table(name: str, units: np.ndarray, channels: np.ndarray) -> str:
    depth = units.shape[1]
    lines: dict[str, Any] = {
        'measured': units.mean(axis=0),
        'channels as units': channels.mean(axis=0),
        'wide net (theory)': predicted_ratios(depth),
    }
    rows = []
    for text, values in lines.items():
        rows.append([text, *(f'{value:.2f}' for value in values)])
    head = ['layer', *map(str, range(1, depth + 1))]
    return f'{CONVOLUTIONAL[name]}:\n\n{markdown(head, rows)}'


def claims(found: dict[str, np.ndarray]) -> dict[str, str]:
    """Each statement of the paper, with what was found here."""
    said = {}
    means = {name: values.mean(axis=0) for name, values in found.items()}
    mlp = [means[name] for name in means if name.startswith('mlp')]
    if mlp:
        theory = np.array(predicted_ratios(DEPTH))
        above = np.max(np.array(mlp)[:, 1:] / theory[1:])
        said['theory is an upper bound'] = f'the greatest mean over theory is {above:.3f}'
        last = ', '.join(f'{each[-1]:.2f}' for each in mlp)
        said['wider nets are closer to it'] = f'{last} of {theory[-1]:.2f} in layer {DEPTH}'
    if 'all_cnn_c' in means:
        rising = np.diff(means['all_cnn_c']) > 0
        said['it rises in every layer of ALL-CNN-C'] = f'{rising.sum()} of {len(rising)} steps rise'
    if 'unet' in means:
        top = int(means['unet'].argmax()) + 1
        said['it rises to about layer 12 of U-Net, and falls after it'] = (
            f'the greatest is in layer {top}, {means["unet"].max():.2f}, '
            f'the last {means["unet"][-1]:.2f}'
        )
    return said


def draw(results: Results, path: Path) -> None:
    """Three panels: means, and bands of a standard deviation."""
    from goodinit.tools.plots import figures
    from matplotlib.figure import Figure

    found = by_net(results)
    figure = Figure(figsize=(12, 4), dpi=figures.DPI, layout='constrained')
    panels: Any = figure.subplots(1, 3)
    names = [name for name in found if name.startswith('mlp')]
    for name, color in zip(names, figures.by_depth(len(names)), strict=True):
        draw_band(panels[0], found[name], f'width {name.removeprefix("mlp")}', color)
    for panel, name in zip(panels[1:], CONVOLUTIONAL, strict=True):
        if name in found:
            draw_band(panel, found[name], 'measured', figures.COLORS[0])
    titles = ['equal ReLU layers', *CONVOLUTIONAL.values()]
    for panel, title in zip(panels, titles, strict=True):
        depth = int(panel.dataLim.x1) if panel.lines else 1
        theory = predicted_ratios(depth)
        panel.plot(range(1, depth + 1), theory, 'k--', label='theory')
        panel.set(title=title, xlabel='layer', ylabel='ratio r')
        panel.legend(frameon=False, fontsize='small')
    figures.save(figure, path)


def draw_band(panel: Any, values: np.ndarray, label: str, color: Any) -> None:
    mean = values.mean(axis=0)
    deviation = values.std(axis=0)
    layers = range(1, len(mean) + 1)
    panel.plot(layers, mean, color=color, label=label)
    panel.fill_between(layers, mean - deviation, mean + deviation, color=color, alpha=0.2)


NETS = [*(f'mlp{width}' for width in WIDTHS), *CONVOLUTIONAL]
CELLS = sorted(grid(net=NETS, seed=range(30)), key=lambda cell: cell['seed'])
SAMPLES = {'samples': 100}
EXPERIMENT = Experiment(
    title='sample mean over sample deviation in MLPs, ALL-CNN-C and U-Net',
    full=Protocol(CELLS, '~3 h', {**SAMPLES, 'slices': 30, 'size': 512, 'batch': 1}),
    reduced=Protocol(CELLS, '~15 min', {**SAMPLES, 'slices': 16, 'size': 128, 'batch': 16}),
    measure=measure,
    report=report,
    draw=draw,
    needs=[CIFAR10, ISBI2012],
)
