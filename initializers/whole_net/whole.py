"""WholeNet: a net after the walk through its layers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...netlib import Net
from ...netlib.layers.shared.affine import Affine
from ..activations import Batch
from ..moments import Moments


@dataclass(frozen=True)
class WholeNet:
    """The net and the data for an initializer of kind 'net'.

    batches   the values of the net's Input blobs, as in `walk`
    chosen    the layers whose weights and biases may change
    dropout   whether dropout stays on while the net is measured
    measured  numbers that an initializer found out, by name: `function_moved`, the largest change
              of an output over the largest output; `rates_apart`, the greatest change rate over the
              smallest, on these batches
    outputs   the moments of layers' outputs on these batches, by name, if an initializer knows them
    """

    net: Net
    batches: Sequence[Batch]
    chosen: Sequence[Affine]
    dropout: bool = False
    measured: dict[str, float] = field(default_factory=dict)
    outputs: dict[str, Moments] = field(default_factory=dict)
