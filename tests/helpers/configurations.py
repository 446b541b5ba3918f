"""Random valid configurations of every layer type, as strategies that draw a Case.

    @of('ReLU')
    def relu(draw, type): ...

configurations() has them all by layer type.
"""

from collections.abc import Callable

from case import Case, case, positive
from hypothesis import strategies as st

_MAKERS: dict[str, Callable[..., Case]] = {}


def of(*types):
    """What makes a Case of one of these types with `draw`."""

    def keep(make):
        _MAKERS.update(dict.fromkeys(types, make))
        return make

    return keep


def configurations() -> dict[str, st.SearchStrategy[Case]]:
    return {type: st.composite(make)(type) for type, make in _MAKERS.items()}


# -- what the strategies draw


def some(draw, least=1, most=3) -> int:
    return draw(st.integers(least, most))


def shape(draw, least=1, most=4, extent=3) -> tuple[int, ...]:
    return tuple(draw(st.lists(st.integers(1, extent), min_size=least, max_size=most)))


def number(draw, low, high) -> float:
    return draw(st.integers(round(low * 100), round(high * 100))) / 100


def one(draw, *values):
    return draw(st.sampled_from(values))


def flag(draw) -> str:
    return one(draw, 'true', 'false')


def axis_of(draw, shape, least=0) -> int:
    """An axis, counted from the front or from the back."""
    axis = some(draw, least, len(shape) - 1)
    return one(draw, axis, axis - len(shape))


def per_axis(field, values) -> str:
    return ' '.join(f'{field}: {value}' for value in values)


# -- element by element


@of('AbsVal', 'BNLL', 'Mish', 'Sigmoid', 'TanH')
def plain(draw, type):
    return case(type, x=shape(draw))


@of('ReLU', 'ELU', 'Swish')
def with_a_slope(draw, type):
    field = {
        'ReLU': 'relu_param { negative_slope',
        'ELU': 'elu_param { alpha',
        'Swish': 'swish_param { beta',
    }[type]
    return case(type, f'{field}: {number(draw, 0, 2)} }}', x=shape(draw))


@of('Clip')
def clip(draw, type):
    low = number(draw, -1, 0.5)
    return case(
        type, f'clip_param {{ min: {low} max: {low + number(draw, 0.1, 1)} }}', x=shape(draw)
    )


@of('Threshold')
def threshold(draw, type):
    return case(
        type, f'threshold_param {{ threshold: {number(draw, -1, 1)} }}', down='', x=shape(draw)
    )


@of('Power')
def power(draw, type):
    power = one(draw, 0, 1, 2, 3, 0.5, -1, -0.5)
    return case(
        type,
        f'power_param {{ power: {power} scale: {number(draw, 0.2, 2)} '
        f'shift: {number(draw, 0, 1)} }}',
        x=positive(*shape(draw)),
    )


@of('Exp', 'Log')
def exponential(draw, type):
    return case(
        type,
        f'{type.lower()}_param {{ base: {one(draw, -1, 0.5, 2, 3)} scale: {number(draw, 0.2, 2)} '
        f'shift: {number(draw, 0, 1)} }}',
        x=positive(*shape(draw)),
    )


@of('Dropout')
def dropout(draw, type):
    return case(
        type,
        f'dropout_param {{ dropout_ratio: {number(draw, 0.05, 0.95)} }}',
        train=draw(st.booleans()),
        x=shape(draw),
    )


@of('PReLU')
def prelu(draw, type):
    return case(type, f'prelu_param {{ channel_shared: {flag(draw)} }}', x=shape(draw, 2))


@of('RReLU')
def rrelu(draw, type):
    low = number(draw, 1, 4)
    fields = f'rrelu_param {{ lb: {low} ub: {low + number(draw, 0, 5)} }}'
    return case(type, fields, train=draw(st.booleans()), x=shape(draw))


@of('EltwiseAffine')
def eltwise_affine(draw, type):
    fields = f'eltwise_affine_param {{ channel_shared: {flag(draw)} }}'
    return case(type, fields, x=shape(draw, 2))


@of('Maxout')
def maxout(draw, type):
    x, pieces = list(shape(draw, 2)), some(draw, 1, 3)
    axis = axis_of(draw, x)
    x[axis] *= pieces
    return case(type, f'maxout_param {{ num_pieces: {pieces} axis: {axis} }}', x=tuple(x))
