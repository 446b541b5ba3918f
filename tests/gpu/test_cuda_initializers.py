"""Initializers on a device: the weights of the CPU, by products that the device computes."""

import numpy as np
import pytest
from goodinit.initializers import INITIALIZERS, of_kind, orthonormal
from goodinit.initializers.from_samples import centroids, spherical_kmeans, whitening
from goodinit.initializers.from_samples.device_rows import DeviceRows, Total, every
from goodinit.initializers.from_samples.host_rows import BLOCK, HostRows
from goodinit.initializers.from_shape import haar
from goodinit.initializers.moments import moments_by_output
from goodinit.initializers.products import matmul_of, uploaded
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
@pytest.mark.parametrize('count', [9, 300, BLOCK + 100])
def test_weights_from_samples(name, count, cuda, products):
    """Fewer samples than dimensions; few, whose covariance is of float64 on the host; many. 20
    outputs of 12 inputs."""
    (ours, notes), (expected, expected_notes) = (
        INITIALIZERS[name].function.weights(samples(count), 20, rng(), engine)
        for engine in (cuda, None)
    )
    assert_same(ours, expected)
    assert notes == expected_notes
    assert sum(products) > (12 * 12 * count if count > BLOCK else 0)


def test_samples_are_uploaded_once(copies):
    """What comes back of them: magnitudes, a row and the mean seen from it, the covariance."""
    count = 2 * BLOCK + 100
    white = whitening.WhiteSamples(samples(count), False, make_engine('cuda'))
    white.units(np.eye(12, dtype=np.float32))
    assert copies['upload'] == [count * 12, 12, 144]
    assert copies['download'] == [2 * count, 12, 24, 288, count]


def test_kmeans_brings_no_samples_back(copies):
    """Only their magnitudes and lengths, and the lengths of sums in each iteration."""
    count = 2 * BLOCK + 100
    method = INITIALIZERS['kmeans'].function
    method.weights(samples(count), 20, rng(), make_engine('cuda'))
    assert [size for size in copies['upload'] if size > 20 * 20] == [count * 12]
    large = [size for size in copies['download'] if size > 20 * 20]
    assert large == [2 * count, count]
    assert copies['download'].count(20) == len(spherical_kmeans.SHARES)


def hard_rows(count):
    """Far from zero, and some cannot be used."""
    rows = samples(count) + np.float32(1000)
    rows[0, 2], rows[7], rows[9, 11], rows[10, 0] = np.nan, np.inf, -np.inf, -1.1e37
    return rows


@pytest.mark.parametrize('count', [BLOCK - 50, BLOCK + 50, 2 * BLOCK])
@pytest.mark.parametrize('rows', [samples, hard_rows])
def test_rows_on_a_device_are_those_on_the_host(count, rows, cuda):
    values = rows(count)
    ours, expected = DeviceRows(cuda, uploaded(cuda, values)), HostRows(values)
    np.testing.assert_array_equal(ours.usable, expected.usable)
    assert (ours.total, ours.size, ours.count) == (count, 12, expected.count)
    assert ours.scale == expected.scale
    tolerance = 4e-7 * expected.scale
    np.testing.assert_allclose(ours.mean, expected.mean, rtol=2e-7, atol=tolerance)
    matrix = np.tri(12, dtype=np.float32)
    chosen = np.flatnonzero(expected.usable)[::-3]
    for found, wanted in (
        (ours.scatter(), expected.scatter()),
        (ours.take(chosen), expected.take(chosen)),
        (ours.project(matrix).array(), expected.project(matrix, True)),
        (ours.units(matrix).array(), HostRows(values).units(matrix, True)),
    ):
        assert_same(found, wanted)


def test_rows_of_no_length(cuda):
    """Those negligible next to the longest become zero; so do all if they do not vary."""
    rows = np.zeros((BLOCK + 10, 3), np.float32)
    eye = np.eye(3, dtype=np.float32)
    assert not DeviceRows(cuda, uploaded(cuda, rows)).units(eye).array().any()
    rows[:3], rows[3:6], rows[6], rows[7] = eye, -eye, 1e-7, -1e-7
    found = DeviceRows(cuda, uploaded(cuda, rows)).units(eye).array()
    np.testing.assert_allclose(found[:6], rows[:6], atol=1e-6)
    assert not found[6:].any()


def test_a_total_keeps_what_its_additions_round_off(cuda):
    parts = rng().random((200, 2, 3)).astype(np.float32)
    parts[0] = 1e6
    total = Total(cuda, 2, 3)
    for part in parts:
        total.add(uploaded(cuda, part))
    exact = parts.sum(axis=0, dtype=float)
    np.testing.assert_allclose(total.array(), exact, rtol=1e-12)


@pytest.mark.parametrize('chosen', [range(10), range(3, 10), range(1, 10, 3), range(9, 10, 4)])
def test_rows_at_regular_distances(chosen, cuda):
    rows = samples(10)
    found = every(cuda, uploaded(cuda, rows), chosen)
    np.testing.assert_array_equal(found.array(), rows[list(chosen)])


def test_moments_come_back_together(copies):
    engine = make_engine('cuda')
    net = Net(parse_net(data('4 3 6 6') + conv('conv', 'data', 5)), engine=engine, seed=0)
    net.forward()
    copies['download'].clear()
    moments_by_output(net.layers[1], net.layers[1].by_output(net.blobs['conv'].values))
    assert copies['download'] == [10]


def test_the_rows_of_each_centroid(cuda, monkeypatch):
    """Several blocks of every third row; then one of the sums is a row instead."""
    monkeypatch.setattr(centroids, 'BLOCK', 16)
    rows, chosen, first = samples(100), range(1, 100, 3), np.array([40, 2, 7, 99, 0])
    nearest = [int(np.argmax(rows[first].astype(float) @ row)) for row in rows[1::3]]
    expected = np.zeros((5, 12))
    np.add.at(expected, nearest, rows[1::3])
    lengths = np.linalg.norm(expected, axis=1)
    expected[3] = rows[8]
    for found in (centroids.DeviceCentroids(cuda, rows), centroids.HostCentroids(rows)):
        found.start(first)
        np.testing.assert_allclose(found.add_up(chosen), lengths, rtol=1e-5)
        found.redraw(np.array([3]), np.array([8]))
        found.divide(np.full(5, 2, np.float32))
        assert_same(found.array(), expected / 2)


def test_products(cuda, products):
    """As np.matmul: of matrices, parts of them and transposed ones; float64 stays exact, hence on
    the host."""
    a, b, matmul = samples(10), samples(7), matmul_of(cuda)
    for x, y in (
        (a, b.T),
        (a.T, a),
        (a, a.T),
        (a, a[::-1].T),
        (a[:1], a[:1].T),
        (a[2:5, 1:9], b[:, 1:9].T),
        (a[:1], b.T),
        (a[:, :1], b[:, :1].T),
        (a[:0], b.T),
    ):
        out = np.full((len(x), y.shape[1]), np.nan, np.float32)
        assert matmul(x, y, out=out) is out
        np.testing.assert_allclose(out, x.astype(float) @ y, rtol=1e-5)
        np.testing.assert_array_equal(matmul(x, y), out)
    assert len(products) == 18
    wide = samples(10).astype(float) / 3
    np.testing.assert_array_equal(matmul(wide, wide.T), wide @ wide.T)
    assert len(products) == 18


def test_the_cpu_multiplies_by_numpy():
    assert matmul_of(None) is matmul_of(make_engine('fast')) is np.matmul
