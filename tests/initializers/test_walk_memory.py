"""A walk needs little memory: a sum of residual branches writes over one of them, and layers keep
nothing for backward."""

import numpy as np
import pytest
from goodinit.initializers import walk
from goodinit.proto.caffe_pb2 import TEST
from small_nets import build, conv, data, fc, layer, outputs, samples


def residual(kept=''):
    """Two branches and their sum; `kept`: a layer above that also reads the first branch."""
    return build(
        data()
        + conv('a', 'data', 4)
        + conv('b', 'data', 4)
        + layer('Eltwise', 'sum', 'a b', 'sum')
        + fc('f', 'sum', 3)
        + kept,
        phase=TEST,
    )


@pytest.mark.parametrize('count', [1, 2])
def test_a_sum_writes_over_a_branch_that_nobody_reads_later(count):
    net = residual()
    batches = samples(net, count)
    expected = outputs(net, batches[-1])
    for step in walk(net, batches, keep=['f']):
        step.forward()
        if step.layer.name == 'sum':
            held = [blob.values.memory.held > 0 for blob in (*step.bottom, *step.top)]
            assert held == [count > 1, True, True]
    step.kept.load(count - 1, [net.blobs['f']])
    np.testing.assert_array_equal(net.blobs['f'].data, expected['f'])
    assert net.blobs['a'].values.memory is not net.blobs['sum'].values.memory
    np.testing.assert_array_equal(outputs(net, batches[-1])['f'], expected['f'])


def test_a_branch_that_is_read_later_is_not_written_over():
    net = residual(kept=fc('g', 'a', 2))
    batches = samples(net)
    expected = outputs(net, batches[0])
    for step in walk(net, batches, keep=list(expected)):
        step.forward()
    for name, values in expected.items():
        np.testing.assert_array_equal(net.blobs[name].data, values)


def test_a_walk_that_is_left_in_the_middle_leaves_a_net_that_trains():
    """In place, a layer keeps what backward needs, but not in a walk."""
    text = data() + conv('c', 'data', 4) + layer('PReLU', 'prelu', 'c', 'c') + fc('f', 'c', 3)
    plain, walked = build(text), build(text)
    batches = samples(plain)
    steps = walk(walked, batches)
    for step in steps:
        if step.layer.name == 'prelu':
            step.forward()
            break
    for net in (plain, walked):
        for _ in range(2):
            outputs(net, batches[0])
            net.clear_param_diffs()
            net.backward_from({'f': np.ones(net.blobs['f'].shape)})
    for one, other in zip(plain.all_params(), walked.all_params(), strict=True):
        np.testing.assert_array_equal(one.diff, other.diff)
