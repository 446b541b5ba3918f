"""The rows that meet a layer's weights, drawn evenly from all batches."""

import numpy as np
import pytest
from goodinit.initializers import walk
from goodinit.proto.caffe_pb2 import TEST
from small_nets import build, data, fc, samples


def test_samples_are_the_rows_that_meet_the_weights():
    net = build('groups', phase=TEST)
    batches = samples(net, 2)
    for step in walk(net, batches):
        if step.layer.name == 'c1':
            rows = step.samples(10**6, np.random.default_rng(0))
            assert rows.shape == (2, 2 * 6 * 7 * 7, 18)
            W = net.params['c1'][0].data.reshape(2, 4, 18)
            z = np.einsum('gri,goi->gor', rows, W) + net.params['c1'][1].data.reshape(2, 4, 1)
            moments = step.forward()
            np.testing.assert_allclose(z.mean(axis=2).ravel(), moments.mean, atol=1e-5)
            np.testing.assert_allclose(z.var(axis=2).ravel(), moments.var, rtol=1e-4)


@pytest.mark.parametrize(
    'limit, expected', [(7, [3, 2, 2]), (3, [1, 1, 1]), (1, [1, 0, 0]), (17, [6, 6, 5])]
)
def test_samples_come_evenly_from_all_batches(limit, expected):
    net = build(data('6 1') + fc('f', 'data', 2))
    batches = [{'data': np.full((6, 1), k, np.float32)} for k in range(3)]
    for step in walk(net, batches):
        if step.affine:
            rows = step.samples(limit, np.random.default_rng(0))
            found = np.bincount(rows.ravel().astype(int), minlength=3)
            assert sorted(found, reverse=True) == expected
