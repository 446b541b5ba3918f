"""Fields of Caffe's forks that are read without an effect: a warning names each of them."""

import warnings

from google.protobuf.message import Message

from .caffe_pb2 import LayerParameter, NetParameter

SHOWN = 3  # places
FLOAT32 = 'all is computed in float32'
# The messages of a layer ('' for the layer itself), the field in it ('' for any), and what happens
# instead.
UNUSED = {
    ('quantization_param', ''): 'the layer computes in float32',
    ('data_param', 'shuffle'): 'images are read in the order of their keys',
    ('data_param', 'cache'): 'the system keeps what it has read',
    ('data_param', 'threads'): 'prefetch says how much is read ahead',
    ('data_param', 'parser_threads'): 'prefetch says how much is read ahead',
    ('', 'forward_type'): FLOAT32,
    ('', 'backward_type'): FLOAT32,
    ('', 'forward_math'): FLOAT32,
    ('', 'backward_math'): FLOAT32,
}
UNUSED_OF_NET = {
    'default_forward_type': FLOAT32,
    'default_backward_type': FLOAT32,
    'default_forward_math': FLOAT32,
    'default_backward_math': FLOAT32,
    'global_grad_scale': 'float32 has room for small gradients',
    'global_grad_scale_adaptive': 'float32 has room for small gradients',
}


def warn_of_unused(net: NetParameter) -> None:
    """Warn of the fields that have no effect, each once with the layers that have it."""
    for field, instead in UNUSED_OF_NET.items():
        if _is_set(net, field):
            warnings.warn(f'{field} has no effect: {instead}', stacklevel=2)
    for (message, field), instead in UNUSED.items():
        layers = [layer for layer in net.layer if _has(layer, message, field)]
        if not layers:
            continue
        places = [layer.origin or f"layer '{layer.name}'" for layer in layers]
        where = ', '.join(places[:SHOWN])
        if len(places) > SHOWN:
            where += f' and {len(places) - SHOWN} more'
        name = '.'.join(filter(None, (message, field)))
        warnings.warn(f'{where}: {name} has no effect: {instead}', stacklevel=2)


def _has(layer: LayerParameter, message: str, field: str) -> bool:
    if not message:
        return _is_set(layer, field)
    if not layer.HasField(message):  # type: ignore[arg-type]
        return False
    return not field or _is_set(getattr(layer, message), field)


def _is_set(message: Message, field: str) -> bool:
    """Whether a field has another value than without it."""
    return getattr(message, field) != message.DESCRIPTOR.fields_by_name[field].default_value
