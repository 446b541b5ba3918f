"""The batch as a symbol: shapes are told with a prime number of images, so that every extent that
the batch has part in can be told from the others."""

from collections.abc import Sequence

from ..netlib import Net
from ..netlib.errors import NetError
from ..netlib.shapes import Shape
from ..proto.caffe_pb2 import NetParameter

# So large that no extent of a net is a multiple of it by chance. Nothing is computed in this size:
# blobs take memory at first use.
BATCH = 1_000_003


def varies(extent: int) -> bool:
    """Whether an extent depends on the batch."""
    return extent > 0 and extent % BATCH == 0


def dims(shape: Sequence[int]) -> list[int]:
    """A shape as Reshape takes it: -1 for the extent that varies with the batch."""
    return [-1 if varies(extent) else extent for extent in shape]


def extent_name(extent: int) -> int | str:
    """An extent as ONNX declares it: a number, or 'batch', or 'batch*4'."""
    if not varies(extent):
        return extent
    times = extent // BATCH
    return 'batch' if times == 1 else f'batch*{times}'


def with_symbolic_batch(param: NetParameter, phase: int, stored: dict[str, list[Shape]]) -> Net:
    """A net for its shapes alone, with the batch as a symbol where the net allows it.

    All inputs share one batch; where that does not work only the first has one; where that does not
    work either, none. `stored`: the shapes of the weights of each layer, which must not depend on
    the batch.
    """
    for inputs in (None, 1, 0):
        try:
            net = Net(_with_batch(param, inputs), phase)
        except NetError:
            if inputs == 0:
                raise
            continue
        if all(_shapes(net, name) == shapes for name, shapes in stored.items()):
            return net
    return Net(param, phase)


def _shapes(net: Net, layer: str) -> list[Shape]:
    return [blob.shape for blob in net.params[layer]]


def _with_batch(param: NetParameter, inputs: int | None) -> NetParameter:
    """The net with the first extent of its first `inputs` inputs (None: of all) as a symbol."""
    out = NetParameter()
    out.CopyFrom(param)
    shapes = []
    for layer in out.layer:
        if layer.type == 'Input':
            shapes += [shape for shape in layer.input_param.shape if shape.dim]
    for shape in shapes[:inputs]:
        shape.dim[0] = BATCH
    return out
