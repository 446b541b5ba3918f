"""Fields of Caffe's forks that are equivalent to current fields; the reader rewrites them."""

from .caffe_pb2 import (
    BatchNormParameter,
    ConvolutionParameter,
    LayerParameter,
    NetParameter,
    PoolingParameter,
)
from .errors import ProtoError
from .fields import copy_fields
from .fork_batch_norm import separate_scales
from .unused import warn_of_unused

# The same numbers in all messages that have an engine.
INTELS = (ConvolutionParameter.MKL2017, ConvolutionParameter.MKLDNN)


def rewrite(net: NetParameter) -> None:
    """Pooling's ceil_mode becomes round_mode, convolution's hole becomes dilation, lstm_param
    becomes recurrent_param, and what a BatchNorm learns becomes a Scale. An engine that BVLC's
    Caffe does not know is left out. A warning names the fields that have no effect here. Raises
    ProtoError if both of two names are given."""
    warn_of_unused(net)
    separate_scales(net)
    if net.HasField('engine'):  # clearing would add an absent net to its solver
        net.ClearField('engine')
    for layer in net.layer:
        _without_engine(layer)
        if layer.HasField('lstm_param'):
            _recurrent(layer)
        if layer.HasField('pooling_param') and layer.pooling_param.HasField('ceil_mode'):
            _round_mode(layer, layer.pooling_param)
        if layer.HasField('convolution_param'):
            _dilation(layer, layer.convolution_param)


def rewrite_blobs(net: NetParameter) -> None:
    """The parameters of a BN become (1, C, 1, 1), as stored by PSPNet; other forks derived from
    yjxiong's store (1, C)."""
    for layer in net.layer:
        if layer.type != 'BN':
            continue
        for blob in layer.blobs:
            if len(blob.shape.dim) == 2:
                blob.shape.dim.extend([1, 1])


def _without_engine(layer: LayerParameter) -> None:
    """Remove the choice of a library where BVLC's Caffe does not know it."""
    layer.ClearField('engine')
    for _, param in layer.ListFields():
        if isinstance(param, BatchNormParameter) or getattr(param, 'engine', None) in INTELS:
            param.ClearField('engine')


def _recurrent(layer: LayerParameter) -> None:
    """Move the fields of lstm_param to recurrent_param."""
    param = layer.lstm_param
    if layer.HasField('recurrent_param'):
        raise _twice(layer, 'lstm_param', 'recurrent_param')
    if param.clipping_threshold:
        raise ProtoError(
            f"layer '{layer.name}' ({layer.type}): clipping_threshold of lstm_param is not known "
            'here: remove it; clip_gradients of the solver limits all gradients together'
        )
    copy_fields(param, layer.recurrent_param, skip=['clipping_threshold', 'batch_size'])
    layer.ClearField('lstm_param')


def _round_mode(layer: LayerParameter, param: PoolingParameter) -> None:
    if param.HasField('round_mode'):
        raise _twice(layer, 'ceil_mode', 'round_mode')
    param.round_mode = PoolingParameter.CEIL if param.ceil_mode else PoolingParameter.FLOOR
    param.ClearField('ceil_mode')


def _dilation(layer: LayerParameter, param: ConvolutionParameter) -> None:
    given = [name for name in ('hole', 'hole_h', 'hole_w') if param.HasField(name)]
    if not given:
        return
    if param.dilation:
        raise _twice(layer, given[0], 'dilation')
    if given == ['hole']:
        param.dilation.append(param.hole)
    else:
        param.dilation.extend([_hole(param, 'hole_h'), _hole(param, 'hole_w')])
    for name in given:
        param.ClearField(name)


def _hole(param: ConvolutionParameter, name: str) -> int:
    return getattr(param, name) if param.HasField(name) else param.hole


def _twice(layer: LayerParameter, fork: str, field: str) -> ProtoError:
    where = f', {layer.origin}' if layer.origin else ''
    return ProtoError(
        f"layer '{layer.name}' ({layer.type}){where}: "
        f"{fork} is a fork's name for {field}: give one of them"
    )
