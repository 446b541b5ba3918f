"""WholeNet: a net after the walk through its layers."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...netlib import Net
from ...netlib.layers.shared.affine import Affine
from ..activations import Batch


@dataclass(frozen=True)
class WholeNet:
    """The net and the data for an initializer of kind 'net'.

    batches   the values of the net's Input blobs, as in `walk`
    chosen    the layers whose weights and biases may change
    dropout   whether dropout stays on while the net is measured
    """

    net: Net
    batches: Sequence[Batch]
    chosen: Sequence[Affine]
    dropout: bool = False
