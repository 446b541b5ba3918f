"""The batch as a symbol: shapes are told with a prime number of images, so that every extent that
the batch has part in can be told from the others."""

from collections.abc import Sequence

from ..netlib import Net
from ..netlib.errors import NetError
from ..netlib.shapes import Shape
from ..proto.caffe_pb2 import NetParameter

# The batch of the first input, and that of others where it is another number. So large that no
# extent of a net is a multiple of one by chance. Nothing is computed in this size: blobs take
# memory at first use.
BATCHES = {'batch': 1_000_003, 'batch_2': 1_000_033, 'batch_3': 1_000_037}

ENGINE = 'reference'


def varies(extent: int) -> bool:
    """Whether an extent depends on a batch."""
    return extent > 0 and any(extent % batch == 0 for batch in BATCHES.values())


def dims(shape: Sequence[int]) -> list[int]:
    """A shape as Reshape takes it: -1 for the extent that varies with the batch."""
    return [-1 if varies(extent) else extent for extent in shape]


def extent_name(extent: int) -> int | str:
    """An extent as ONNX declares it: a number, or 'batch', or 'batch*4'."""
    for name, batch in BATCHES.items():
        if extent and extent % batch == 0:
            return name if extent == batch else f'{name}*{extent // batch}'
    return extent


def with_symbolic_batch(param: NetParameter, phase: int, stored: dict[str, list[Shape]]) -> Net:
    """A net for its shapes alone, with each batch as a symbol where the net allows it.

    Inputs with the same number of images share one batch. Where several do not go together only the
    first is a symbol; where that does not work either, none. `stored`: the shapes of the weights of
    each layer, which must not depend on a batch.
    """
    fixed = Net(param, phase, engine=ENGINE)
    for symbols in (len(BATCHES), 1):
        try:
            net = Net(_with_batches(param, symbols), phase, engine=ENGINE)
        except NetError:
            continue
        if _is_general(net, fixed, stored):
            return net
    return fixed


def _is_general(net: Net, fixed: Net, stored: dict[str, list[Shape]]) -> bool:
    """Whether batches are parts of extents only as factors, and no part of the weights."""
    for name, params in net.params.items():
        if [param.shape for param in params] != stored.get(name):
            return False
    for name, blob in net.blobs.items():
        for extent, before in zip(blob.shape, fixed.blobs[name].shape, strict=True):
            if extent != before and not varies(extent):
                return False
    return True


def _with_batches(param: NetParameter, symbols: int) -> NetParameter:
    """The net with the first extents of its inputs as symbols, of at most so many kinds."""
    out = NetParameter()
    out.CopyFrom(param)
    batch_of: dict[int, int] = {}
    free = list(BATCHES.values())[:symbols]
    for layer in out.layer:
        if layer.type != 'Input':
            continue
        for shape in layer.input_param.shape:
            images = shape.dim[0] if shape.dim else 0
            if images not in batch_of and images and free:
                batch_of[images] = free.pop(0)
            if images in batch_of:
                shape.dim[0] = batch_of[images]
    return out
