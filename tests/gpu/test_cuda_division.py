"""Division as multiplication: the numbers that the host packs, and the kernels that use them."""

import numpy as np
import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.cuda.compilation import compile_source
from goodinit.netlib.engines.cuda.geometry import divisor, packed_divisor
from goodinit.netlib.engines.cuda.launch import KERNELS
from op_calls import call, draw, pool_extents, run, window

LARGEST = 2**31 - 1
SMALL = range(1, 2000)
POWERS = [2**k + d for k in range(2, 31) for d in (-1, 0, 1)] + [LARGEST - 1, LARGEST]
DRAWN = np.random.default_rng(0).integers(1, LARGEST, 2000, endpoint=True).tolist()
DIVISORS = sorted({*SMALL, *POWERS, *DRAWN})


def edges(by):
    """Where a quotient changes, near both ends and in between, and the largest number."""
    multiples = {k * by for k in (0, 1, 2, 3, LARGEST // by // 2, LARGEST // by)}
    near = {m + d for m in multiples for d in (-1, 0, 1)}
    return np.array(sorted(i for i in near | {LARGEST} if 0 <= i <= LARGEST))


@pytest.mark.parametrize('part', range(8))
def test_the_packed_numbers_divide_exactly(part):
    for by in DIVISORS[part::8]:
        same, factor, shift = divisor(by)
        factor %= 2**32
        assert same == by and 0 <= shift < 32
        # The proof for all i at once: what rounding adds to i / by is less than 1 / by.
        assert 0 <= factor * by - 2 ** (31 + shift) <= 2**shift
        for i in edges(by).tolist():
            assert (2 * i * factor >> 32) >> shift == i // by


SOURCE = """
__global__ void divide(int n, Divisor d, const int* numbers, int* quotients, int* rests) {
    int i = thread_number();
    if (i >= n) return;
    quotients[i] = quotient(numbers[i], d);
    rests[i] = modulo(numbers[i], d);
}
"""


@pytest.mark.cuda
def test_kernels_divide_exactly(cuda_device, cuda):
    from pycuda import driver

    source = (KERNELS / 'common.cuh').read_text(encoding='utf-8') + SOURCE
    divide = compile_source('divide', source).get_function('divide')
    for by in [*range(1, 20), 49, 55, 224, 50176, *POWERS]:
        numbers = np.append(edges(by), DRAWN[:200]).astype(np.int32)
        found = np.zeros((2, len(numbers)), np.int32)
        packed = np.frombuffer(packed_divisor(by), [('members', 'i4', 3)])[0]
        divide(
            np.int32(len(numbers)),
            packed,
            driver.In(numbers),
            driver.Out(found[0]),
            driver.Out(found[1]),
            grid=(-(-len(numbers) // 256), 1),
            block=(256, 1, 1),
        )
        np.testing.assert_array_equal(found, np.divmod(numbers, by))


# -- pooling by four neighbors


def pooling_calls(image, w):
    x, dx = draw(2, 3, *image), draw(2, 3, *image)
    y = (2, 3, *pool_extents(image, w, True))
    forward = call('pool_max_forward', x, w, out=draw(*y), mask=draw(*y))
    mask = run(make_engine('reference'), forward)['mask']
    yield forward
    yield call('pool_mask_backward', draw(*y), mask, w, out=dx)
    yield call('pool_mask_forward', x, mask, out=draw(*y))
    yield call('pool_ave_forward', x, w, out=draw(*y))
    yield call('pool_ave_backward', draw(*y), w, out=dx)


WINDOWS = [
    window(2, 2),
    window(3, 2),
    window(3, 1, 1),
    window(3, 2, 1),
    window(2, 3),
    window((1, 5), (4, 1), (0, 2)),
    window((4, 1), (1, 6)),
]


@pytest.mark.cuda
@pytest.mark.parametrize('w', WINDOWS, ids=str)
@pytest.mark.parametrize('width', [5, 6, 7, 8, 9, 16, 17])
def test_pooling_of_every_width(width, w, cuda):
    """Overlapping windows, gaps between them, padding; rows that fours fill, and do not."""
    for c in pooling_calls((6, width), w):
        expected = run(make_engine('reference', dtype=np.float64), c)
        for name, array in run(cuda, c).items():
            np.testing.assert_allclose(array, expected[name], rtol=1e-5, atol=1e-5, err_msg=c.id)
