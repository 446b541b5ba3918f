"""Random valid configurations of every layer type, as strategies that draw a Case.

    @of('ReLU')
    def relu(draw, type): ...

configurations() has them all by layer type.
"""

from collections.abc import Callable

from case import Case, case, exactly, integers, positive, spread
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


@of('AbsVal', 'BNLL', 'Sigmoid', 'TanH')
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
    return case(
        type,
        f'power_param {{ power: {one(draw, 0, 1, 2, 3, 0.5, -1, -0.5)} scale: {number(draw, 0.2, 2)} '
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


@of('Maxout')
def maxout(draw, type):
    x, pieces = list(shape(draw, 2)), some(draw, 1, 3)
    axis = axis_of(draw, x)
    x[axis] *= pieces
    return case(type, f'maxout_param {{ num_pieces: {pieces} axis: {axis} }}', x=tuple(x))


# -- with weights


def window(draw, axes):
    """Kernel, stride, pad, dilation and reach (of the dilated kernel), one number per spatial axis
    each."""
    kernel, stride, dilation = ([some(draw, 1, most) for _ in range(axes)] for most in (3, 2, 2))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    return kernel, stride, [some(draw, 0, 2) for _ in range(axes)], dilation, reach


def window_text(kernel, stride, pad, dilation, _reach) -> str:
    return ' '.join(
        [
            per_axis('kernel_size', kernel),
            per_axis('stride', stride),
            per_axis('pad', pad),
            per_axis('dilation', dilation),
        ]
    )


@of('Convolution', 'Deconvolution')
def convolution(draw, type):
    slide, group = window(draw, one(draw, 1, 2, 2, 2, 3)), some(draw, 1, 2)
    _, stride, pad, _, reach = slide
    if type == 'Convolution':
        least = [max(1, r - 2 * p) for r, p in zip(reach, pad, strict=True)]
    else:
        least = [
            max(1, 1 - (r - 2 * p - 1) // s) for r, p, s in zip(reach, pad, stride, strict=True)
        ]
    extents = [n + some(draw, 0, 2) for n in least]
    return case(
        type,
        f'convolution_param {{ num_output: {group * some(draw, 1, 2)} group: {group} '
        f'bias_term: {flag(draw)} {window_text(*slide)} }}',
        x=(some(draw, 1, 2), group * some(draw, 1, 2), *extents),
    )


@of('Im2col')
def im2col(draw, type):
    slide = window(draw, some(draw, 1, 2))
    extents = [
        max(1, r - 2 * p) + some(draw, 0, 2) for r, p in zip(slide[4], slide[2], strict=True)
    ]
    return case(
        type,
        f'convolution_param {{ {window_text(*slide)} }}',
        x=(some(draw, 1, 2), some(draw), *extents),
    )


@of('InnerProduct')
def inner_product(draw, type):
    x = shape(draw, 2)
    return case(
        type,
        f'inner_product_param {{ num_output: {some(draw)} axis: {axis_of(draw, x, 1)} '
        f'transpose: {flag(draw)} bias_term: {flag(draw)} }}',
        x=x,
    )


@of('Embed')
def embed(draw, type):
    words = some(draw, 1, 5)
    return case(
        type,
        f'embed_param {{ input_dim: {words} num_output: {some(draw)} bias_term: {flag(draw)} }}',
        down='',
        x=integers(*shape(draw, 1, 2), below=words),
    )


@of('Scale', 'Bias')
def operand(draw, type):
    x = shape(draw, 1)
    first = some(draw, 0, len(x) - 1)
    last = some(draw, first, len(x))
    extra = f' bias_term: {flag(draw)}' if type == 'Scale' else ''
    name = f'{type.lower()}_param'
    if draw(st.booleans()):
        second = x[first : max(last, first + 1)]
        return case(type, f'{name} {{ axis: {first}{extra} }}', x=x, factor=second)
    count = -1 if last == len(x) and first < last else last - first
    return case(type, f'{name} {{ axis: {first} num_axes: {count}{extra} }}', x=x)


@of('Parameter')
def parameter(draw, type):
    return case(type, f'parameter_param {{ shape {{ {per_axis("dim", shape(draw))} }} }}')


@of('Input')
def input_layer(draw, type):
    return case(type, f'input_param {{ shape {{ {per_axis("dim", shape(draw))} }} }}')


# -- through time


def streams(draw, steps, n, begins=0):
    """The blob `cont`: which step of which stream goes on; all begin in the first step unless
    `begins` is 1."""
    row = st.lists(st.integers(0, 1), min_size=n, max_size=n)
    return exactly([[begins] * n, *(draw(row) for _ in range(steps - 1))])


@of('LSTM', 'RNN')
def recurrent(draw, type):
    steps, n, outputs = some(draw, 1, 3), some(draw, 1, 2), some(draw, 1, 2)
    exposed = draw(st.booleans())
    bottoms = {'x': spread(steps, n, some(draw)), 'cont': streams(draw, steps, n, int(exposed))}
    if draw(st.booleans()):
        bottoms['static'] = spread(n, some(draw))
    states = ['h', 'c'] if type == 'LSTM' else ['h']
    ends = ' '.join(f'{state}T' for state in states) if exposed else ''
    if exposed:
        bottoms |= {state: spread(1, n, outputs) for state in states}
    return case(
        type,
        f'recurrent_param {{ num_output: {outputs} expose_hidden: {str(exposed).lower()} }}',
        tops=f'y {ends}',
        ignored=ends,
        **bottoms,
    )


@of('LSTMUnit')
def lstm_unit(draw, type):
    n, outputs = some(draw), some(draw)
    return case(
        type,
        tops='c2 h2',
        c=(1, n, outputs),
        gates=(1, n, 4 * outputs),
        cont=streams(draw, 1, n, one(draw, 0, 1)),
    )


# -- pooling and normalization


@of('Pooling')
def pooling(draw, type):
    pool, extents = one(draw, 'MAX', 'AVE'), [some(draw, 1, 5), some(draw, 1, 5)]
    images = (some(draw, 1, 2), some(draw, 1, 2), *extents)
    if draw(st.booleans()):
        return case(type, f'pooling_param {{ pool: {pool} global_pooling: true }}', x=images)
    kernel = [some(draw, 1, min(3, n)) for n in extents]
    stride = [some(draw, 1, k) for k in kernel]
    pad = [some(draw, 0, k - 1) for k in kernel]
    mask = pool == 'MAX' and draw(st.booleans())
    return case(
        type,
        f'pooling_param {{ pool: {pool} kernel_h: {kernel[0]} kernel_w: {kernel[1]} '
        f'stride_h: {stride[0]} stride_w: {stride[1]} pad_h: {pad[0]} pad_w: {pad[1]} '
        f'round_mode: {one(draw, "CEIL", "FLOOR")} }}',
        tops='y mask' if mask else 'y',
        ignored='mask' if mask else '',
        x=images,
    )


@of('SPP')
def spp(draw, type):
    height = some(draw, 1, 3)
    sizes = [n for n in range(1, 9) if all(fits(n, 2**level) for level in range(height))]
    return case(
        type,
        f'spp_param {{ pyramid_height: {height} pool: {one(draw, "MAX", "AVE")} }}',
        x=(some(draw, 1, 2), some(draw, 1, 2), one(draw, *sizes), one(draw, *sizes)),
    )


def fits(size, bins) -> bool:
    """Whether a pyramid level of so many bins pads less than a bin: Caffe refuses others."""
    kernel = -(-size // bins)
    return (kernel * bins - size + 1) // 2 < kernel


@of('LRN')
def lrn(draw, type):
    return case(
        type,
        f'lrn_param {{ local_size: {one(draw, 1, 3, 5)} alpha: {number(draw, 0.01, 2)} '
        f'beta: {number(draw, 0.3, 1)} k: {number(draw, 0.5, 2)} '
        f'norm_region: {one(draw, "ACROSS_CHANNELS", "WITHIN_CHANNEL")} }}',
        x=shape(draw, 4, 4, 4),
    )


@of('BatchNorm')
def batch_norm(draw, type):
    x = (some(draw, 2, 4), some(draw), *shape(draw, 1, 2))
    statistics = {0: spread(x[1]), 1: positive(x[1]), 2: exactly([number(draw, 0.5, 2)])}
    return case(
        type,
        f'batch_norm_param {{ eps: {one(draw, 1e-5, 0.1)} }}',
        train=draw(st.booleans()),
        params=statistics,
        x=x,
    )


@of('MVN')
def mvn(draw, type):
    return case(
        type,
        f'mvn_param {{ across_channels: {flag(draw)} normalize_variance: {flag(draw)} '
        f'eps: {one(draw, 1e-9, 1e-3)} }}',
        x=(*shape(draw, 2, 2), some(draw, 2), some(draw, 2)),
    )


@of('Softmax')
def softmax(draw, type):
    x = shape(draw)
    return case(type, f'softmax_param {{ axis: {axis_of(draw, x)} }}', x=x)
