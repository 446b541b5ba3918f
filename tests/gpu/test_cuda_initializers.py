"""Initializers on a device: the weights of the CPU, by products that the device computes."""

import numpy as np
import pytest
from goodinit.initializers import INITIALIZERS, of_kind, orthonormal
from goodinit.initializers.from_samples import spherical_kmeans, whitening
from goodinit.initializers.from_shape import haar
from goodinit.initializers.moments import moments_by_output
from goodinit.initializers.products import matmul_of
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.cuda.device import open_device
from goodinit.proto import parse_net
from small_nets import conv, data

pytestmark = pytest.mark.cuda


@pytest.fixture(params=['cuda', 'checked:cuda'])
def cuda(request, cuda_device):
    return make_engine(request.param)


@pytest.fixture
def products(cuda, monkeypatch):
    """The multiplications of each product that the device has computed."""
    found = []

    def gemm(a, b, *, out, **options):
        found.append(a.size * out.shape[1])
        type(cuda).gemm(cuda, a, b, out=out, **options)

    monkeypatch.setattr(cuda, 'gemm', gemm)
    return found


@pytest.fixture
def copies(cuda_device, monkeypatch):
    """The numbers of each copy to the device, and of each one back."""
    device = open_device()
    found = {'upload': [], 'download': []}
    for name, sizes in found.items():
        method = getattr(device, name)

        def counted(*arguments, method=method, sizes=sizes):
            sizes += [array.size for array in arguments if isinstance(array, np.ndarray)]
            method(*arguments)

        monkeypatch.setattr(device, name, counted)
    return found


def rng():
    return np.random.default_rng(0)


def samples(count, size=12):
    """Of variances that do not differ much: whitening divides what float32 rounds by the least of
    them."""
    draw = rng()
    return (
        draw.normal(size=(count, size)) @ (np.eye(size) + draw.normal(0, 0.1, (size, size))) + 1
    ).astype(np.float32)


def assert_same(ours, expected):
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    'shape, groups', [((20, 3, 5, 5), 1), ((40, 30), 1), ((12, 4, 3, 3), 2), ((1, 7), 1)]
)
def test_orthonormal_weights(shape, groups, cuda, products, monkeypatch):
    monkeypatch.setattr(haar, 'BLOCK', 8)
    ours, expected = (orthonormal(shape, rng(), groups, engine) for engine in (cuda, None))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)
    count, length = sorted((shape[0] // groups, int(np.prod(shape[1:]))))
    assert sum(products) >= groups * count**2 * length


@pytest.mark.parametrize('name', of_kind('samples'))
@pytest.mark.parametrize('count', [9, 300, whitening.BLOCK + 100])
def test_weights_from_samples(name, count, cuda, products):
    """Fewer samples than dimensions; few, whose covariance is of float64 on the host; many. 20
    outputs of 12 inputs."""
    (ours, notes), (expected, expected_notes) = (
        INITIALIZERS[name].function.weights(samples(count), 20, rng(), engine)
        for engine in (cuda, None)
    )
    assert_same(ours, expected)
    assert notes == expected_notes
    assert sum(products) > (12 * 12 * count if count > whitening.BLOCK else 0)


def test_samples_are_uploaded_once(copies):
    """For their covariance, and for what they are projected on; projections come back once."""
    count = 2 * whitening.BLOCK + 100
    white = whitening.WhiteSamples(samples(count), False, make_engine('cuda'))
    white.project(np.eye(12, dtype=np.float32))
    uploads = [size for size in copies['upload'] if size > 144]
    assert uploads == [count * 12]
    assert copies['download'] == [144, 144, 144, count * 12]


def test_kmeans_brings_no_samples_back(copies):
    """Only their lengths, and the sums of each iteration."""
    count = 2 * whitening.BLOCK + 100
    method = INITIALIZERS['kmeans'].function
    method.weights(samples(count), 20, rng(), make_engine('cuda'))
    assert [size for size in copies['upload'] if size >= 12 * count] == [12 * count]
    assert max(copies['download']) == count


def test_rows_that_cannot_be_used_stay_on_the_host(cuda):
    rows = samples(whitening.BLOCK + 50)
    rows[7] = np.nan
    found = []
    for engine in (cuda, None):
        white = whitening.WhiteSamples(rows.copy(), True, engine)
        found.append(white.project(white.principal.axes))
    assert found[0].shape == (len(rows) - 1, 12)
    ours, expected = found
    signs = np.sign((ours * expected).sum(axis=0))  # each axis has one of two
    assert_same(ours * signs, expected)


def test_moments_come_back_together(copies):
    engine = make_engine('cuda')
    net = Net(parse_net(data('4 3 6 6') + conv('conv', 'data', 5)), engine=engine, seed=0)
    net.forward()
    copies['download'].clear()
    moments_by_output(net.layers[1], net.layers[1].by_output(net.blobs['conv'].values))
    assert copies['download'] == [10]


def test_the_rows_of_each_centroid(cuda, monkeypatch):
    """Several blocks of every third row."""
    monkeypatch.setattr(spherical_kmeans, 'BLOCK', 16)
    rows, centroids, chosen = samples(100), samples(5), range(1, 100, 3)
    nearest = [int(np.argmax(centroids.astype(float) @ row)) for row in rows[1::3]]
    expected = np.zeros((5, 12))
    np.add.at(expected, nearest, rows[1::3])
    for found in (
        spherical_kmeans.DeviceSums(cuda, rows)(chosen, centroids),
        spherical_kmeans.HostSums(rows)(chosen, centroids),
    ):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_products(cuda, products):
    """As np.matmul: of matrices, parts of them and transposed ones; float64 stays exact, hence on
    the host."""
    a, b, matmul = samples(10), samples(7), matmul_of(cuda)
    for x, y in (
        (a, b.T),
        (a.T, a),
        (a[2:5, 1:9], b[:, 1:9].T),
        (a[:1], b.T),
        (a[:, :1], b[:, :1].T),
        (a[:0], b.T),
    ):
        out = np.full((len(x), y.shape[1]), np.nan, np.float32)
        assert matmul(x, y, out=out) is out
        np.testing.assert_allclose(out, x.astype(float) @ y, rtol=1e-5)
        np.testing.assert_array_equal(matmul(x, y), out)
    assert len(products) == 12
    wide = samples(10).astype(float) / 3
    np.testing.assert_array_equal(matmul(wide, wide.T), wide @ wide.T)
    assert len(products) == 12


def test_the_cpu_multiplies_by_numpy():
    assert matmul_of(None) is matmul_of(make_engine('fast')) is np.matmul
