"""A warning, before training, of layers whose weights are zero and never learn."""

import warnings

from ..netlib import Net
from ..netlib.layers import Layer
from ..netlib.never_learning import never_learning, never_learning_notes

CURE = (
    'needed: a weight_filler such as { type: "msra" }, or weights from data '
    '(goodinit train --init lsuv, goodinit.initialize)'
)


class ZeroWeights:
    """The layers of a net that never learn: looked for, and warned of, once."""

    def __init__(self, net: Net):
        self.net = net
        self.layers: list[Layer] = []
        self.warned = False

    def warn(self) -> None:
        """Look at the weights as they are now, unless that was done."""
        if self.warned or self.net.ranks.rank:
            return
        self.warned = True
        self.layers = never_learning(self.net)
        for note in never_learning_notes(self.layers):
            warnings.warn(f'{note}; {CURE}', stacklevel=4)
