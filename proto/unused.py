"""Fields of Caffe's forks that are read without an effect: a warning names each of them."""

import warnings

from .caffe_pb2 import LayerParameter, NetParameter

SHOWN = 3  # places
# The messages of a layer, the field in it ('' for any), and what happens instead.
UNUSED = {
    ('quantization_param', ''): 'the layer computes in float32',
    ('data_param', 'shuffle'): 'images are read in the order of their keys',
    ('data_param', 'cache'): 'the system keeps what it has read',
    ('data_param', 'threads'): 'prefetch says how much is read ahead',
    ('data_param', 'parser_threads'): 'prefetch says how much is read ahead',
}


def warn_of_unused(net: NetParameter) -> None:
    """Warn of the fields that have no effect, each once with the layers that have it."""
    for (message, field), instead in UNUSED.items():
        layers = [layer for layer in net.layer if _has(layer, message, field)]
        if not layers:
            continue
        places = [layer.origin or f"layer '{layer.name}'" for layer in layers]
        where = ', '.join(places[:SHOWN])
        if len(places) > SHOWN:
            where += f' and {len(places) - SHOWN} more'
        name = f'{message}.{field}' if field else message
        warnings.warn(f'{where}: {name} has no effect: {instead}', stacklevel=2)


def _has(layer: LayerParameter, message: str, field: str) -> bool:
    if not layer.HasField(message):  # type: ignore[arg-type]
        return False
    return not field or bool(getattr(getattr(layer, message), field))
