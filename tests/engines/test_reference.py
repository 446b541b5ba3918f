"""The reference engine, which defines the ops: against loops, identities and slopes."""

import numpy as np
import oracles
import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.interface import Bins, Window
from goodinit.netlib.engines.reference.elementwise import UNARY
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from op_calls import call, close, draw, pool_extents, run, unary_calls, window

REFERENCE = make_engine('reference', dtype=np.float64)
few_examples = settings(max_examples=25, derandomize=True, deadline=None, database=None)


def reference(op, *inputs, **keywords):
    return run(REFERENCE, call(op, *inputs, **keywords))['out']


def zeros(like):
    return np.zeros(like if isinstance(like, tuple) else like.shape)


def slopes(f, x, step=1e-5):
    """The gradient of the scalar f by x, by central differences."""
    found = zeros(x)
    for at in np.ndindex(x.shape):
        above = x.copy()
        above[at] += step
        below = x.copy()
        below[at] -= step
        found[at] = (f(above) - f(below)) / (2 * step)
    return found


# -- the reference against loops


@st.composite
def slidings(draw, axes, dilations=2):
    """A window, and an image that it fits into."""

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(axes))

    w = Window(each(1, 3), each(1, 3), each(0, 2), each(1, dilations))
    image = []
    for k, p, d in zip(w.kernel, w.pad, w.dilation, strict=True):
        least = max(d * (k - 1) + 1 - 2 * p, 1)
        image.append(draw(st.integers(least, 6)))
    return w, tuple(image)


@few_examples
@given(st.data(), st.integers(1, 3), st.integers(1, 2), st.integers(1, 2), st.integers(1, 2))
def test_convolution(data, axes, groups, channels, outputs):
    w, image = data.draw(slidings(axes))
    x, W = draw(2, groups * channels, *image), draw(groups * outputs, channels, *w.kernel)
    y = oracles.convolution(x, W, w, groups)
    columns = oracles.im2col(x, w, y.shape[2:])
    close(reference('conv_forward', x, W, w, groups, out=zeros(y)), y)
    close(reference('im2col', x, w, out=zeros(columns)), columns)
    # Each gradient is the transpose of its linear map: <dy, A x> = <A^T dy, x>.
    dy, dcolumns = draw(*y.shape), draw(*columns.shape)
    dx = reference('conv_backward_data', dy, W, w, groups, out=zeros(x))
    dW = reference('conv_backward_weights', x, dy, w, groups, out=zeros(W))
    close(np.vdot(dx, x), np.vdot(dy, y))
    close(np.vdot(dW, W), np.vdot(dy, y))
    undone = reference('col2im', dcolumns, w, out=zeros(x))
    close(np.vdot(undone, x), np.vdot(dcolumns, columns))
    squares = zeros(W)
    for x_n, dy_n in zip(x, dy, strict=True):
        images = (x_n[None], dy_n[None])
        squares += reference('conv_backward_weights', *images, w, groups, out=zeros(W)) ** 2
    close(reference('conv_squared_gradients', x, dy, w, groups, out=zeros(W)), squares)
    # The patch at a position is a column of im2col, group by group.
    by_group = columns.reshape(2, groups, W[0].size, -1).transpose(1, 0, 3, 2)
    rows = by_group.reshape(groups, -1, W[0].size)
    positions = list(range(rows.shape[1]))[::-1]
    close(reference('patches', x, w, groups, positions, out=zeros(rows)), rows[:, ::-1])


@few_examples
@given(st.data(), st.booleans())
def test_pooling(data, ceil):
    w, image = data.draw(slidings(2, dilations=1))
    assume(all(p < k for p, k in zip(w.pad, w.kernel, strict=True)))
    extents = pool_extents(image, w, ceil)
    starts = [(e - 1) * s - p for e, s, p in zip(extents, w.stride, w.pad, strict=True)]
    assume(all(start < n for start, n in zip(starts, image, strict=True)))  # no window is empty
    x = np.round(draw(1, 2, *image))
    largest, place, average = oracles.pool(x, w, extents)
    y = largest
    found = run(REFERENCE, call('pool_max_forward', x, w, out=zeros(y), mask=zeros(y)))
    close(found['out'], largest)
    close(found['mask'], place)
    close(reference('pool_ave_forward', x, w, out=zeros(y)), average)
    dy = draw(*y.shape)
    dx = zeros(x)
    for at in np.ndindex(y.shape):
        plane = dx[at[:2]].reshape(-1)
        plane[int(place[at])] += dy[at]
    close(reference('pool_mask_backward', dy, place, w, out=zeros(x)), dx)
    close(reference('pool_mask_forward', x, place, out=zeros(y)), largest)
    dx = reference('pool_ave_backward', dy, w, out=zeros(x))
    close(np.vdot(dx, x), np.vdot(dy, average))


@few_examples
@given(st.data(), st.integers(0, 3), st.integers(1, 3), st.integers(1, 3))
def test_roi_pooling(data, regions, height, width):
    def spans(bins, extent):
        ends = st.tuples(st.integers(0, extent), st.integers(0, extent))
        of_a_region = st.lists(ends, min_size=bins, max_size=bins)
        return data.draw(st.lists(of_a_region, min_size=regions, max_size=regions))

    x = np.round(draw(2, 2, 4, 5))
    y = (regions, 2, height, width)
    images = data.draw(st.lists(st.integers(0, 1), min_size=regions, max_size=regions))
    bins = Bins(images, spans(height, 4), spans(width, 5))
    largest, place = oracles.roi_pool(x, bins, y)
    found = run(REFERENCE, call('roi_pool_forward', x, bins, out=zeros(y), winner=zeros(y)))
    close(found['out'], largest)
    close(found['winner'], place)
    dy = draw(*y)
    dx = zeros(x)
    for at in np.ndindex(y):
        region, channel = at[:2]
        plane = dx[bins.images[region], channel].reshape(-1)
        if place[at] >= 0:
            plane[int(place[at])] += dy[at]
    close(reference('roi_pool_backward', dy, place, bins, out=zeros(x)), dx)


@few_examples
@given(
    st.integers(1, 6),
    st.sampled_from([1, 3, 5, 9]),
    st.floats(0.1, 2),
    st.floats(0.25, 1.5),
    st.floats(0.5, 2),
)
def test_lrn(channels, size, alpha, beta, k):
    x = draw(2, channels, 3)
    y, scale = oracles.lrn(x, size, alpha, beta, k)
    forward = call('lrn_forward', x, size, alpha, beta, k, out=zeros(x), scale=zeros(x))
    found = run(REFERENCE, forward)
    close(found['out'], y)
    close(found['scale'], scale)
    dy = draw(*x.shape)
    dx = reference('lrn_backward', x, y, dy, scale, size, alpha, beta, out=zeros(x))
    close(dx, slopes(lambda x: np.vdot(dy, oracles.lrn(x, size, alpha, beta, k)[0]), x), 1e-7)


def test_softmax():
    x, dy = 3 * draw(2, 4, 3), draw(2, 4, 3)
    y = oracles.softmax(x)
    close(reference('softmax_forward', x, out=zeros(x)), y)
    close(reference('softmax_forward', x + 1000, out=zeros(x)), y)
    dx = slopes(lambda x: np.vdot(dy, oracles.softmax(x)), x)
    close(reference('softmax_backward', y, dy, out=zeros(x)), dx, 1e-7)


@pytest.mark.parametrize('transpose_a', [False, True])
@pytest.mark.parametrize('transpose_b', [False, True])
def test_gemm(transpose_a, transpose_b):
    a, b, c = draw(4, 3), draw(3, 5), draw(4, 5)
    given = {'transpose_a': transpose_a, 'transpose_b': transpose_b}
    left = a.T if transpose_a else a
    right = b.T if transpose_b else b
    close(reference('gemm', left, right, out=c, **given), oracles.gemm(a, b))
    close(reference('gemm', left, right, out=c, accumulate=True, **given), c + oracles.gemm(a, b))


def backward_calls():
    """The calls of unary_backward for every function."""
    calls = []
    for name in UNARY:
        calls += [c for c in unary_calls(name) if c.op == 'unary_backward']
    return calls


@pytest.mark.parametrize('c', backward_calls(), ids=lambda c: c.id)
def test_unary_backward_is_the_slope_of_unary(c):
    name, x, _, dy, *parameters = c.inputs

    def f(x):
        return np.vdot(dy, reference('unary', name, x, *parameters, out=zeros(x)))

    close(run(REFERENCE, c)['out'], slopes(f, x), 1e-6)


def test_an_empty_window_holds_what_caffe_leaves_there():
    w, x, last = window(1, stride=5), draw(1, 1, 2, 5), (0, 0, 0, 1)
    found = run(
        REFERENCE, call('pool_max_forward', x, w, out=zeros((1, 1, 1, 2)), mask=zeros((1, 1, 1, 2)))
    )
    assert (found['out'][last], found['mask'][last]) == (-np.finfo(np.float32).max, -1)
    assert np.isnan(reference('pool_ave_forward', x, w, out=zeros((1, 1, 1, 2)))[last])
