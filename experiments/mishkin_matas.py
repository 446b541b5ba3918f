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


def printed_table(number: int) -> dict[str, dict[str, str]]:
    """Table 8, 9 or 10 as printed: for each column the figure of each layer, 'conv11' to 'conv36'
    and 'ip1'."""
    path = Path(__file__).parent / 'printed' / f'mishkin_matas_table_{number}.txt'
    head, *rows = (line.split() for line in path.read_text().splitlines())
    return {column: {row[0]: row[i] for row in rows} for i, column in enumerate(head[1:], 1)}


def fitnet4(
    nonlinearity: str,
    preset: str,
    batch: dict[str, np.ndarray],
    rng: np.random.Generator,
    dropout: bool = True,
) -> Net:
    """FitNet-4 as it trains, fed by Input layers, initialized from the batch; with `dropout` at
    work meanwhile."""
    net = Net(fitnet4_param(nonlinearity, batch), TRAIN, seed=int(rng.integers(2**32)))
    initialize_as_published(net, preset, batch, rng, dropout)
    return net


def fitnet4_param(
    nonlinearity: str, batch: dict[str, np.ndarray], phase: int = TRAIN
) -> NetParameter:
    """The net of a phase, with Input layers of the batch's shapes in place of its data layers."""
    file = read_net_file(f'fitnet4/{nonlinearity}', phase)
    return with_inputs(file.param, {name: values.shape for name, values in batch.items()})


def initialize_as_published(
    net: Net,
    preset: str,
    batch: dict[str, np.ndarray],
    rng: np.random.Generator,
    dropout: bool = True,
) -> None:
    """The preset on one batch, with `dropout` at work meanwhile, as the published script measures."""
    fill(net, rng)
    initialize(net, [batch], replace(PRESETS[preset], dropout=dropout), rng)


def measured_layers(net: Net) -> dict[str, str]:
    """All layers with weights but the classifier, as the tables call them: {'conv11': 'conv1_1'}."""
    return {name.replace('_', ''): name for name in list(net.params)[:-1]}
