"""What layers and their weights are called in Python: as identifiers, each once."""

import keyword
import re
from collections import Counter
from collections.abc import Iterable

from ...proto.caffe_pb2 import LayerParameter, NetParameter
from ...proto.readers import sole_readers

# What nn.Module itself calls something, and what every generated forward uses.
TAKEN = {
    *('add_module', 'apply', 'bfloat16', 'buffers', 'children', 'compile', 'cpu', 'cuda', 'double'),
    *('eval', 'extra_repr', 'float', 'forward', 'half', 'load_state_dict', 'modules', 'parameters'),
    *(
        'T_destination',
        'requires_grad_',
        'share_memory',
        'state_dict',
        'to',
        'to_empty',
        'train',
        'training',
        'type',
        'zero_grad',
        'call_super_init',
    ),
    *('dump_patches', 'get_buffer', 'get_extra_state', 'get_parameter', 'get_submodule', 'ipu'),
    *('mtia', 'named_buffers', 'named_children', 'named_modules', 'named_parameters', 'xpu'),
    *('set_extra_state', 'set_submodule'),
    *('F', 'math', 'nn', 'self', 'torch', 'load', 'Path', 'load_file'),
}

# The weights of each layer type in the order of its blobs. LSTM and RNN: see `weight_names`.
WEIGHTS = {
    'BN': ('weight', 'bias', 'running_mean', 'running_var'),
    'BatchNorm': ('running_mean', 'running_var', 'factor'),
    'Bias': ('bias',),
    'Normalize': ('weight',),
    'PReLU': ('weight',),
    'Parameter': ('weight',),
}
RECURRENT = {
    'LSTM': ('weight_x', 'bias', 'weight_h'),
    'RNN': ('weight_x', 'bias', 'weight_h', 'weight_o', 'bias_o'),
}


def weight_names(layer: LayerParameter, count: int) -> tuple[str, ...]:
    """What the `count` blobs of a layer are called: weight and bias, except for some types."""
    if layer.type in RECURRENT:
        names = RECURRENT[layer.type]
        static = ('weight_static',) if count > len(names) else ()
        return (*names[:2], *static, *names[2:])
    if layer.type == 'Scale' and len(layer.bottom) > 1:
        return ('bias',)[:count]
    return WEIGHTS.get(layer.type, ('weight', 'bias'))[:count]


def identifier(name: str) -> str:
    """A name as Python takes it: 'inception_3a/1x1' is inception_3a_1x1."""
    plain = re.sub(r'\W', '_', name, flags=re.ASCII)
    if not plain or plain[0].isdigit():
        plain = f'n{plain}'
    if keyword.iskeyword(plain) or plain in TAKEN or plain.startswith('register_'):
        plain += '_'
    return plain


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """An identifier for each name; of names that give the same, later ones get a number."""
    used: Counter[str] = Counter()
    out: dict[str, str] = {}
    for name in names:
        if name in out:
            continue
        plain = identifier(name)
        used[plain] += 1
        while used[plain] > 1:
            plain = f'{identifier(name)}_{used[plain]}'
            used[plain] += 1
        out[name] = plain
    return out


def scaled_norms(param: NetParameter) -> dict[str, str]:
    """For each BatchNorm that nobody but a Scale by channels, with bias, reads: the Scale's name.

    Both together are what other frameworks call batch normalization.
    """
    names = Counter(layer.name for layer in param.layer)
    out = {}
    for i, above in sole_readers(param.layer).items():
        norm = param.layer[i]
        named = names[norm.name] == names[above.name] == 1
        if norm.type == 'BatchNorm' and _by_channel(above) and named:
            out[norm.name] = above.name
    return out


def _by_channel(layer: LayerParameter) -> bool:
    p = layer.scale_param
    plain = p.axis == 1 and p.num_axes == 1 and p.bias_term
    return layer.type == 'Scale' and len(layer.bottom) == 1 and plain
