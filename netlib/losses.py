"""The loss of a net: the sum of its layers' tops, times their loss weights."""

from __future__ import annotations

from ..proto.caffe_pb2 import LayerParameter
from .blob import Blob
from .engines import Engine
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


def add_loss(layer: Layer, top: list[Blob], loss: Tensor, is_first: bool) -> bool:
    """Add each top's sum, times its loss weight, to `loss`, a tensor of one element, which counts
    as zero if `is_first`. Returns whether nothing has been added: then the next is the first."""
    engine = layer.engine
    for blob, weight in zip(top, layer.loss_weights, strict=True):
        if not weight:
            continue
        values = blob.values.reshape(-1)
        if weight == 1:
            engine.sum(values, out=loss, accumulate=not is_first)
        else:
            total = engine.tensor(1)
            engine.sum(values, out=total)
            engine.axpby(weight, total, 0 if is_first else 1, out=loss)
        is_first = False
    return is_first


def mean_loss(engine: Engine, losses: list[Tensor]) -> Tensor:
    """The mean of losses, each a tensor of one element that may be written over."""
    mean = losses[0]
    if len(losses) > 1:
        engine.axpby(1 / len(losses), mean, 0, out=mean)
    for loss in losses[1:]:
        engine.axpby(1 / len(losses), loss, 1, out=mean)
    return mean
