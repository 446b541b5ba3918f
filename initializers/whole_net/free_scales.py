"""Changes of scale that do not change a net's function: a log-scale s per blob or per piece of its
channels, under linear constraints.

The layers' own constraints are in wiring.py. Weights that must not change require s_top = s_bottom;
nonzero biases that must not change require s_top = 0. Layers that share weights have the same
s_top - s_bottom for each column; those that share a bias have the same s_top.
"""

from collections.abc import Collection

import numpy as np
from numpy import ndarray

from ...netlib import Net
from ...netlib.blob import Param
from ...netlib.layers.shared.affine import Affine
from .linear_forms import ZERO, Form
from .pieces import Pieces, aligned
from .wiring import Nearly, Wiring


class FreeScales:
    """The log-scales of a net's blobs, as linear functions of a few free numbers.

    chosen: the layers whose weights and biases may change. strict: layers that are homogeneous only
    nearly are fixed. by_channel: pieces of a blob's channels may have different scales.

    free      the number of free numbers
    basis     (unknowns, free): the unknowns of `wiring` from the free numbers
    weights   {owner: rows over the unknowns, one for each piece of its columns}: the log-factors of
              each weight that may change
    biases    {owner: a row over the unknowns}: the log-factor of each bias that may change
    nearly    the layers whose declaration holds only approximately
    """

    def __init__(
        self,
        net: Net,
        chosen: Collection[Affine],
        strict: bool = False,
        by_channel: bool = True,
    ):
        self.wiring = Wiring(net, strict, by_channel)
        self.unknowns = self.wiring.unknowns
        self.nearly: list[Nearly] = self.wiring.nearly
        weight_uses, bias_uses = self.wiring.weight_uses, self.wiring.bias_uses
        movable = movable_params(net, chosen) - (weight_uses.keys() & bias_uses.keys())
        weights = {}
        for param, uses in weight_uses.items():
            weights[param] = self._tied_columns(param, uses, param in movable)
        for param, forms in bias_uses.items():
            self._tie(param, forms, param in movable)
        self.basis = self.unknowns.solutions()
        self.free = self.basis.shape[1]
        self.weights: dict[Param, Pieces[ndarray]] = {}
        for param, pieces in weights.items():
            if param in movable:
                self.weights[param] = [(end, self._row(form)) for end, form in pieces]
        self.biases: dict[Param, ndarray] = {}
        for param, forms in bias_uses.items():
            if param in movable:
                self.biases[param] = self._row(forms[0])

    def _tied_columns(self, param: Param, uses: list[Pieces[Form]], moves: bool) -> Pieces[Form]:
        """All uses of W ask for the same change of each column; returns the pieces of W's
        columns."""
        pieces = []
        for end, forms in aligned(uses):
            self._tie(param, forms, moves)
            pieces.append((end, forms[0]))
        return pieces

    def _tie(self, param: Param, forms: list[Form], moves: bool) -> None:
        """All uses of a parameter ask for the same change, or for none if it must stay."""
        if moves:
            self.unknowns.tie(forms, f"the shared parameter '{param.name}'")
        else:
            self.unknowns.tie([*forms, ZERO], f"'{param.name}', which must not change")

    def _row(self, form: Form) -> ndarray:
        """A form as a row over the unknowns."""
        return self.unknowns.matrix([form])[0]

    def log_scales(self, forms: list[Form]) -> ndarray:
        """Forms as rows over the free numbers."""
        return np.asarray(self.unknowns.matrix(forms) @ self.basis)


def movable_params(net: Net, chosen: Collection[Affine]) -> set[Param]:
    """The owners of weights and biases that may change: those that learn and are used only by
    chosen layers."""
    weights = {layer.weight for layer in chosen}
    allowed: set[Param] = set()
    refused: set[Param] = set()
    for layer in net.layers:
        owners = {param.owner for param in layer.params}
        if isinstance(layer, Affine) and layer.weight.owner in weights:
            learning = {owner for owner in owners if owner.learns}
            allowed |= learning
            refused |= owners - learning
        else:
            refused |= owners
    return allowed - refused
