"""Weights from samples: pca, zca, kmeans and rand against scikit-learn and NumPy, and what samples
can go wrong."""

import re
import tracemalloc

import numpy as np
import pytest
from goodinit.initializers import INITIALIZERS, of_kind
from goodinit.initializers.from_samples import whitening
from goodinit.initializers.from_samples.host_rows import BLOCK
from goodinit.initializers.from_samples.kmeans import SMOOTHING, kmeans, rand
from goodinit.initializers.from_samples.principal import pca, zca
from goodinit.initializers.from_samples.whitening import WhiteSamples

NAMES = of_kind('samples')


def weights_from(name, rows, count, rng):
    """The weights, and notes, that the initializer makes of these rows."""
    return INITIALIZERS[name].function.weights(rows, count, rng)


def correlated(n=5000, d=20, seed=0):
    """Rows with variances from 1 down to 1/400, rotated, and with a mean."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.standard_normal((d, d)))
    rows = rng.standard_normal((n, d)) / np.linspace(1, 20, d) @ turn + rng.standard_normal(d)
    return rows.astype(np.float32)


def outputs(rows, weights):
    return rows.astype(float) @ weights.T.astype(float)


def test_pca_is_that_of_scikit_learn():
    from sklearn.decomposition import PCA

    rows = correlated()
    weights, notes = pca.weights(rows, 6, np.random.default_rng(0))
    expected = PCA(6).fit(rows.astype(float))
    expected = expected.components_ / np.sqrt(expected.explained_variance_)[:, None]
    signs = np.sign((weights * expected).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(weights * signs, expected, rtol=2e-3, atol=2e-3)
    assert notes == []


@pytest.mark.parametrize('name, count', [('pca', 20), ('pca', 7), ('zca', 20), ('zca', 7)])
@pytest.mark.parametrize('scale', [1, 1e30, 1e-30])
def test_outputs_are_white_and_decorrelated(name, count, scale):
    rows = correlated() * np.float32(scale)
    weights, _ = weights_from(name, rows, count, np.random.default_rng(0))
    covariance = np.cov(outputs(rows, weights).T, bias=True)
    assert abs(covariance - np.eye(count)).max() < 1e-4


def test_components_of_small_variance_are_white_too():
    """A mean and a first component a thousand times the last one's deviation, in few rows that
    repeat."""
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.standard_normal((30, 30)))
    rows = rng.standard_normal((50, 30)) * np.geomspace(1, 2e-3, 30) @ turn + 1
    rows = np.repeat(rows, 20, axis=0).astype(np.float32)
    weights, notes = pca.weights(rows, 30, rng)
    assert notes == []
    assert abs(np.cov(outputs(rows, weights).T, bias=True) - np.eye(30)).max() < 1e-3


def test_zca_is_the_inverse_square_root_of_the_covariance():
    rows = correlated()
    values, vectors = np.linalg.eigh(np.cov(rows.T.astype(float), bias=True))
    expected = vectors / np.sqrt(values) @ vectors.T
    np.testing.assert_allclose(
        zca.weights(rows, 20, np.random.default_rng(0))[0], expected, rtol=1e-3, atol=1e-3
    )
    np.testing.assert_allclose(
        zca.weights(rows, 5, np.random.default_rng(0))[0], expected[:5], rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize('d', [70, 130, 300])
def test_few_samples_have_the_axes_of_their_singular_value_decomposition(d):
    """Above and below n = d the axes come from different matrices."""
    rows = np.random.default_rng(0).standard_normal((100, d)).astype(np.float32)
    samples = WhiteSamples(rows)
    centered = rows.astype(float) - rows.mean(axis=0, dtype=float)
    singular = np.linalg.svd(centered, compute_uv=False)[: samples.rank]
    assert samples.rank == min(d, 99)
    np.testing.assert_allclose(samples.principal.variances, singular**2 / 100, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(
        samples.principal.axes @ samples.principal.axes.T,
        np.eye(samples.rank),
        atol=1e-4,
    )
    white = centered @ (samples.principal.axes / np.sqrt(samples.principal.variances)[:, None]).T
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(samples.rank), atol=1e-3)


def whiten_smoothly(rows):
    """The whitening of kmeans and rand, written out in float64."""
    x = rows.astype(float) - rows.mean(axis=0, dtype=float)
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    return vectors / np.sqrt(values + SMOOTHING * values.mean()) @ vectors.T, x


def test_rand_is_whitened_samples_mapped_back_through_the_whitening():
    rows = correlated(n=40)
    weights, notes = rand.weights(rows, 10, np.random.default_rng(0))
    whitening, x = whiten_smoothly(rows)
    candidates = x @ whitening @ whitening
    candidates /= outputs(rows, candidates).std(axis=0)[:, None]
    distance = abs(weights[:, None] - candidates[None]).max(axis=2)
    assert distance.min(axis=1).max() < 1e-3
    assert len(set(distance.argmin(axis=1))) == 10 and notes == []


def test_kmeans_points_at_the_modes():
    """Clusters of unequal size around six directions: one filter answers to each."""
    rng = np.random.default_rng(1)
    centers = np.linalg.qr(rng.standard_normal((12, 12)))[0][:6] * 10
    labels = rng.choice(6, 3000, p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
    rows = (centers[labels] + 0.3 * rng.standard_normal((3000, 12))).astype(np.float32)
    weights, notes = kmeans.weights(rows, 30, rng)
    whitening, x = whiten_smoothly(rows)
    means = np.stack([(x @ whitening)[labels == k].mean(axis=0) for k in range(6)])
    found = weights @ np.linalg.inv(whitening)
    cosine = (
        found @ means.T / np.linalg.norm(found, axis=1)[:, None] / np.linalg.norm(means, axis=1)
    )
    assert notes == [] and cosine.max(axis=0).min() > 0.9


@pytest.mark.parametrize('name', ['kmeans', 'rand'])
@pytest.mark.parametrize('scale', [1, 1e30, 1e-30])
def test_any_white_coordinates_serve(name, scale, monkeypatch):
    """Those of a Cholesky factor and those along the principal axes differ by a rotation, which
    neither sees."""
    rows = correlated(d=300) * np.float32(scale)
    assert WhiteSamples(rows, principal=False).coordinates.triangular
    weights, notes = weights_from(name, rows, 30, np.random.default_rng(0))
    monkeypatch.setattr(whitening, 'cholesky_factor', lambda covariance: None)
    expected, expected_notes = weights_from(name, rows, 30, np.random.default_rng(0))
    np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-3 * abs(expected).max())
    assert notes == expected_notes == []


@pytest.mark.parametrize('name', NAMES)
def test_a_seed_decides_the_weights(name):
    rows = correlated(n=300)
    first, again, other = (
        weights_from(name, rows, 30, np.random.default_rng(s))[0] for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def with_bad_rows(rows):
    rows = rows.copy()
    rows[3, 2], rows[5, 0], rows[6] = np.nan, np.inf, -np.inf
    return rows


def low_rank():
    rng = np.random.default_rng(0)
    return (rng.standard_normal((400, 3)) @ rng.standard_normal((3, 20)) + 5).astype(np.float32)


WELL = correlated(n=400)
CONSTANT = r'samples do not vary: Gaussian weights of variance 1/20'
# id: rows, count, what a note of pca, zca, kmeans and rand says (None: no note)
HARD = {
    'no-rows': (WELL[:0], 12, *['the 0 ' + CONSTANT] * 4),
    'one-row': (WELL[:1], 12, *['the 1 ' + CONSTANT] * 4),
    'two-rows': (WELL[:2], 12, *['2 samples of dimension 20 have rank 1'] * 4),
    'constant': (np.full((50, 20), 3.3, np.float32), 12, *['the 50 ' + CONSTANT] * 4),
    'zero': (np.zeros((50, 20), np.float32), 12, *['the 50 ' + CONSTANT] * 4),
    'rounding-noise': (np.float32(1000) * (1 + WELL * np.float32(1e-7)), 12, *[CONSTANT] * 4),
    'fewer-rows-than-outputs': (
        WELL[:8],
        12,
        '8 samples of dimension 20 have rank 7: 7 of 12 filters',
        'rank 7: 12 of 12 filters',
        '8 of 12 filters',
        '8 of 12 filters',
    ),
    'more-outputs-than-dimensions': (WELL, 50, '20 of 50 filters', '20 of 50 filters', None, None),
    'rank-3': (
        low_rank(),
        12,
        'rank 3: 3 of 12 filters come from them, the others are random white directions',
        *['rank 3: 12 of 12 filters come from them$'] * 3,
    ),
    'dead-inputs': (WELL * (np.arange(20) > 6), 12, None, '5 of 12 filters', None, None),
    'equal-rows': (
        np.repeat(WELL[:3], 100, axis=0),
        12,
        'rank 2: 2 of 12 filters',
        'rank 2: 12 of 12 filters',
        '3 of 12 filters',
        '3 of 12 filters',
    ),
    'nan-and-inf': (
        with_bad_rows(WELL),
        12,
        *['3 of 400 samples contain NaN or Inf .* ignoring them'] * 4,
    ),
    'all-nan': (WELL * np.float32(np.nan), 12, *['400 of 400 samples contain NaN or Inf'] * 4),
    'one-dimension': (WELL[:, :1], 4, *['400 samples of dimension 1 have rank 1'] * 4),
    'huge': (WELL * np.float32(1e36), 12, *[None] * 4),
    'tiny': (WELL * np.float32(1e-30), 12, *[None] * 4),
    'far-from-zero': (WELL + 1e4, 12, *[None] * 4),
}
HARD_CASES = [
    pytest.param(rows, count, name, note, id=f'{case}-{name}')
    for case, (rows, count, *notes) in HARD.items()
    for name, note in zip(('pca', 'zca', 'kmeans', 'rand'), notes, strict=True)
]


@pytest.mark.parametrize('rows, count, name, note', HARD_CASES)
def test_hard_samples(rows, count, name, note):
    rows = rows.astype(np.float32)
    weights, notes = weights_from(name, rows, count, np.random.default_rng(1))
    assert weights.shape == (count, rows.shape[1]) and weights.dtype == np.float32
    assert np.isfinite(weights).all() and weights.any(axis=1).all()
    if note is None:
        assert notes == []
    else:
        match_one(notes, note)
    usable = rows[np.isfinite(rows).all(axis=1)]
    if 'not vary' not in ''.join(notes):
        np.testing.assert_allclose(outputs(usable, weights).var(axis=0), 1, rtol=0.01)
        assert rows.shape[1] == 1 or no_two_alike(outputs(usable, weights)) or len(usable) == 2


def match_one(notes, pattern):
    assert any(re.search(pattern, note) for note in notes), (pattern, notes)


def no_two_alike(values):
    correlation = np.corrcoef(values.T)
    return np.triu(correlation, 1).max() < 1 - 1e-6


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('spare', [False, True])
def test_samples_are_left_as_they_were_or_need_little_other_memory(name, spare):
    rows = correlated(n=6 * BLOCK, d=150)
    before = rows.copy()
    method = INITIALIZERS[name].function
    tracemalloc.start()
    method.weights(rows, 40, np.random.default_rng(0), spare=spare)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < (0.5 if spare else 1.6) * rows.nbytes
    assert spare or (rows == before).all()


@pytest.mark.parametrize('name', ['kmeans', 'rand'])
@pytest.mark.parametrize('n, d', [(40, 70), (9000, 30)])
def test_spare_rows_give_the_same_weights(name, n, d):
    """Some rows cannot be used, and one column does not vary."""
    rows = correlated(n=n, d=d)
    rows[:, 3] = 1
    rows[::7, 2] = np.nan
    before = rows.copy()
    method = INITIALIZERS[name].function
    expected, notes = method.weights(rows, 20, np.random.default_rng(0))
    np.testing.assert_array_equal(rows, before)
    weights, same_notes = method.weights(rows, 20, np.random.default_rng(0), spare=True)
    np.testing.assert_array_equal(weights, expected)
    assert notes == same_notes
