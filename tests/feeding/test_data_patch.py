"""Patches: many written at once are what each of them writes, to the bit."""

import itertools

import numpy as np
import pytest
from goodinit.netlib.data import patch as patches
from goodinit.netlib.data.patch import Patch, write_all

RNG = np.random.default_rng(0)
SHAPE = (3, 7, 9)
LAYOUTS = {
    'planes': lambda a: a,
    'colors side by side': lambda a: np.ascontiguousarray(a.transpose(1, 2, 0)).transpose(2, 0, 1),
    'colors reversed': lambda a: np.ascontiguousarray(a[::-1].transpose(1, 2, 0)).transpose(
        2, 0, 1
    )[::-1],
    'columns first': lambda a: np.ascontiguousarray(a.transpose(0, 2, 1)).transpose(0, 2, 1),
}
CROPS = {
    'all': np.s_[:, :, :],
    'crop': np.s_[:, 1:5, 2:8],
    'mirrored': np.s_[:, :, ::-1],
    'mirrored crop': np.s_[:, 2:6, 7:1:-1],
}
MEANS = {
    'none': lambda: None,
    'values': lambda: np.broadcast_to(np.float32([1.1, 2.2, 3.3])[:, None, None], SHAPE),
    'value': lambda: np.broadcast_to(np.float32([1.1])[:, None, None], SHAPE),
    'file': lambda: RNG.normal(size=SHAPE).astype(np.float32),
}


def made(dtype, layout, crop, mean, scale):
    pixels = LAYOUTS[layout](RNG.integers(0, 256, SHAPE).astype(dtype))
    mean = MEANS[mean]()
    cut = CROPS[crop]
    return Patch(pixels[cut], None if mean is None else mean[cut], np.float32(scale))


def written(some, dtype=np.float32):
    out = np.full((len(some) + 1, *some[0].pixels.shape), -1, dtype)
    write_all(some, out)
    return out


def assert_as_one_by_one(some, dtype=np.float32):
    out = written(some, dtype)
    for patch, found in zip(some, out, strict=False):
        expected = np.empty_like(found)
        patch.write(expected)
        np.testing.assert_array_equal(found, expected)
    assert (out[-1] == -1).all()


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
@pytest.mark.parametrize('crop', CROPS)
@pytest.mark.parametrize('scale', [1, 0.017])
def test_together_as_one_by_one(dtype, crop, scale):
    for layouts in itertools.combinations(LAYOUTS, 2):
        for mean in MEANS:
            assert_as_one_by_one([made(dtype, layout, crop, mean, scale) for layout in layouts])


def test_other_types_and_scales():
    assert_as_one_by_one([made(np.float64, 'planes', 'all', 'file', 0.5)])
    assert_as_one_by_one([made(np.uint8, 'planes', 'all', 'file', 0.5)], np.float64)
    assert_as_one_by_one(
        [made(kind, 'planes', 'all', 'none', 1) for kind in (np.uint8, np.float32)]
    )
    assert_as_one_by_one([made(np.uint8, 'planes', 'all', 'none', scale) for scale in (1, 2)])


def test_without_kernels(monkeypatch):
    some = [made(np.uint8, 'planes', 'mirrored', 'file', 0.5)]
    expected = written(some)
    monkeypatch.setattr(patches, 'place', lambda *arguments: False)
    np.testing.assert_array_equal(written(some), expected)
