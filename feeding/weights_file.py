"""Loads trained weights from a file into a net, and reports mismatches."""

from collections.abc import Collection
from pathlib import Path

from ..netlib import Net
from ..netlib.errors import NetError, listed
from ..netlib.weights import read_weights_file
from ..netlib.weights.arrays import ARRAY_SUFFIXES
from ..proto.caffe_pb2 import NetParameter


def take_weights(net: Net, weights: str) -> list[str]:
    """Copy the weights of a file into the net; returns notes on layers that only one of them has.
    Raises GoodinitError if they have no layers in common."""
    return take_saved(net, read_weights_file(weights, net), weights)


def take_saved(net: Net, saved: NetParameter, weights: str) -> list[str]:
    """take_weights for what is `saved` in the file `weights`."""
    learned = [layer.name for layer in saved.layer if layer.blobs]
    try:
        unknown = set(net.copy_from(saved))
    except NetError as error:
        raise NetError(f'{weights}: {error}') from error
    if unknown.issuperset(learned):
        raise NetError(
            f'{weights}: none of its layers with weights ({listed(learned) or "it has none"}) is '
            f'in the net, which has {listed(list(net.params)) or "none"}{way_in(weights)}'
        )
    notes = []
    ignored = [name for name in learned if name in unknown]
    if ignored:
        notes.append(f'{weights}: ignoring layers that the net lacks: {listed(ignored)}')
    kept = _without_saved(net, learned)
    if kept:
        notes.append(f'{weights}: lacks some layers, which keep their fillers: {listed(kept)}')
    return notes


def way_in(weights: str) -> str:
    """How arrays by names of their own get into a net."""
    if Path(weights).suffix not in ARRAY_SUFFIXES:
        return ''
    return (
        '; from Python, net.params[layer][0].data = array takes them one by one, and '
        'net.load_state_dict takes them all, by the names in net.state_dict()'
    )


def _without_saved(net: Net, saved: Collection[str]) -> list[str]:
    """The layers of a net that have their own parameters and are not among `saved`."""
    missing = []
    for name, params in net.params.items():
        own = [param for param in params if param.owner is param and not param.is_preset]
        if own and name not in saved:
            missing.append(name)
    return missing
