"""What reaches what in a net: every search over its graph that initializers make."""

from collections.abc import Iterable

from ..netlib import Net
from ..netlib.blob import Blob
from ..netlib.errors import NetError
from ..netlib.layers import Layer
from ..netlib.layers.shared.affine import Affine

Part = tuple[Layer, list[Blob], list[Blob]]


def parts(net: Net) -> list[Part]:
    """(layer, bottoms, tops) of each layer, in the order in which they run."""
    return list(zip(net.layers, net.bottoms, net.tops, strict=True))


def names(blobs: Iterable[Blob]) -> list[str]:
    return [blob.name for blob in blobs]


def affine_layers(net: Net) -> list[Affine]:
    """The layers that have weights W and perhaps a bias: convolutions and inner products."""
    return [layer for layer in net.layers if isinstance(layer, Affine)]


def affine_by_index(net: Net) -> dict[int, Affine]:
    """The affine layers by their place among the net's layers."""
    return {i: layer for i, layer in enumerate(net.layers) if isinstance(layer, Affine)}


def first_layers(net: Net) -> list[Affine]:
    """The affine layers that no other affine layer reaches."""
    return _reach(parts(net))[0]


def last_layers(net: Net) -> list[Affine]:
    """The affine layers that reach no other affine layer."""
    backwards = [(layer, top, bottom) for layer, bottom, top in reversed(parts(net))]
    return _reach(backwards)[0][::-1]


def learned_blobs(net: Net) -> set[str]:
    """The blobs that depend on an affine layer."""
    return _reach(parts(net))[1]


def _reach(parts: Iterable[Part]) -> tuple[list[Affine], set[str]]:
    """The affine layers that no earlier one reaches, and all blobs that one reaches."""
    outermost: list[Affine] = []
    reached: set[str] = set()
    for layer, read, written in parts:
        below = not reached.isdisjoint(names(read))
        if isinstance(layer, Affine) and not below:
            outermost.append(layer)
        if isinstance(layer, Affine) or below:
            reached.update(names(written))
    return outermost, reached


def last_uses(net: Net) -> dict[str, int]:
    """The index of the last layer that reads or writes each blob, by the blob's name."""
    last: dict[str, int] = {}
    for i, (_, bottom, top) in enumerate(parts(net)):
        for name in names(bottom + top):
            last[name] = i
    return last


def score_blobs(net: Net) -> list[str]:
    """The blobs where losses begin, of those that depend on an affine layer.

    They are the bottoms of layers with a loss weight; in a net without any, the net's outputs. What
    a Softmax, an Accuracy or the like computes stands for its bottoms. Raises NetError for a net
    without scores.
    """
    makers = makers_of_blobs(net)
    learned = learned_blobs(net)
    roots = loss_bottoms(net) or list(net.outputs)
    scores: dict[str, None] = {}  # a set that remembers its order
    while roots:
        name = roots.pop(0)
        layer, bottom = makers[name]
        if layer.is_loss or layer.traits.answers:
            roots += names(bottom)
        elif name in learned:
            scores[name] = None
    if not scores:
        raise NetError(
            f"net '{net.name}' has no scores to measure gradients from: neither a loss nor an "
            'output depends on a convolution or an inner product'
        )
    return list(scores)


def makers_of_blobs(net: Net) -> dict[str, tuple[Layer, list[Blob]]]:
    """The layer that is the last to write each blob, and its bottoms, by the blob's name."""
    makers = {}
    for layer, bottom, top in parts(net):
        for name in names(top):
            makers[name] = (layer, bottom)
    return makers


def loss_bottoms(net: Net) -> list[str]:
    """The blobs that layers with a loss weight read; a weighted top of an affine layer or of a
    Split is such a blob itself."""
    found: list[str] = []
    for layer, bottom, top in parts(net):
        weights = layer.loss_weights
        weighted = [blob for blob, weight in zip(top, weights, strict=True) if weight]
        if isinstance(layer, Affine) or layer.type == 'Split':
            found += names(weighted)
        elif weighted:
            found += names(bottom)
    return found


def relu_sources(net: Net) -> dict[int, int]:
    """The affine layer whose outputs a ReLU without a slope passes or stops: {index of the ReLU:
    index of the affine layer}.

    Between the two lie only layers whose every unit belongs to one unit below.
    """
    sources: dict[int, int] = {}
    units: dict[str, int | None] = {}  # blob: the affine layer whose outputs are its channels
    for i, (layer, bottom, top) in enumerate(parts(net)):
        source = units.get(bottom[0].name) if bottom else None
        if source is not None and layer.traits.is_rectifier:
            sources[i] = source
        passed = source if layer.traits.per_unit else None
        if isinstance(layer, Affine):
            passed = i
        units.update(dict.fromkeys(names(top), passed))
    return sources
