"""A net to be fed: Input layers in place of its data layers, filled or with weights of a file."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ..initializers import fill
from ..netlib import Net
from ..netlib.engines import Engine
from ..netlib.errors import NetError
from ..netlib.ranks import Ranks
from ..netlib.shapes import Shape
from ..netlib.weights import read_weights_file
from ..proto.caffe_pb2 import LayerParameter, NetParameter
from .data_layers import is_data_layer

FILL = 1001  # a use of the seed (see random_numbers)
MANY = 6  # names in a list; of more, only some are printed


def random_numbers(seed: int, use: int) -> np.random.Generator:
    """The random numbers for one use of a seed, the same at each call. Samples take the uses from
    0."""
    return np.random.default_rng([seed, use])


def build_net(
    param: NetParameter,
    *,
    weights: str = '',
    engine: Engine | str = 'fast',
    seed: int = 0,
    ranks: Ranks | None = None,
) -> tuple[Net, list[str]]:
    """The net with the parameters that its fillers give or, where the file has them, those of the
    file `weights`; and notes on layers that only one of the two has. Raises GoodinitError."""
    if not weights:
        param = with_batch_statistics(param)
    net = Net(param, engine=engine, seed=seed, ranks=ranks)
    fill(net, random_numbers(seed, FILL))
    if not weights:
        return net, []
    return net, copy_weights(net, weights)


def with_inputs(
    param: NetParameter, shapes: Mapping[str, Shape], keep_transforms: bool = False
) -> NetParameter:
    """The net with an Input layer in place of each layer that brings in the blobs of `shapes`.

    Every layer stays in its place, under its name; with `keep_transforms`, its transform_param says
    how its data are to be transformed, although an Input layer does not do it.
    """
    out = NetParameter()
    out.CopyFrom(param)
    for layer in out.layer:
        brings_data = layer.type == 'Input' or is_data_layer(layer)
        if brings_data and any(top in shapes for top in layer.top):
            plain = LayerParameter(name=layer.name, type='Input', top=layer.top)
            plain.origin = layer.origin
            for top in layer.top:
                plain.input_param.shape.add(dim=shapes[top])
            if keep_transforms and layer.HasField('transform_param'):
                plain.transform_param.CopyFrom(layer.transform_param)
            layer.CopyFrom(plain)
    return out


def with_batch_statistics(param: NetParameter) -> NetParameter:
    """The net with BatchNorm normalizing by its batch: without trained weights there are no other
    statistics."""
    out = NetParameter()
    out.CopyFrom(param)
    for layer in out.layer:
        if layer.batch_norm_param.use_global_stats:
            layer.batch_norm_param.ClearField('use_global_stats')
    return out


def copy_weights(net: Net, weights: str) -> list[str]:
    """Copy the weights of a file into the net; returns notes on layers that only one of the two
    has. Raises GoodinitError if they have none in common."""
    saved = read_weights_file(weights)
    learned = [layer.name for layer in saved.layer if layer.blobs]
    try:
        unknown = set(net.copy_from(saved))
    except NetError as error:
        raise NetError(f'{weights}: {error}') from error
    if unknown.issuperset(learned):
        raise NetError(
            f'{weights}: none of its layers with weights ({listed(learned) or "it has none"}) is '
            f'in the net, which has {listed(list(net.params)) or "none"}'
        )
    notes = []
    ignored = [name for name in learned if name in unknown]
    if ignored:
        notes.append(f'{weights}: ignoring layers that the net lacks: {listed(ignored)}')
    kept = _without_saved(net, learned)
    if kept:
        notes.append(f'{weights}: lacks some layers, which keep their fillers: {listed(kept)}')
    return notes


def _without_saved(net: Net, saved: Collection[str]) -> list[str]:
    """The layers of a net with parameters of their own that are not among the `saved` ones."""
    missing = []
    for name, params in net.params.items():
        if name not in saved and any(param.owner is param for param in params):
            missing.append(name)
    return missing


def listed(names: Sequence[str]) -> str:
    """The names, or the first and the last of many."""
    if len(names) > MANY:
        names = [*names[:4], '...', names[-1]]
    return ', '.join(names)
