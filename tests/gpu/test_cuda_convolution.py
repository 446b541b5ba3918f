"""Convolution on a device, by cuDNN, as products, and by im2col with cuBLAS: which is chosen, and
that all compute the same."""

import numpy as np
import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.cuda import gpu
from goodinit.netlib.engines.cuda.cublas import Cublas
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.netlib.engines.interface import Window
from op_calls import call, convolution_calls, draw, run

pytestmark = pytest.mark.cuda
DIRECTIONS = 'conv_forward', 'conv_backward_data', 'conv_backward_weights'
SHAPES = [
    (Window((3, 2), (2, 1), (1, 0), (1, 2)), 2, (2, 4, 7, 6), (6, 2, 3, 2)),
    (Window((1, 1), (1, 1), (0, 0), (1, 1)), 1, (2, 3, 4, 5), (4, 3, 1, 1)),
    (Window((3,), (2,), (1,), (1,)), 1, (2, 3, 8), (4, 3, 3)),
    (Window((2, 3, 2), (1, 2, 1), (1, 1, 0), (1, 1, 2)), 1, (1, 2, 4, 5, 5), (3, 2, 2, 3, 2)),
    (Window((2,) * 4, (1,) * 4, (0,) * 4, (1,) * 4), 1, (1, 2, 3, 3, 2, 2), (2, 2, 2, 2, 2, 2)),
]
CASES = []
for shapes in SHAPES:
    CASES += [c for c in convolution_calls(*shapes) if c.op in DIRECTIONS]

WINDOW = Window((3, 3), (1, 1), (1, 1), (1, 1))
TOLERANCE = 1e-4  # of the largest: cuDNN may take Winograd's or Fourier's transforms


@pytest.mark.parametrize('by', ['CAFFE', 'CUDNN', 'DEFAULT'])
@pytest.mark.parametrize('c', CASES, ids=lambda c: f'{c.id}-{c.inputs[2].kernel}')
def test_all_ways_compute_the_same(c, by, with_cudnn):
    expected = run(make_engine('reference', dtype=np.float64), c)['out']
    found = run(with_cudnn.convolving(by), c)['out']
    tolerance = TOLERANCE * np.abs(expected).max(initial=1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    'options, launches',
    [((), 0), ((draw(4),), 1), ((None, True), 1), ((draw(4), True, draw(4)), 1)],
)
def test_what_follows_a_convolution_is_one_kernel(options, launches, with_cudnn, monkeypatch):
    """Scale, bias and ReLU."""
    x, W, y = draw(2, 3, 5, 5), draw(4, 3, 3, 3), draw(2, 4, 5, 5)
    c = call('conv_forward', x, W, WINDOW, 1, *options, out=y)
    calls, launch = [], gpu.Gpu.launch
    monkeypatch.setattr(gpu.Gpu, 'launch', lambda *args: calls.append(args) or launch(*args))
    found = run(with_cudnn, c)['out']
    assert len(calls) == launches
    expected = run(make_engine('reference'), c)['out']
    tolerance = TOLERANCE * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    'channels, extent, groups, products',
    [(4, 5, 1, (1, 1, 1)), (12, 2, 1, (1, 1, 0)), (4, 1, 1, ()), (4, 5, 2, ())],
)
def test_kernels_of_one_place_are_products(
    channels, extent, groups, products, with_cudnn, monkeypatch
):
    """Those of all images in one call, unless they are more numbers than the images; where an image
    is one number, or there are groups, cuDNN knows better."""
    window = Window((1, 1), (1, 1), (0, 0), (1, 1))
    shapes = (window, groups, (3, channels, extent, extent), (12, channels // groups, 1, 1))
    multiplied, gemm = [], Cublas.gemm
    monkeypatch.setattr(Cublas, 'gemm', lambda *a, **k: multiplied.append(k) or gemm(*a, **k))
    counts = []
    for c in convolution_calls(*shapes):
        if c.op in DIRECTIONS:
            multiplied.clear()
            run(with_cudnn, c)
            counts.append((c.op, [each['count'] for each in multiplied]))
    expected = dict(zip(DIRECTIONS, products or (0, 0, 0), strict=True))
    assert {op for op, _ in counts} == set(DIRECTIONS)
    for op, found in counts:
        assert found == [3] * expected[op], op


def test_nothing_to_convolve(with_cudnn):
    """An empty batch: cuDNN knows no shapes without elements."""
    x, y = np.zeros((0, 3, 5, 5)), np.zeros((0, 4, 5, 5))
    W, dW = draw(4, 3, 3, 3), draw(4, 3, 3, 3)
    forward = call('conv_forward', x, W, WINDOW, 1, out=y)
    backward = call('conv_backward_weights', x, y, WINDOW, 1, out=dW)
    assert run(with_cudnn, forward)['out'].size == 0
    found = run(with_cudnn, backward)['out']
    np.testing.assert_array_equal(found, dW.astype(np.float32))


# -- TF32


# Without groups, and with enough channels for tensor cores.
MANY_CHANNELS = next(convolution_calls(WINDOW, 1, (2, 64, 6, 6), (64, 64, 3, 3)))


@pytest.mark.parametrize(
    'c',
    [call('gemm', draw(256, 256), draw(256, 256), out=draw(256, 256)), MANY_CHANNELS],
    ids=lambda c: c.op,
)
def test_tf32_is_an_option(c, with_cudnn, cuda_device):
    """Its error is that of 10 bits after the point, 2^-11 for each of two factors; without it that
    of float32, or of a transform in float32, which a card may find to be faster all the same."""
    expected = run(make_engine('reference', dtype=np.float64), c)['out']
    errors = [
        np.abs(run(engine, c)['out'] - expected).max() / np.abs(expected).max()
        for engine in (with_cudnn, Cuda(tf32=True))
    ]
    assert errors[0] < 2e-5
    assert errors[1] < 2e-3
    if c.op == 'gemm' or cuda_device == 'emulated':
        assert errors[1] > 3e-5


def test_convolution_is_by_engines_that_have_no_choice():
    engine = make_engine('reference')
    assert engine.convolving('CUDNN') is engine
