"""Products by the matrix unit of AMX, where there is one or the stand-in for it (compiled where
GOODINIT_AMX_PLAIN=1 was set): how much they err, numbers that bfloat16 cannot hold, and that
`exact` goes without."""

import shutil
import subprocess
import sys

import numpy as np
import places
import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.fast import native
from goodinit.netlib.engines.interface import Window
from kernel_calls import REFERENCE
from op_calls import call, conv_extents, draw, run
from openmp import threads

ISAS = native.instruction_sets() if native.LIBRARY.exists() else []
WITH_UNIT = [isa for isa in ISAS if isa in native.EXTENDED]
# Of the largest value: at most, and for all shapes together.
MOST, TYPICAL = 1e-4, 1e-5
LARGEST = np.finfo(np.float32).max
pytestmark = pytest.mark.skipif(not WITH_UNIT, reason='neither AMX nor its stand-in is here')

PRODUCTS = [
    (32, 32, 32),
    (33, 32, 63),
    (47, 65, 33),
    (64, 64, 64),
    (130, 31, 300),
    (17, 600, 96),
    (300, 50, 513),
    (70, 90, 2000),
]
CONVOLUTIONS = [
    # images, inputs, outputs, pixels; then a window's kernel, stride, pad, dilation
    ((2, 64, 70), (13, 15), (3, 3), (1, 1), (1, 1), (1, 1)),
    ((3, 40, 33), (9, 9), (5, 5), (1, 1), (2, 2), (1, 1)),
    ((2, 3, 40), (30, 31), (7, 7), (2, 2), (3, 3), (1, 1)),
    ((5, 37, 64), (14, 14), (1, 1), (1, 1), (0, 0), (1, 1)),
    ((1, 70, 50), (12, 11), (3, 2), (2, 1), (0, 1), (2, 3)),
    ((2, 64, 96), (21, 21), (1, 1), (1, 1), (0, 0), (1, 1)),
    ((3, 300, 35), (7, 6), (3, 3), (2, 1), (1, 0), (1, 1)),
]


@pytest.fixture(params=WITH_UNIT)
def isa(request, monkeypatch):
    monkeypatch.setenv('GOODINIT_ISA', request.param)
    return request.param


def error(engine, c):
    """Of the largest value."""
    expected = run(REFERENCE, c)['out']
    return np.abs(run(engine, c)['out'] - expected).max() / np.abs(expected).max()


def convolution_calls(numbers):
    """A convolution of CONVOLUTIONS in all directions."""
    (images, inputs, outputs), image, *fields = numbers
    window = Window(*fields)
    x, W = draw(images, inputs, *image), draw(outputs, inputs, *window.kernel)
    dy = draw(images, outputs, *conv_extents(image, window))
    return [
        call('conv_forward', x, W, window, 1, draw(outputs), out=dy),
        call('conv_backward_data', dy, W, window, 1, out=x),
        call('conv_backward_weights', x, dy, window, 1, out=0 * W),
    ]


def product(a, b, left, right, add):
    """A call of gemm, with matrices in memory as they are or transposed."""
    out = draw(len(a), b.shape[1])
    if left:
        a = a.T.copy()
    if right:
        b = b.T.copy()
    return call('gemm', a, b, out=out, transpose_a=left, transpose_b=right, accumulate=add)


def test_products_err_little(isa):
    engine, errors = make_engine('fast'), []
    for M, N, K in PRODUCTS:
        a, b = draw(M, K), draw(K, N)
        for left in (False, True):
            for right in (False, True):
                errors += [error(engine, product(a, b, left, right, add)) for add in (False, True)]
    assert max(errors) < MOST and np.mean(errors) < TYPICAL
    assert np.mean(errors) > 1e-6  # by the unit, then


@pytest.mark.parametrize('numbers', CONVOLUTIONS)
def test_convolutions_err_little(isa, numbers):
    engine = make_engine('fast')
    errors = [error(engine, c) for c in convolution_calls(numbers)]
    assert max(errors) < MOST and np.mean(errors) < TYPICAL


@pytest.mark.parametrize('numbers', CONVOLUTIONS[::3])
def test_the_number_of_threads_changes_no_bit(isa, numbers):
    engine, calls = make_engine('fast'), convolution_calls(numbers)
    calls.append(product(draw(300, 700), draw(700, 90), left=False, right=True, add=True))
    found = []
    for n in (1, 2, 3):
        with threads(n):
            found.append([run(engine, c)['out'] for c in calls])
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


SPECIAL = {
    'infinite': [np.inf],
    'both': [np.inf, -np.inf],
    'nan': [np.nan],
    'largest': [LARGEST, -LARGEST],
    'beyond': [2e38, 2e38, -2e38],
}


@pytest.mark.parametrize('case', SPECIAL)
@pytest.mark.parametrize('factor', [1e-3, 1, 1e10])
def test_numbers_that_bfloat16_cannot_hold_give_what_floats_give(isa, case, factor):
    a, b = draw(70, 100), draw(100, 80) * factor
    b[:, 7] = 0
    for i, number in enumerate(SPECIAL[case]):
        a[40 + i // 2, 10 + i] = number
    c = product(a, b, left=False, right=False, add=False)
    ours, exact = (run(make_engine(name), c)['out'] for name in ('fast', 'exact'))
    finite = np.isfinite(exact)
    np.testing.assert_array_equal(ours[~finite], exact[~finite])
    np.testing.assert_array_equal(np.isfinite(ours), finite)
    rows = finite.all(axis=1)
    largest = np.abs(exact[rows]).max(axis=1, keepdims=True)
    assert (np.abs(ours[rows] - exact[rows]) <= MOST * largest).all()


@pytest.mark.parametrize('number', [np.inf, np.nan, LARGEST])
def test_convolutions_give_what_floats_give_for_special_numbers(isa, number):
    for c in convolution_calls(CONVOLUTIONS[0]):
        c.inputs[0][1, 5, 2, 3] = number
        ours, exact = (run(make_engine(name), c)['out'] for name in ('fast', 'exact'))
        np.testing.assert_array_equal(ours[~np.isfinite(exact)], exact[~np.isfinite(exact)])
        largest = np.abs(exact[np.isfinite(exact)]).max(initial=0)
        far = np.isfinite(exact) & (np.abs(exact) < largest)
        np.testing.assert_allclose(ours[far], exact[far], rtol=0, atol=largest * MOST)


def test_a_nan_with_any_payload_stays_nan(isa):
    a, b = draw(64, 64), draw(64, 64)
    engine = make_engine('fast')
    tensors = [engine.tensor(64, 64) for _ in range(3)]
    for t, numbers in zip(tensors, (a, b), strict=False):
        t.array(write=True)[...] = numbers
    for bits in (0x7FFFFFFF, 0xFFFFFFFF, 0x7FC00000):
        tensors[0].array(write=True).view(np.uint32)[5, 9] = bits
        engine.gemm(*tensors[:2], out=tensors[2])
        assert np.isnan(tensors[2].array()[5]).all()
        assert np.isfinite(np.delete(tensors[2].array(), 5, axis=0)).all()


def test_exact_goes_without(isa, monkeypatch):
    c = product(draw(64, 300), draw(300, 64), left=False, right=True, add=False)
    assert error(make_engine('exact'), c) < 1e-6 < error(make_engine('fast'), c)
    exact = run(make_engine('exact'), c)['out']
    monkeypatch.setenv('GOODINIT_ISA', native.EXTENDED[isa])
    np.testing.assert_array_equal(exact, run(make_engine('fast'), c)['out'])


def test_kernels_for_amx_are_those_that_have_the_stand_in(tmp_path):
    """The compiled code for AMX, whose instructions are computed one by one where the processor
    lacks them: it gives the same bits."""
    has_both = {'avx512', 'amx_plain'} <= set(ISAS) and 'amx' not in ISAS
    if not has_both or not shutil.which('g++'):
        pytest.skip('needs the stand-in, g++, and a processor without AMX')
    traps = tmp_path / 'traps.so'
    source = places.TESTS / 'helpers/amx_traps.cpp'
    options = ['-std=c++17', '-O2', '-mfma', '-ffp-contract=off', '-shared', '-fPIC']
    subprocess.run(['g++', *options, str(source), '-o', str(traps)], check=True)
    command = [sys.executable, str(source.with_name('amx_by_traps.py')), str(traps)]
    printed = subprocess.run(command, capture_output=True, text=True)
    assert printed.returncode == 0, printed.stderr
    configured, released, *others = map(int, printed.stdout.split())
    assert configured == released > 0 and min(others) > 0
