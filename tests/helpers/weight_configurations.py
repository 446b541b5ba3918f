"""Random valid configurations of layers with weights, those through time among them."""

from case import case, exactly, integers, spread
from configurations import axis_of, flag, of, one, per_axis, shape, some
from hypothesis import strategies as st

# -- with weights


def window(draw, axes):
    """Kernel, stride, pad, dilation and reach (of the dilated kernel), one number per spatial axis
    each."""
    kernel = [some(draw, 1, 3) for _ in range(axes)]
    stride = [some(draw, 1, 2) for _ in range(axes)]
    dilation = [some(draw, 1, 2) for _ in range(axes)]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    pad = [some(draw, 0, 2) for _ in range(axes)]
    return kernel, stride, pad, dilation, reach


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
