"""Net.backward_from: a backward pass from given diffs, by which change rates are measured."""

import numpy as np
import pytest
from goodinit.initializers.reach import score_blobs
from goodinit.netlib.errors import NetError
from goodinit.proto.caffe_pb2 import TEST
from small_nets import NETS, build, data, layer, put, samples


@pytest.mark.parametrize('name', NETS)
def test_backward_from_the_scores_is_backward_from_a_linear_loss(name):
    """The same net with sum(eta * scores) as its loss, by Eltwise and Reduction layers."""
    net = build(name, dtype=np.float64, phase=TEST)
    batch, (score,) = samples(net)[0], score_blobs(net)
    shape = ' '.join(str(n) for n in net.blobs[score].shape)
    text = NETS[name].replace(layer('Softmax', 'prob', 'f2'), '')
    weighted = build(
        text
        + data(shape, 'eta')
        + layer('Eltwise', 'e', f'{score} eta', fields='eltwise_param { operation: PROD }')
        + layer('Reduction', 'l', 'e', fields='loss_weight: 1'),
        dtype=np.float64,
        phase=TEST,
    )
    eta = np.random.default_rng(0).standard_normal(net.blobs[score].shape)
    put(net, batch)
    put(weighted, {**batch, 'eta': eta})
    for blob in net.blobs.values():
        blob.diff = 9e9  # stale diffs must not count
    for each in (net, weighted):
        each.forward()
        each.clear_param_diffs()
    net.backward_from({score: eta})
    weighted.backward()
    for ours, expected in zip(net.all_params(), weighted.all_params(), strict=True):
        np.testing.assert_allclose(
            ours.diff, expected.diff, rtol=1e-9, atol=1e-12, err_msg=ours.name
        )


def test_backward_from_an_inner_blob_leaves_what_is_above_alone():
    net = build('inception')
    put(net, samples(net)[0])
    net.forward()
    net.clear_param_diffs()
    net.backward_from({'b': np.ones(net.blobs['b'].shape)})
    touched = {name for name, params in net.params.items() if params[0].diff.any()}
    assert touched == {'c1', 'r', 'b'}


def test_backward_from_an_unknown_blob():
    with pytest.raises(NetError, match="net 'net' has no blob 'pro'; did you mean 'prob'"):
        build('chain').backward_from({'pro': 0})
