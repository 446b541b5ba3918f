"""Random valid configurations of the layers that rearrange, and of losses and scores; see
configurations.py."""

from math import prod

from case import case, exactly, integers, positive, probabilities, spread
from configurations import axis_of, flag, number, of, one, per_axis, shape, some
from hypothesis import strategies as st

# -- shapes


@of('ArgMax')
def argmax(draw, type):
    x = shape(draw, 2)
    best = f'out_max_val: {flag(draw)}'
    if draw(st.booleans()):
        axis = axis_of(draw, x)
        return case(
            type,
            f'argmax_param {{ axis: {axis} top_k: {some(draw, 1, x[axis])} {best} }}',
            down='',
            x=x,
        )
    return case(
        type, f'argmax_param {{ top_k: {some(draw, 1, prod(x[1:]))} {best} }}', down='', x=x
    )


@of('BatchReindex')
def batch_reindex(draw, type):
    x = shape(draw)
    index = draw(st.lists(st.integers(0, x[0] - 1), min_size=1, max_size=4))
    return case(type, down='x', x=x, index=exactly(index))


@of('Concat')
def concat(draw, type):
    x = list(shape(draw))
    axis = axis_of(draw, x)
    bottoms = {}
    for i in range(some(draw)):
        x[axis] = some(draw)
        bottoms[f'x{i}'] = tuple(x)
    return case(type, f'concat_param {{ axis: {axis} }}', **bottoms)


@of('Slice')
def slice_layer(draw, type):
    x = list(shape(draw))
    axis = axis_of(draw, x)
    parts = [some(draw) for _ in range(some(draw))]
    x[axis] = sum(parts)
    points = [sum(parts[:i]) for i in range(1, len(parts))]
    return case(
        type,
        f'slice_param {{ axis: {axis} {per_axis("slice_point", points)} }}',
        tops=' '.join(f'y{i}' for i in range(len(parts))),
        x=tuple(x),
    )


@of('Crop')
def crop(draw, type):
    x = shape(draw, 2)
    axis = axis_of(draw, x)
    size = [n if i < axis % len(x) else some(draw, 1, n) for i, n in enumerate(x)]
    offsets = [some(draw, 0, n - m) for n, m in zip(x, size, strict=True)][axis % len(x) :]
    return case(
        type, f'crop_param {{ axis: {axis} {per_axis("offset", offsets)} }}', x=x, size=tuple(size)
    )


@of('Eltwise')
def eltwise(draw, type):
    x, n = shape(draw), some(draw, 2, 4)
    operation = one(draw, 'SUM', 'PROD', 'MAX')
    coefficients = (
        [number(draw, -2, 2) for _ in range(n)]
        if operation == 'SUM' and draw(st.booleans())
        else []
    )
    return case(
        type,
        f'eltwise_param {{ operation: {operation} stable_prod_grad: {flag(draw)} '
        f'{per_axis("coeff", coefficients)} }}',
        **{f'x{i}': x for i in range(n)},
    )


@of('Filter')
def filter_layer(draw, type):
    n, count = some(draw, 1, 4), some(draw, 1, 2)
    bottoms = {f'x{i}': (n, *shape(draw, 0, 2)) for i in range(count)}
    picked = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(any))
    return case(
        type,
        tops=' '.join(f'y{i}' for i in range(count)),
        down=' '.join(bottoms),
        **bottoms,
        pick=exactly(picked),
    )


@of('Flatten')
def flatten(draw, type):
    x = shape(draw)
    first = some(draw, 0, len(x) - 1)
    return case(
        type, f'flatten_param {{ axis: {first} end_axis: {some(draw, first, len(x) - 1)} }}', x=x
    )


@of('Reshape')
def reshape(draw, type):
    x = shape(draw)
    first = some(draw, 0, len(x))
    last = some(draw, first, len(x))
    dims = draw(st.permutations([*x[first:last], 1]))
    if prod(x):
        dims[some(draw, 0, len(dims) - 1)] = -1
    return case(
        type,
        f'reshape_param {{ axis: {first} num_axes: {last - first} '
        f'shape {{ {per_axis("dim", dims)} }} }}',
        x=x,
    )


@of('Reduction')
def reduction(draw, type):
    x = shape(draw)
    return case(
        type,
        f'reduction_param {{ operation: {one(draw, "SUM", "ASUM", "SUMSQ", "MEAN")} '
        f'axis: {axis_of(draw, x)} coeff: {number(draw, 0.2, 2)} }}',
        x=x,
    )


@of('Pad')
def pad(draw, type):
    x = shape(draw, 4, 4, 4)
    mode = one(draw, 'ZERO', 'REFLECT')
    most = [n - 1 if mode == 'REFLECT' else 2 for n in x[2:]]
    return case(
        type,
        f'pad_param {{ mode: {mode} pad_h: {some(draw, 0, most[0])} '
        f'pad_w: {some(draw, 0, most[1])} }}',
        x=x,
    )


@of('Split')
def split(draw, type):
    return case(type, tops=' '.join(f'y{i}' for i in range(some(draw))), x=shape(draw))


@of('Silence')
def silence(draw, type):
    return case(type, tops='', **{f'x{i}': shape(draw) for i in range(some(draw))})


@of('Tile')
def tile(draw, type):
    x = shape(draw)
    return case(type, f'tile_param {{ axis: {axis_of(draw, x)} tiles: {some(draw)} }}', x=x)


# -- losses and scores


def scores(draw):
    """A shape of scores, the axis of their classes, and a shape of labels."""
    x = shape(draw, 2, extent=4)
    axis = some(draw, 0, len(x) - 1)
    return x, axis, (x[:axis] + x[axis + 1 :])


def loss_param(draw, labels) -> str:
    """Any normalization; sometimes a label that is ignored."""
    text = f'normalization: {one(draw, "FULL", "VALID", "BATCH_SIZE", "NONE")}'
    return (
        f'loss_param {{ {text} }}'
        if draw(st.booleans())
        else f'loss_param {{ {text} ignore_label: {some(draw, 0, labels - 1)} }}'
    )


@of('Accuracy')
def accuracy(draw, type):
    x, axis, label = scores(draw)
    each = draw(st.booleans())
    return case(
        type,
        f'accuracy_param {{ axis: {axis} top_k: {some(draw, 1, x[axis])} }}',
        tops='y each' if each else 'y',
        down='',
        x=x,
        label=integers(*label, below=x[axis]),
    )


@of('SoftmaxWithLoss')
def softmax_with_loss(draw, type):
    x, axis, label = scores(draw)
    return case(
        type,
        f'softmax_param {{ axis: {axis} }} {loss_param(draw, x[axis])}',
        x=x,
        label=integers(*label, below=x[axis]),
    )


@of('InfogainLoss')
def infogain_loss(draw, type):
    x, axis, label = scores(draw)
    return case(
        type,
        f'infogain_loss_param {{ axis: {axis} }} {loss_param(draw, x[axis])}',
        down='x',
        x=x,
        label=integers(*label, below=x[axis]),
        H=positive(x[axis], x[axis]),
    )


@of('SigmoidCrossEntropyLoss')
def sigmoid_cross_entropy_loss(draw, type):
    x = shape(draw)
    return case(type, loss_param(draw, 2), x=x, target=integers(*x, below=2))


@of('MultinomialLogisticLoss')
def multinomial_logistic_loss(draw, type):
    n, classes = some(draw), some(draw)
    return case(type, x=probabilities(n, classes), label=integers(n, below=classes))


@of('HingeLoss')
def hinge_loss(draw, type):
    n, classes = some(draw), some(draw)
    return case(
        type,
        f'hinge_loss_param {{ norm: {one(draw, "L1", "L2")} }}',
        x=(n, classes),
        label=integers(n, below=classes),
    )


@of('EuclideanLoss')
def euclidean_loss(draw, type):
    x = shape(draw)
    return case(type, x=x, target=x)


@of('ContrastiveLoss')
def contrastive_loss(draw, type):
    n, features = some(draw), some(draw)
    return case(
        type,
        f'contrastive_loss_param {{ margin: {number(draw, 0.5, 4)} legacy_version: {flag(draw)} }}',
        a=(n, features),
        b=spread(n, features, low=-2, high=2),
        same=integers(n, below=2),
    )
