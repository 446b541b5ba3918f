"""Figure 3: gradients explode where the variance over samples is preserved.

The mean square of the gradient by the activations of each layer, in 30 nets of 50 equal ReLU layers
of 3000 units, for the loss w x with w from N(0, 1): with the weights of He et al. it keeps its size
over the layers, after scale+bias initialization and with batch normalization it grows towards the
inputs by a factor of 1 / (1 - 1 / pi) a layer. The slope of its logarithm by the layer is printed
as -0.379 and -0.381; theory says log(1 - 1 / pi) = -0.383. All nets have 100 inputs from N(0, 1),
over which both scale+bias and batch normalization take their means and variances.

Reduced: 10 nets of 1000 units, too narrow for the slope after scale+bias: it was -0.33 in one. At
full width 3 nets of each kind took 33 minutes on a core.
"""

from dataclasses import replace
from math import log, pi
from pathlib import Path
from typing import Any

import numpy as np
from goodinit.experiments.luther_seung import DEPTH, multilayer, random_net
from goodinit.experiments.runner import Cell, Experiment, Found, Protocol, Results, Run, grid
from goodinit.experiments.runner.comparison import agreement, markdown
from goodinit.initializers import PRESETS, initialize
from goodinit.proto.caffe_pb2 import NetParameter

THEORY = log(1 - 1 / pi)
PRINTED = {'kaiming': 0.0, 'scale_bias': -0.379, 'batch_norm': -0.381}
PREDICTED = {'kaiming': 0.0, 'scale_bias': THEORY, 'batch_norm': THEORY}
TITLES = {
    'kaiming': 'He et al. (Kaiming)',
    'scale_bias': 'scale+bias',
    'batch_norm': 'batch normalization',
}
WITHIN = 0.05  # of what is printed


def measure(run: Run) -> Found:
    """The mean square of the gradient by each layer's activations, from the inputs on."""
    rng = np.random.default_rng(run['seed'])
    width, samples = run['width'], run['samples']
    param = multilayer(width, DEPTH, samples, batch_norm=run['init'] == 'batch_norm')
    add_random_loss(param)
    net = random_net(param, rng, run.engine)
    inputs = rng.standard_normal((samples, width), np.float32)
    if run['init'] == 'scale_bias':
        recipe = replace(PRESETS['scale_bias'], layers='^fc')
        initialize(net, [{'x0': inputs}], recipe, rng)
    net.blobs['x0'].data = inputs
    net.forward()
    net.backward()
    squares = []
    for layer in range(DEPTH + 1):
        gradient = net.blobs[f'x{layer}'].diff.astype(np.float64)
        squares.append(float(f'{np.square(gradient).mean():.6g}'))
    return {'squares': squares}


def add_random_loss(param: NetParameter) -> None:
    """The loss w x, summed over samples, with w from N(0, 1)."""
    layer = param.layer.add(
        name='w', type='InnerProduct', bottom=[f'x{DEPTH}'], top=['wx'], loss_weight=[1]
    )
    layer.param.add(lr_mult=0)
    product = layer.inner_product_param
    product.num_output, product.bias_term = 1, False
    product.weight_filler.type, product.weight_filler.std = 'gaussian', 1


# -- the page

REPORT = """# Luther & Seung 2019, Figure 3: gradients by layer

{depth} layers of {width} units, {samples} inputs; the slope of the logarithm of the mean square of
the gradient by the activations, over the layers 1 to {depth}.

{table}

{agreement}
"""


def report(results: Results, protocol: Protocol) -> str:
    slopes = {init: slope(squares) for init, squares in by_init(results).items()}
    rows = []
    for init, value in slopes.items():
        distance = abs(value - PREDICTED[init])
        nets = sum(cell['init'] == init for cell in results)
        theirs = [f'{PRINTED[init]:.3f}', f'{PREDICTED[init]:.3f}', f'{distance:.3f}']
        rows.append([TITLES[init], str(nets), f'{value:.4f}', *theirs])
    head = ['', 'nets', 'slope', 'printed', 'theory', 'distance from theory']
    found = {'slope': {init: value for init, value in slopes.items() if init != 'kaiming'}}
    return REPORT.format(
        depth=DEPTH,
        width=protocol['width'],
        samples=protocol['samples'],
        table=markdown(head, rows),
        agreement=agreement(found, {'slope': PRINTED}, WITHIN),
    )


def by_init(results: Results) -> dict[str, np.ndarray]:
    """The mean squares (layers,) of each initialization, over its nets."""
    found: dict[str, list[list[float]]] = {}
    for cell, cell_found in results.items():
        found.setdefault(cell['init'], []).append(cell_found['squares'])
    return {init: np.mean(squares, axis=0) for init, squares in found.items()}


def slope(squares: np.ndarray) -> float:
    """Of the logarithm over the layers from 1 on, by least squares."""
    layers = np.arange(1, len(squares))
    return float(np.polyfit(layers, np.log(squares[1:]), 1)[0])


def draw(results: Results, path: Path) -> None:
    """A panel for each initialization: every net, and the line of theory."""
    from goodinit.tools.plots import figures
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4), dpi=figures.DPI, layout='constrained')
    panels: Any = figure.subplots(1, len(TITLES))
    means = by_init(results)
    for panel, (init, title) in zip(panels, TITLES.items(), strict=True):
        panel.set(title=title, xlabel='layer', yscale='log')
        for cell, found in results.items():
            if cell['init'] == init:
                panel.plot(found['squares'], color=figures.COLORS[0], alpha=0.15)
        if init in means:
            draw_slope(panel, means[init], init)
    panels[0].set(ylabel='mean square of the gradient', ylim=(1e-3, 1e3))
    figures.save(figure, path)


def draw_slope(panel: Any, squares: np.ndarray, init: str) -> None:
    layers = np.arange(len(squares))
    panel.plot(layers, squares, 'k', label=f'mean, slope {slope(squares):.3f}')
    last = np.log(squares[-1])
    predicted = np.exp(last + PREDICTED[init] * (layers - layers[-1]))
    panel.plot(layers, predicted, 'r--', label=f'theory, {PREDICTED[init]:.3f}')
    panel.legend(frameon=False, fontsize='small')


def cells(nets: int) -> list[Cell]:
    """Net by net, so that those finished first already compare all three."""
    found = grid(init=list(TITLES), seed=range(nets))
    return sorted(found, key=lambda cell: cell['seed'])


EXPERIMENT = Experiment(
    title='gradients by layer in ReLU nets of depth 50',
    full=Protocol(cells(30), '~30 min', {'width': 3000, 'samples': 100}),
    reduced=Protocol(cells(10), '1 min', {'width': 1000, 'samples': 100}),
    measure=measure,
    report=report,
    draw=draw,
)
