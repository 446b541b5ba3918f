"""Nets written in Python, as in pycaffe: layers are functions of tops.

    from goodinit.caffe import NetSpec, layers as L, params as P

    n = NetSpec()
    n.data = L.Input(shape=dict(dim=[1, 1, 28, 28]))
    n.conv1 = L.Convolution(n.data, kernel_size=5, num_output=20, weight_filler=dict(type='xavier'))
    n.pool1 = L.Pooling(n.conv1, kernel_size=2, stride=2, pool=P.Pooling.MAX)

n.to_proto() is a NetParameter; printed, it is a prototxt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any

from google.protobuf.message import Message

from ..netlib.errors import NetError, did_you_mean
from ..proto import caffe_pb2
from ..proto.caffe_pb2 import LayerParameter, NetParameter

# -- fields


@cache
def param_name_dict() -> dict[str, str]:
    """{layer type: the field of LayerParameter with its parameters, without the '_param'}, as the
    schema says."""
    names: dict[str, str] = {}
    for field in LayerParameter.DESCRIPTOR.fields:
        if field.name.endswith('_param'):
            kind = field.message_type.name.removesuffix('Parameter')
            names[kind] = field.name.removesuffix('_param')
    return names


def assign_proto(proto: Message, name: str, value: Any) -> None:
    """Set a field from plain Python: a dict for a message, a list for a repeated field, where one
    value stands for a list of one."""
    field = getattr(proto, name)
    if hasattr(field, 'extend'):
        values = value if isinstance(value, list | tuple) else [value]
        if values and isinstance(values[0], dict):
            for item in values:
                _assign_fields(field.add(), item)
        else:
            field.extend(values)
    elif isinstance(value, dict):
        _assign_fields(field, value)
    else:
        setattr(proto, name, value)


def _assign_fields(proto: Message, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        assign_proto(proto, name, value)


# -- tops and the functions that make them


class Top:
    """One blob that a layer makes: output number `n` of the function `fn`."""

    def __init__(self, fn: Function, n: int):
        self.fn = fn
        self.n = n

    def to_proto(self) -> NetParameter:
        """A net of all layers that this top needs, blobs and layers named by type and number."""
        return to_proto(self)


class Function:
    """A layer: its type, the tops that it reads, and its fields.

    `params` may also hold ntop (how many tops it makes; 1) and in_place (whether its top is its
    bottom).
    """

    def __init__(self, type_name: str, inputs: Iterable[Top], params: dict[str, Any]):
        self.type_name = type_name
        self.inputs = tuple(inputs)
        self.params = dict(params)
        for i, top in enumerate(self.inputs):
            if not isinstance(top, Top):
                raise TypeError(f'{type_name} input {i} is not a Top (type is {type(top)})')
        self.ntop = self.params.pop('ntop', 1)
        self.in_place = self.params.pop('in_place', False)
        self.tops = tuple(Top(self, n) for n in range(self.ntop))


Made = Top | Function  # a layer without tops stands for itself


def to_proto(*tops: Made) -> NetParameter:
    """A net of all layers that the tops need, blobs and layers named by type and number."""
    return _net_of(tops, {})


class NetSpec:
    """A net whose blobs are attributes, or items. A blob is named as its attribute, and so is the
    layer that makes it."""

    tops: dict[str, Made]

    def __init__(self) -> None:
        super().__setattr__('tops', {})

    def __setattr__(self, name: str, value: Made) -> None:
        self.tops[name] = value

    def __getattr__(self, name: str) -> Any:
        tops = vars(self).get('tops', {})  # there is none yet while it is being copied
        if name not in tops:
            raise AttributeError(f"this NetSpec has no '{name}'{did_you_mean(name, tops)}")
        return tops[name]

    def __delattr__(self, name: str) -> None:
        del self.tops[name]

    __setitem__ = __setattr__
    __getitem__ = __getattr__
    __delitem__ = __delattr__

    def keys(self) -> list[str]:
        return list(self.tops)

    def vals(self) -> list[Made]:
        return list(self.tops.values())

    def update(self, name: str, params: dict[str, Any]) -> None:
        """Change fields of the layer that makes a blob."""
        _function(self.tops[name]).params.update(params)

    def to_proto(self) -> NetParameter:
        """A net of all layers that the blobs need."""
        names = {top: name for name, top in self.tops.items()}
        return _net_of(self.tops.values(), names)


def _function(made: Made) -> Function:
    return made.fn if isinstance(made, Top) else made


# -- writing the net


def _net_of(tops: Iterable[Made], names: dict[Made, str]) -> NetParameter:
    writer = _Writer(names)
    for top in tops:
        writer.add(_function(top))
    return writer.net


class _Writer:
    """Adds functions to a NetParameter, each after those that it needs."""

    def __init__(self, names: dict[Made, str]):
        self.net = NetParameter()
        self.names = names
        self.layers: dict[Function, LayerParameter] = {}
        self.used: Counter[str] = Counter()

    def add(self, fn: Function) -> LayerParameter:
        if fn not in self.layers:
            self.layers[fn] = self._layer(fn)
        return self.layers[fn]

    def _layer(self, fn: Function) -> LayerParameter:
        bottom = [self.add(top.fn).top[top.n] for top in fn.inputs]
        top = bottom
        if not fn.in_place:
            top = [self._name(made) for made in fn.tops]
        name = self._name(fn.tops[0] if fn.tops else fn)
        layer = self.net.layer.add(type=fn.type_name, bottom=bottom, top=top, name=name)
        for field, value in fn.params.items():
            _assign_layer(layer, field, value)
        return layer

    def _name(self, made: Made) -> str:
        if made not in self.names:
            kind = _function(made).type_name
            self.used[kind] += 1
            self.names[made] = f'{kind}{self.used[kind]}'
        return self.names[made]


def _assign_layer(layer: LayerParameter, name: str, value: Any) -> None:
    """Set a field of the message of the layer's own type if that has one of this name, else of the
    layer."""
    own = f'{param_name_dict().get(layer.type, "")}_param'
    known = LayerParameter.DESCRIPTOR.fields_by_name
    inside = known[own].message_type.fields_by_name if own in known else {}
    is_message_of_layer = name.endswith('param') and name in known
    if name in inside and not is_message_of_layer:
        assign_proto(getattr(layer, own), name, value)
    elif name in known:
        assign_proto(layer, name, value)
    else:
        meant = did_you_mean(name, [*inside, *known])
        raise NetError(
            f"layer '{layer.name}' ({layer.type}): there is no field '{name}'{meant}; parameters "
            "of another type's message are written as convolution_param=dict(...)"
        )


# -- what a spec is written with


class Layers:
    """`layers`: an attribute for each layer type, a function of tops and fields that gives its top
    or tops.

    A layer with ntop=0 gives a Function, one with several tops a tuple.
    """

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith('_'):
            raise AttributeError(name)
        return partial(_layer, name)


def _layer(type_name: str, /, *inputs: Top, **params: Any) -> Any:
    fn = Function(type_name, inputs, params)
    if fn.ntop == 0:
        return fn
    return fn.tops[0] if fn.ntop == 1 else fn.tops


class Parameters:
    """`params`: an attribute for each layer type, with the values of its enums, such as
    params.Pooling.MAX."""

    def __getattr__(self, name: str) -> Any:
        return getattr(caffe_pb2, f'{name}Parameter')


layers = Layers()
params = Parameters()
