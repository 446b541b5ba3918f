"""Nets written in Python: layers added one by one to a NetParameter, and messages printed as
prototxt.

net = NetBuilder('LeNet')
x = net.add('Input', 'data', input_param={'shape': [{'dim': [64, 1, 28, 28]}]})
x = net.conv('conv1', x, 20, 5)
x = net.pool('pool1', x, 2, stride=2)
text = prototxt(net.param)
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from .caffe_pb2 import NetParameter
from .scan import without_origins

Filler = str | float | Mapping[str, Any]
Names = str | Iterable[str]


class NetBuilder:
    """A NetParameter, `param`, under construction. Every method appends a layer and returns its
    (first) top.

    multipliers: the `param` messages (lr_mult, decay_mult) of the weights and the bias, for layers
    that have them.
    """

    def __init__(self, name: str, multipliers: Iterable[Mapping[str, float]] = ()):
        self.param = NetParameter(name=name)
        self.multipliers = list(multipliers)

    def add(
        self, type: str, name: str, bottom: Names = (), top: Names | None = None, **fields: Any
    ) -> str:
        """Any layer, with further `fields` of LayerParameter. By default, the top has the layer's
        name."""
        tops = _names(name if top is None else top)
        self.param.layer.add(name=name, type=type, bottom=_names(bottom), top=tops, **fields)
        return tops[0]

    def in_place(self, type: str, name: str, blob: str, **fields: Any) -> str:
        """A layer whose top is its bottom."""
        return self.add(type, name, blob, top=blob, **fields)

    def relu(self, name: str, blob: str) -> str:
        """ReLU, in place."""
        return self.in_place('ReLU', name, blob)

    def dropout(self, name: str, blob: str, ratio: float) -> str:
        """Dropout, in place."""
        return self.in_place('Dropout', name, blob, dropout_param={'dropout_ratio': ratio})

    def conv(
        self,
        name: str,
        bottom: str,
        num_output: int,
        kernel_size: int,
        *,
        pad: int = 0,
        stride: int = 1,
        group: int = 1,
        weight: Filler = 'xavier',
        bias: Filler | None = 0,
        type: str = 'Convolution',
        top: str | None = None,
        **fields: Any,
    ) -> str:
        """A convolution, or a deconvolution with `type`; bias=None omits the bias."""
        settings: dict[str, Any] = {'num_output': num_output, 'kernel_size': [kernel_size]}
        if pad:
            settings['pad'] = [pad]
        if stride != 1:
            settings['stride'] = [stride]
        if group != 1:
            settings['group'] = group
        settings |= _fillers(weight, bias)
        fields = {'param': self._multipliers(bias), **fields}
        return self.add(type, name, bottom, top, convolution_param=settings, **fields)

    def inner_product(
        self,
        name: str,
        bottom: str,
        num_output: int,
        *,
        weight: Filler = 'xavier',
        bias: Filler | None = 0,
    ) -> str:
        """A fully connected layer; bias=None omits the bias."""
        settings = {'num_output': num_output, **_fillers(weight, bias)}
        param = self._multipliers(bias)
        return self.add('InnerProduct', name, bottom, param=param, inner_product_param=settings)

    def pool(
        self,
        name: str,
        bottom: str,
        kernel_size: int | None,
        *,
        stride: int = 1,
        pad: int = 0,
        method: str = 'MAX',
    ) -> str:
        """Pooling by MAX or AVE; kernel_size=None pools over the whole image."""
        settings: dict[str, Any] = {'pool': method}
        if kernel_size is None:
            settings['global_pooling'] = True
        else:
            settings['kernel_size'] = kernel_size
        if stride != 1:
            settings['stride'] = stride
        if pad:
            settings['pad'] = pad
        return self.add('Pooling', name, bottom, pooling_param=settings)

    def _multipliers(self, bias: Filler | None) -> list[Mapping[str, float]]:
        return self.multipliers[:1] if bias is None else self.multipliers


def _names(names: Names) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _fillers(weight: Filler, bias: Filler | None) -> dict[str, Any]:
    if bias is None:
        return {'weight_filler': _filler(weight), 'bias_term': False}
    return {'weight_filler': _filler(weight), 'bias_filler': _filler(bias)}


def _filler(value: Filler) -> Mapping[str, Any]:
    """The fields of a FillerParameter, from the fields, a filler's name, or a constant."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, str):
        return {'type': value}
    if value:
        return {'type': 'constant', 'value': value}
    return {'type': 'constant'}


def prototxt(message: Message) -> str:
    """A message as prototxt: one field per line, two spaces per level.

    A message with only plain fields, or a single field, is on one line if it fits in 100 columns.
    """
    with without_origins(message):
        return ''.join(_lines(message, ''))


def _lines(message: Message, indent: str) -> Iterator[str]:
    for field, value in message.ListFields():
        is_single = isinstance(value, Message | str | bytes | int | float)
        for item in [value] if is_single else value:
            if isinstance(item, Message):
                yield _message(field.name, item, indent)
            else:
                yield f'{indent}{field.name}: {_scalar(field, item)}\n'


def _message(name: str, message: Message, indent: str) -> str:
    """A field that is a message, on one line if allowed, or on several."""
    inner = list(_lines(message, indent + '  '))
    fields = ' '.join(map(str.strip, inner))
    line = f'{indent}{name} {{ {fields} }}\n'
    is_simple = len(inner) == 1 or _is_plain(message)
    if is_simple and len(line) <= 100:
        return line
    return f'{indent}{name} {{\n{"".join(inner)}{indent}}}\n'


def _is_plain(message: Message) -> bool:
    return all(field.message_type is None for field, _ in message.ListFields())


def _scalar(field: FieldDescriptor, value: Any) -> str:
    out = io.StringIO()
    text_format.PrintFieldValue(field, value, out, as_one_line=True)
    text = out.getvalue()
    return text.removesuffix('.0') if isinstance(value, float) else text
