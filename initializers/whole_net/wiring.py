"""The log-scales of a net's blobs as unknowns, with the constraints that its layers put on them.

Layers declare what they allow (`Scaling` in netlib/layers/traits.py):

    affine      any change: W *= exp(s_top - s_bottom), b *= exp(s_top)
    equal       the tops have the scale of the bottoms: they share one s
    product     s_top = degree * (sum of s_bottom)
    free        s_top = 0, for any bottoms
    fixed       s = 0 for bottoms and tops, and also for sources and blobs that no layer reads

A blob has one s for all its channels, or one for each of several pieces: Concat puts its bottoms
side by side, and W undoes the s of each of its columns. A layer that mixes channels, like LRN, ties
the pieces of its bottom.

Bias layers, and Scale layers with a bias, which initializers do not change, are 'fixed'; so is a
'free' layer that remembers the scale of its bottom (a BatchNorm with statistics). A PReLU is
homogeneous for any slopes. A blob written in place is a new version with its own s.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...netlib import Net
from ...netlib.blob import Blob, Param
from ...netlib.layers import Layer
from ...netlib.layers.shared.affine import Affine
from ..reach import parts
from .linear_forms import ZERO, Form, Unknowns, minus, only
from .pieces import Pieces, aligned, cut, fit, joined, merged, whole

Scales = Pieces[int]  # the unknowns of a blob
FIXED = 0  # the unknown that is 0


@dataclass
class Nearly:
    """A layer whose declaration holds only approximately.

    index        in the net
    name         its type and name, in words
    scales       of its bottom, piece by piece
    constraints  the numbers of the constraints that give its top the same scales, if it is 'equal';
                 their values make up for what is alike in all elements of its departure
    """

    index: int
    name: str
    scales: list[Form]
    constraints: list[int]


class Wiring:
    """An unknown for every version of every blob, or of its pieces.

    weight_uses    each use of W asks, piece by piece of its columns, for its s_top - s_bottom
    bias_uses      each use of b for its s_top
    """

    def __init__(self, net: Net, strict: bool, by_channel: bool):
        self.strict = strict
        self.by_channel = by_channel
        self.unknowns = Unknowns()
        self.nearly: list[Nearly] = []
        self.weight_uses: dict[Param, list[Pieces[Form]]] = defaultdict(list)
        self.bias_uses: dict[Param, list[Form]] = defaultdict(list)
        self._wire(net)

    def _wire(self, net: Net) -> None:
        current: dict[str, Scales] = {}
        unread: dict[str, None] = {}  # a set that remembers its order
        for i, (layer, bottom, top) in enumerate(parts(net)):
            for blob in bottom:
                unread.pop(blob.name, None)
            bottoms = [current[blob.name] for blob in bottom]
            if isinstance(layer, Affine):
                tops = self._affine(layer, bottoms)
            else:
                tops = self._other(i, layer, bottom, bottoms, top)
            for blob, scales in zip(top, tops, strict=True):
                current[blob.name] = self._fitted(scales, blob, layer)
                unread[blob.name] = None
        for name in unread:
            self._tie([current[name]], f"the net's output '{name}'", ZERO)

    def _affine(self, layer: Affine, bottoms: Sequence[Scales]) -> list[Scales]:
        """Note the uses of W and b; returns the scales of the tops."""
        tops = [self.unknowns.new() for _ in bottoms]
        for scales, top in zip(bottoms, tops, strict=True):
            if layer.input_axis != 1:
                scales = self._tied(scales, layer)
            columns = [(end, minus(only(top), only(scale))) for end, scale in scales]
            self.weight_uses[layer.weight.owner].append(columns)
            if layer.bias and layer.bias.data.any():
                self.bias_uses[layer.bias.owner].append(only(top))
        return [whole(top) for top in tops]

    def _other(
        self, i: int, layer: Layer, bottom: list[Blob], bottoms: list[Scales], top: list[Blob]
    ) -> list[Scales]:
        """Constrain the bottoms as the layer requires; returns the scales of its tops."""
        heard = [scales for j, scales in enumerate(bottoms) if j not in layer.scaling.ignores]
        kind = self._kind(layer, heard)
        channels = layer.scaling.channels if self.by_channel else 'mixed'
        if kind == 'fixed':
            self._tie(heard, said(layer), ZERO)
            return [whole(FIXED)] * len(top)
        if channels == 'blocks':
            extents = [blob.shape[1] for blob in bottom]
            blocks = joined(zip(extents, heard, strict=True))
            return cut(blocks, [blob.shape[1] for blob in top])
        if channels == 'mixed':
            heard = [self._tied(scales, layer) for scales in heard]
        if layer.scaling.nearly:
            return [self._nearly(i, layer, kind, heard[0])] * len(top)
        if kind == 'free':
            return [whole(FIXED)] * len(top)
        scales = []
        for end, met in aligned(heard):
            scales.append((end, self._met(kind, layer, met)))
        return [merged(scales)] * len(top)

    def _met(self, kind: str, layer: Layer, met: list[int]) -> int:
        """The scale of the top where bottoms with these scales meet."""
        if kind == 'equal':
            self.unknowns.tie([only(scale) for scale in met], said(layer))
            return met[0]
        top = self.unknowns.new()
        form = only(top)
        for scale in met:
            form = minus(form, {scale: layer.scaling.degree})
        self.unknowns.require(form, said(layer))
        return top

    def _kind(self, layer: Layer, bottoms: Sequence[Scales]) -> str:
        """The scaling that the layer declares, or 'fixed' if that does not hold."""
        scaling = layer.scaling
        if not bottoms or scaling.kind == 'fixed' or (scaling.nearly and self.strict):
            return 'fixed'
        if scaling.kind == 'free' and remembers(layer):
            return 'fixed'
        return scaling.kind

    def _nearly(self, i: int, layer: Layer, kind: str, bottom: Scales) -> Scales:
        """Note a layer that is homogeneous only nearly; returns the scales of its top."""
        noted = Nearly(i, said(layer), [], [])
        self.nearly.append(noted)
        tops: dict[int, int] = {}
        for _, scale in bottom:
            if scale in tops:
                continue
            noted.scales.append(only(scale))
            tops[scale] = FIXED
            if kind == 'equal':
                tops[scale] = self.unknowns.new()
                same = minus(only(tops[scale]), only(scale))
                noted.constraints.append(self.unknowns.require(same, said(layer)))
        return merged([(end, tops[scale]) for end, scale in bottom])

    def _fitted(self, scales: Scales, blob: Blob, layer: Layer) -> Scales:
        """The scales of a blob, tied if they do not end between two of its channels."""
        channels = blob.shape[1] if blob.axes > 1 else 1
        return scales if fit(scales, channels) else self._tied(scales, layer)

    def _tied(self, scales: Scales, layer: Layer) -> Scales:
        """One scale for all pieces."""
        self._tie([scales], said(layer))
        return whole(scales[0][1])

    def _tie(self, blobs: Iterable[Scales], reason: str, *more: Form) -> None:
        """All pieces of these blobs have one scale, and so have the forms `more`."""
        forms = [only(scale) for scales in blobs for _, scale in scales]
        if forms:
            self.unknowns.tie([*forms, *more], reason)


def remembers(layer: Layer) -> bool:
    """Whether a layer has statistics of its bottom."""
    return any(param.is_statistic and param.data.any() for param in layer.params)


def said(layer: Layer) -> str:
    """A layer, in words for the user."""
    return f"{layer.type} '{layer.name}'"
