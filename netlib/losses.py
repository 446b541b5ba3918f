"""The loss of a net: the sum of its layers' tops, times their loss weights."""

from __future__ import annotations

from ..proto.caffe_pb2 import LayerParameter
from .blob import Blob
from .errors import layer_error
from .layers import Layer
from .memory import Tensor


def loss_weights(param: LayerParameter, is_loss: bool, tops: int) -> list[float]:
    """One weight for each top: from the fields, or by default 1 for a loss layer and 0 otherwise.

    Raises LayerError if the number of weights is wrong.
    """
    given = list(param.loss_weight)
    if not given and (not is_loss or tops == 1):
        return [1.0 if is_loss else 0.0] * tops
    if len(given) != tops:
        raise layer_error(
            param,
            'loss_weight must be unspecified or specified once per top blob: '
            f'found {len(given) or 1} for {tops} tops',
        )
    return given


def put_loss_weights(layer: Layer, top: list[Blob]) -> None:
    """Set the diff of each top that has a loss weight to that weight."""
    for blob, weight in zip(top, layer.loss_weights, strict=True):
        if weight:
            blob.diff = weight


def add_loss(layer: Layer, top: list[Blob], loss: Tensor) -> None:
    """Add each top's sum, times its loss weight, to `loss`, a tensor of one element."""
    engine = layer.engine
    for blob, weight in zip(top, layer.loss_weights, strict=True):
        if weight == 1:
            engine.sum(blob.values.reshape(-1), out=loss, accumulate=True)
        elif weight:
            total = engine.tensor(1)
            engine.sum(blob.values.reshape(-1), out=total)
            engine.axpby(weight, total, 1, out=loss)
