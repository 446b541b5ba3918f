"""What the experiments on Mishkin & Matas (2016) share: the printed tables, and FitNet-4
initialized from a batch."""

from dataclasses import replace
from math import prod, sqrt
from pathlib import Path

import numpy as np
from goodinit.feeding.input_layers import with_inputs
from goodinit.feeding.net_file import read_net_file
from goodinit.initializers import PRESETS, fill, initialize
from goodinit.netlib import Net
from goodinit.proto.caffe_pb2 import TRAIN, NetParameter

BATCH_SIZE = 128
Batch = dict[str, np.ndarray]  # by blob


def printed_table(number: int) -> dict[str, dict[str, str]]:
    """Table 8, 9 or 10 as printed: for each column the figure of each layer, 'conv11' to 'conv36'
    and 'ip1'."""
    path = Path(__file__).parent / 'printed' / f'mishkin_matas_table_{number}.txt'
    lines = path.read_text().splitlines()
    head, *rows = (line.split() for line in lines)
    table: dict[str, dict[str, str]] = {}
    for i, column in enumerate(head[1:], 1):
        table[column] = {row[0]: row[i] for row in rows}
    return table


def fitnet4(
    nonlinearity: str,
    preset: str,
    batch: Batch,
    rng: np.random.Generator,
    dropout: bool = True,
    engine: str = 'fast',
) -> Net:
    """FitNet-4 as it trains, fed by Input layers, initialized from the batch; with `dropout` at
    work meanwhile."""
    seed = int(rng.integers(2**32))
    param = param_with_inputs(f'fitnet4/{nonlinearity}', batch)
    net = Net(param, TRAIN, engine=engine, seed=seed)
    initialize_as_published(net, preset, batch, rng, dropout)
    return net


def param_with_inputs(model: str, batch: Batch, phase: int = TRAIN) -> NetParameter:
    """The net of a phase, with Input layers of the batch's shapes in place of its data layers."""
    file = read_net_file(model, phase)
    shapes = {name: values.shape for name, values in batch.items()}
    return with_inputs(file.param, shapes)


def initialize_as_published(
    net: Net, preset: str, batch: Batch, rng: np.random.Generator, dropout: bool = True
) -> None:
    """The preset on one batch, with `dropout` at work meanwhile, as in the published script.
    'orthonormal_msra': orthonormal weights, scaled to the deviation sqrt(2 / fan-in) of MSRA."""
    fill(net, rng)
    recipe = PRESETS[preset.removesuffix('_msra')]
    initialize(net, [batch], replace(recipe, dropout=dropout), rng)
    if preset.endswith('_msra'):
        scale_to_msra(net)


def scale_to_msra(net: Net) -> None:
    """Scale the weights of each layer to the deviation sqrt(2 / fan-in)."""
    for params in net.params.values():
        weights = params[0]
        fan_in = prod(weights.shape[1:])
        weights.data = weights.data * (sqrt(2 / fan_in) / weights.data.std())


def measured_layers(net: Net) -> dict[str, str]:
    """All layers with weights except the classifier, as the tables call them: {'conv11':
    'conv1_1'}."""
    names = list(net.params)[:-1]
    return {name.replace('_', ''): name for name in names}
