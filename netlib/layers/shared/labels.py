"""Labels of classes, of which ignore_label may leave some out."""

from collections.abc import Iterator
from contextlib import contextmanager

from ....proto.caffe_pb2 import AccuracyParameter, LossParameter
from ...engines.labels import LabelError
from ...memory import Tensor
from ..base import Layer


def ignored(param: AccuracyParameter | LossParameter) -> int | None:
    """The label that is left out, or None."""
    return param.ignore_label if param.HasField('ignore_label') else None


def one_hot(layer: Layer, field: str, label: Tensor, out: Tensor) -> None:
    """out (outer, classes, inner) = 1 at each label (outer, inner), 0 elsewhere and where the
    message `field` of the layer ignores the label. A label that is no class is an error, which
    names ignore_label where none is given."""
    with labels_named(layer, field):
        layer.engine.one_hot(label, ignored(getattr(layer.param, field)), out=out)


@contextmanager
def labels_named(layer: Layer, field: str) -> Iterator[None]:
    """Lets the error about a label name ignore_label, if the message `field` of the layer gives
    none."""
    skipped = ignored(getattr(layer.param, field))
    try:
        yield
    except LabelError as error:
        if skipped is not None:
            raise
        hint = f'{field} {{ ignore_label: {error.label} }} leaves it out'
        raise LabelError(f'{error}; {hint}', error.label) from error
