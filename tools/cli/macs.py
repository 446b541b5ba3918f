"""What layers cost."""

from collections.abc import Sequence

from ...netlib.blob import Blob
from ...netlib.layers import Layer
from ...netlib.layers.shared.affine import Affine


def macs(layer: Layer, bottom: Sequence[Blob], top: Sequence[Blob]) -> int:
    """Multiply-accumulates of one forward pass: every output of a convolution or inner product
    costs its fan-in."""
    if not isinstance(layer, Affine):
        return 0
    if not layer.weight.count:
        return 0
    if layer.type == 'Deconvolution':
        fan = layer.weight.count // layer.weight.shape[0]
        return sum(blob.count for blob in bottom) * fan
    fan = layer.weight.count // layer.num_output
    return sum(blob.count for blob in top) * fan
