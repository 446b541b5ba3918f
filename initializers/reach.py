"""Reachability in a net: every graph search that initializers need."""

from collections.abc import Callable, Iterable, Mapping

from ..netlib import Net
from ..netlib.blob import Blob
from ..netlib.errors import NetError
from ..netlib.layers import Layer
from ..netlib.layers.shared.affine import Affine

Blobs = list[Blob]
Part = tuple[Layer, Blobs, Blobs]


def parts(net: Net) -> list[Part]:
    """(layer, bottoms, tops) of each layer, in the order in which they run."""
    return list(zip(net.layers, net.bottoms, net.tops, strict=True))


def blob_names(blobs: Iterable[Blob]) -> list[str]:
    return [blob.name for blob in blobs]


def affine_layers(net: Net) -> list[Affine]:
    """The layers with weights W and an optional bias: convolutions and inner products."""
    return list(affine_by_index(net).values())


def affine_by_index(net: Net) -> dict[int, Affine]:
    """The affine layers by their index among the net's layers."""
    found = {}
    for i, layer in enumerate(net.layers):
        if isinstance(layer, Affine):
            found[i] = layer
    return found


def is_affine(layer: Layer) -> bool:
    return isinstance(layer, Affine)


def drawing_layers(net: Net) -> list[Layer]:
    """The layers that draw random numbers in training, such as Dropout."""
    return [layer for layer in net.layers if layer.traits.draws]


def first_layers(net: Net) -> list[Affine]:
    """The affine layers that no other affine layer reaches."""
    first, _ = _reach(parts(net))
    return first


def last_layers(net: Net) -> list[Affine]:
    """The affine layers that learn, but do not interpolate, and reach no other such layer."""
    backwards = []
    for layer, bottom, top in reversed(parts(net)):
        backwards.append((layer, top, bottom))
    last, _ = _reach(backwards, learns_scores)
    return last[::-1]


def learns_scores(layer: Layer) -> bool:
    """Whether a layer is affine, learns, and does more than interpolate."""
    return isinstance(layer, Affine) and layer.weight.learns and not interpolates(layer)


def interpolates(layer: Affine) -> bool:
    """Whether the filler makes the layer an interpolation."""
    filler = layer.weight.filler
    return filler is not None and filler.type == 'bilinear'


def branch_ends(net: Net) -> set[Affine]:
    """The affine layers whose outputs a sum adds up, with no affine layer between."""
    summands: set[str] = set()
    ends = set()
    for layer, bottom, top in reversed(parts(net)):
        meets = not summands.isdisjoint(blob_names(top))
        if isinstance(layer, Affine):
            ends.update([layer] if meets else [])
        elif meets or is_sum(layer):
            summands.update(blob_names(bottom))
    return ends


def is_sum(layer: Layer) -> bool:
    """Whether a layer adds up its bottoms."""
    p = layer.param.eltwise_param
    return layer.type == 'Eltwise' and p.operation == p.SUM


def learned_blobs(net: Net) -> set[str]:
    """The blobs that depend on an affine layer."""
    _, reached = _reach(parts(net))
    return reached


def _reach(
    parts: Iterable[Part], counts: Callable[[Layer], bool] = is_affine
) -> tuple[list[Affine], set[str]]:
    """The affine layers that count and that no earlier one reaches, and all blobs that one
    reaches."""
    outermost: list[Affine] = []
    reached: set[str] = set()
    for layer, read, written in parts:
        below = not reached.isdisjoint(blob_names(read))
        counted = counts(layer)
        if isinstance(layer, Affine) and counted and not below:
            outermost.append(layer)
        if counted or below:
            reached.update(blob_names(written))
    return outermost, reached


def reads_of_layers(net: Net) -> list[list[int]]:
    """For each layer, the layers whose tops its bottoms are."""
    written: dict[str, int] = {}
    reads = []
    for i, (_, bottom, top) in enumerate(parts(net)):
        reads.append([written[name] for name in blob_names(bottom)])
        written.update(dict.fromkeys(blob_names(top), i))
    return reads


def last_turns(net: Net, turn: Mapping[int, int]) -> dict[str, int]:
    """The last turn in which a layer reads or writes each blob, by the blob's name; turn: that of
    each layer."""
    last: dict[str, int] = {}
    for i, (_, bottom, top) in enumerate(parts(net)):
        for name in blob_names(bottom + top):
            last[name] = max(last.get(name, 0), turn[i])
    return last


def score_blobs(net: Net) -> list[str]:
    """The blobs where losses begin, of those that depend on an affine layer.

    They are the bottoms of layers with a loss weight or, in a net without such layers, the net's
    outputs. A blob computed by Softmax, Accuracy or the like is replaced by its bottoms. Raises
    NetError for a net without scores.
    """
    makers = makers_of_blobs(net)
    learned = learned_blobs(net)
    roots = loss_bottoms(net) or list(net.outputs)
    scores: dict[str, None] = {}  # a set that remembers its order
    while roots:
        name = roots.pop(0)
        layer, bottom = makers[name]
        if layer.is_loss or layer.traits.answers:
            roots += blob_names(bottom)
        elif name in learned:
            scores[name] = None
    if not scores:
        raise NetError(
            f"net '{net.name}' has no scores to measure gradients from: neither a loss nor an "
            'output depends on a convolution or an inner product'
        )
    return list(scores)


def makers_of_blobs(net: Net) -> dict[str, tuple[Layer, Blobs]]:
    """The layer that is the last to write each blob, and its bottoms, by the blob's name."""
    makers = {}
    for layer, bottom, top in parts(net):
        for name in blob_names(top):
            makers[name] = (layer, bottom)
    return makers


def loss_bottoms(net: Net) -> list[str]:
    """The blobs that layers with a loss weight read; a weighted top of an affine layer or of a
    Split is such a blob itself."""
    found: list[str] = []
    for layer, bottom, top in parts(net):
        weighted = []
        for blob, weight in zip(top, layer.loss_weights, strict=True):
            if weight:
                weighted.append(blob)
        if isinstance(layer, Affine) or layer.type == 'Split':
            found += blob_names(weighted)
        elif weighted:
            found += blob_names(bottom)
    return found


def relu_sources(net: Net) -> dict[int, int]:
    """The affine layer below each ReLU without a slope, as in `unit_sources`."""
    return unit_sources(net, lambda layer: layer.traits.is_rectifier)


def bounded_sources(net: Net) -> dict[int, int]:
    """The affine layer below each layer whose outputs are bounded, as in `unit_sources`."""
    return unit_sources(net, lambda layer: layer.traits.bounds is not None)


def unit_sources(net: Net, wanted: Callable[[Layer], bool]) -> dict[int, int]:
    """The affine layer below each layer that is wanted: {index of this one: index of the affine
    layer}.

    Between the two, there are only layers that map each unit to one unit.
    """
    sources: dict[int, int] = {}
    units: dict[str, int | None] = {}  # blob: the affine layer whose outputs are its channels
    for i, (layer, bottom, top) in enumerate(parts(net)):
        source = units.get(bottom[0].name) if bottom else None
        if source is not None and wanted(layer):
            sources[i] = source
        passed = source if layer.traits.per_unit else None
        if isinstance(layer, Affine):
            passed = i
        for name in blob_names(top):
            units[name] = passed
    return sources
