"""What the experiments on Mishkin & Matas (2016) share: the printed tables, and FitNet-4
initialized from a batch."""

from dataclasses import replace
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
) -> Net:
    """FitNet-4 as it trains, fed by Input layers, initialized from the batch; with `dropout` at
    work meanwhile."""
    seed = int(rng.integers(2**32))
    net = Net(fitnet4_param(nonlinearity, batch), TRAIN, seed=seed)
    initialize_as_published(net, preset, batch, rng, dropout)
    return net


def fitnet4_param(nonlinearity: str, batch: Batch, phase: int = TRAIN) -> NetParameter:
    """The net of a phase, with Input layers of the batch's shapes in place of its data layers."""
    file = read_net_file(f'fitnet4/{nonlinearity}', phase)
    shapes = {name: values.shape for name, values in batch.items()}
    return with_inputs(file.param, shapes)


def initialize_as_published(
    net: Net, preset: str, batch: Batch, rng: np.random.Generator, dropout: bool = True
) -> None:
    """The preset on one batch, with `dropout` at work meanwhile, as in the published script."""
    fill(net, rng)
    initialize(net, [batch], replace(PRESETS[preset], dropout=dropout), rng)


def put_batch(net: Net, batch: Batch) -> None:
    """Give the net's inputs their values."""
    for name, values in batch.items():
        net.blobs[name].data = values


def measured_layers(net: Net) -> dict[str, str]:
    """All layers with weights except the classifier, as the tables call them: {'conv11':
    'conv1_1'}."""
    names = list(net.params)[:-1]
    return {name.replace('_', ''): name for name in names}
