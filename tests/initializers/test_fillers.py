"""Weights from a shape: Caffe's fillers against recorded statistics and arrays, orthonormal
matrices."""

import json

import numpy as np
import places
import pytest
from goodinit.initializers import fill_array, orthonormal
from goodinit.initializers.from_shape.haar import reflect, reflections
from goodinit.initializers.random_numbers import BLOCK, normal, uniform
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.fast import kernels_of
from goodinit.netlib.errors import NetError
from goodinit.netlib.registry import FILLERS
from goodinit.proto.caffe_pb2 import FillerParameter
from google.protobuf import text_format

GOLDEN = places.GOLDEN / 'fillers'
STATISTICS = json.loads((GOLDEN / 'statistics.json').read_text())
BILINEAR = np.load(GOLDEN / 'bilinear.npz')


def param_of(text):
    return text_format.Parse(text, FillerParameter())


@pytest.mark.parametrize(
    'case', STATISTICS, ids=lambda c: f'{c["filler"]}-{"x".join(map(str, c["shape"]))}'
)
def test_statistics_are_those_of_caffe(case):
    rng = np.random.default_rng(0)
    fills = [
        fill_array(case['shape'], param_of(case['filler_param']), rng)
        for _ in range(case['samples'])
    ]
    values = np.stack(fills).astype(float)
    assert fills[0].dtype == np.float32
    assert list(fills[0].shape) == case['shape']
    # Caffe's mean was estimated from as many values as ours, hence the 2.
    assert abs(values.mean() - case['mean']) <= 4 * case['std'] * np.sqrt(2 / values.size)
    assert values.std() == pytest.approx(case['std'], rel=0.05, abs=1e-7)
    assert np.mean(values == 0) == pytest.approx(case['fraction_zero'], abs=0.02)
    if case['filler'].startswith(('uniform', 'xavier', 'constant', 'default')):
        span = case['max'] - case['min']
        assert values.min() == pytest.approx(case['min'], abs=0.02 * span)
        assert values.max() == pytest.approx(case['max'], abs=0.02 * span)
    if case['filler'] == 'positive_unitball':
        rows = values.reshape(case['samples'] * case['shape'][0], -1)
        np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize('key', [key for key in BILINEAR.files if key.startswith('weight')])
def test_bilinear_is_that_of_caffe(key):
    weight = fill_array(BILINEAR[key].shape, param_of('type: "bilinear"'), np.random.default_rng(0))
    np.testing.assert_allclose(weight, BILINEAR[key], rtol=1e-6)


BOUNDS = [
    ('type: "uniform" min: -0.3 max: 0.7', (400, 500), -0.3, 0.7),
    ('type: "xavier"', (400, 500), -np.sqrt(3 / 500), np.sqrt(3 / 500)),
    ('type: "xavier" variance_norm: FAN_OUT', (400, 500), -np.sqrt(3 / 400), np.sqrt(3 / 400)),
    ('type: "xavier" variance_norm: AVERAGE', (64, 8, 5, 5), -np.sqrt(6 / 1800), np.sqrt(6 / 1800)),
    ('type: "xavier" variance_norm: FAN_OUT', (500,), -np.sqrt(3 / 500), np.sqrt(3 / 500)),
]


@pytest.mark.parametrize('text, shape, low, high', BOUNDS)
def test_uniform_values_stay_in_their_bounds(text, shape, low, high):
    values = fill_array(shape, param_of(text), np.random.default_rng(0))
    assert np.float32(low) <= values.min() <= low + 0.02 * (high - low)
    assert high - 0.02 * (high - low) <= values.max() <= np.float32(high) * (1 + 1e-6)


def test_sparse_keeps_values_with_probability_sparse_over_outputs():
    values = fill_array(
        (50, 4000), param_of('type: "gaussian" sparse: 10'), np.random.default_rng(0)
    )
    assert np.mean(values != 0) == pytest.approx(10 / 50, abs=0.005)
    assert values[values != 0].std() == pytest.approx(1, rel=0.02)
    assert not fill_array(
        (5, 7), param_of('type: "gaussian" sparse: 0'), np.random.default_rng(0)
    ).any()


ERRORS = [
    ('type: "glorot"', (2, 3), 'Unknown filler name: glorot'),
    ('type: "Xavier"', (2, 3), "Unknown filler name: Xavier; did you mean 'xavier'"),
    (
        'type: "gaussian" sparse: 5',
        (2, 288),
        r'sparse: 5 .* 2 outputs.*Check failed: p <= 1, 2.5 vs. 1',
    ),
    ('type: "gaussian" sparse: -2', (2, 3), 'sparse: -2 must be between 0 and the 2'),
    ('type: "gaussian" std: 0', (2, 3), r'std: 0 must be positive \(Check failed: sigma > 0\)'),
    ('type: "uniform" min: 2', (2, 3), 'min: 2 must not be greater than max: 1'),
    ('type: "xavier" sparse: 3', (2, 3), 'sparse: 3: Sparsity not supported by this Filler'),
    ('type: "constant" sparse: 3', (2, 3), 'Sparsity not supported by this Filler'),
    ('type: "bilinear"', (2, 144), r'Blob must be 4 dim. This one has shape \(2, 144\), 2 axes'),
    ('type: "bilinear"', (2, 1, 3, 4), 'Filter must be square. This one is 3 x 4'),
    ('type: "msra"', (2, 0), r'nothing to fill in a blob of shape \(2, 0\)'),
]


@pytest.mark.parametrize('text, shape, message', ERRORS)
def test_errors(text, shape, message):
    with pytest.raises(NetError, match=message):
        fill_array(shape, param_of(text), np.random.default_rng(0))


# Fillers that Caffe does not have: the standard deviation of a (400, 500) matrix.
CENTERED = ('delta_orthogonal', 'identity', 'zero')  # test_centered_fillers.py
OURS = {'lecun': [('', 1 / np.sqrt(500)), ('variance_norm: FAN_OUT', 1 / np.sqrt(400))]}


@pytest.mark.parametrize('name', OURS)
def test_standard_deviations_of_our_own_fillers(name):
    for fields, std in OURS[name]:
        param = param_of(f'type: "{name}" {fields}')
        values = fill_array((400, 500), param, np.random.default_rng(0))
        assert values.std() == pytest.approx(std, rel=0.01)
        assert abs(values.mean()) < 0.01 * std


def test_every_filler_has_a_case():
    recorded = {param_of(case['filler_param']).type for case in STATISTICS}
    assert recorded | {'bilinear', *OURS, *CENTERED} == set(FILLERS)


@pytest.mark.parametrize('name', sorted(FILLERS))
def test_a_seed_decides_the_values(name):
    param, shape = FillerParameter(type=name), (4, 3, 5, 5)
    first, again, other = (
        fill_array(shape, param, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any() == (name not in ('constant', 'bilinear', 'identity', 'zero'))


SHAPES = [
    ((1, 1), 1),
    ((6, 6), 1),
    ((5, 40), 1),
    ((40, 5), 1),
    ((64, 3, 7, 7), 1),
    ((64, 8, 3, 3), 4),
    ((64, 2, 3, 3), 2),
    ((200, 600), 1),
    ((600, 200), 1),
    ((300, 310), 1),
]


@pytest.mark.parametrize('shape, groups', SHAPES)
def test_orthonormal_rows_or_columns_in_each_group(shape, groups):
    weights = orthonormal(shape, np.random.default_rng(0), groups)
    assert weights.shape == shape and weights.dtype == np.float32
    for matrix in weights.reshape(groups, shape[0] // groups, -1).astype(float):
        gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
        assert abs(gram - np.eye(len(gram))).max() < 2e-6


def test_orthonormal_groups_must_divide_the_outputs():
    with pytest.raises(NetError, match=r'groups: 3 must divide the 64 outputs of \(64, 2, 3, 3\)'):
        orthonormal((64, 2, 3, 3), np.random.default_rng(0), 3)


def test_orthonormal_is_haar_distributed():
    """Moments of a random element of O(n): E tr Q = 0, E (tr Q)^2 = 1, E tr Q^2 = 1, E q^4 = 3 / (n
    (n + 2))."""
    n, draws = 4, 4000
    rng = np.random.default_rng(0)
    q = np.stack([orthonormal((n, n), rng) for _ in range(draws)]).astype(float)
    traces = np.trace(q, axis1=1, axis2=2)
    assert abs(q.mean(axis=0)).max() < 4 * np.sqrt(1 / n / draws)  # each entry, so the diagonal too
    assert abs(traces.mean()) < 4 / np.sqrt(draws)
    assert (traces**2).mean() == pytest.approx(1, abs=0.1)
    assert np.einsum('nij,nji->n', q, q).mean() == pytest.approx(1, abs=0.15)
    np.testing.assert_allclose((q**4).mean(axis=0), 3 / (n * (n + 2)), rtol=0.12)
    assert (np.linalg.det(q) > 0).mean() == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize('engine', ['fast', 'reference'])
def test_reflections_together_are_reflections_one_by_one(engine):
    """Of a part of a matrix, too: unit vectors, and rows that begin with zeros, which need not be
    there."""
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((3033, 15), np.float32)
    before = matrix.copy()
    rows, vectors = matrix[3:, 3:], rng.standard_normal((5, 12), np.float32)
    signs = np.array([1, -1, -1, 1, 1])
    expected = rows.astype(float)
    expected[:, :5] = 0
    expected[:5] = np.eye(5, 12) * signs[:, None]
    for v in vectors[::-1]:
        expected -= 2 / (v @ v) * np.outer(expected @ v, v)
    reflect(rows, vectors, signs, kernels_of(make_engine(engine)))
    np.testing.assert_allclose(rows, expected, atol=1e-5)
    np.testing.assert_array_equal(matrix[:3], before[:3])
    np.testing.assert_array_equal(matrix[:, :3], before[:, :3])


def test_reflections_take_rows_to_their_diagonal():
    x = np.triu(np.random.default_rng(0).standard_normal((6, 9), np.float32))
    lengths = np.linalg.norm(x, axis=1)
    vectors, signs = reflections(x.copy())
    for j, (row, v) in enumerate(zip(x, vectors, strict=True)):
        reflected = row - 2 * (row @ v) / (v @ v) * v
        np.testing.assert_allclose(reflected * signs[j], lengths[j] * np.eye(9)[j], atol=1e-5)


@pytest.mark.parametrize('draw', [normal, uniform])
def test_any_number_of_threads_draws_the_same_numbers(draw, monkeypatch):
    shape = (3, BLOCK // 2)
    many = draw(shape, np.random.default_rng(0))
    monkeypatch.setattr('os.cpu_count', lambda: 1)
    np.testing.assert_array_equal(draw(shape, np.random.default_rng(0)), many)
    assert len(np.unique(many)) > 0.9 * many.size  # no two blocks have the same numbers
