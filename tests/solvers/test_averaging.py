"""When the sum of a gradient over the ranks starts."""

import numpy as np
import pytest
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.netlib.ranks import Ranks
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TRAIN
from goodinit.solvers.averaging import Averaging
from small_nets import conv, data, layer, relu

NORMALIZED = (
    data('2 3 6 6')
    + conv('conv', 'data', 4)
    + layer('BatchNorm', 'norm', 'conv', 'conv')
    + layer('Scale', 'scale', 'conv', 'conv', 'scale_param { bias_term: true }')
    + relu('conv')
    + layer('Reduction', 'loss', 'conv', fields='loss_weight: 1')
)


class TwoRanks(Ranks):
    """Notes what would be summed, and with which numbers."""

    size = 2

    def __init__(self):
        self.started = []

    def start_sum(self, array):
        self.started.append((array, array.copy()))


@pytest.mark.parametrize('shares', [False, True])
def test_a_sum_starts_when_the_gradient_is_complete(shares):
    """Also where another layer than the parameter's own computes it."""
    ranks = TwoRanks()
    net = Net(parse_net(NORMALIZED), TRAIN, ranks=ranks, seed=0)
    fill(net, np.random.default_rng(0))
    if shares:
        net.share_diffs()
    averaging = Averaging(net, net.learning(), overlap=True)
    net.blobs['data'].data = np.random.default_rng(0).normal(size=(2, 3, 6, 6))
    net.forward()
    net.clear_param_diffs()
    net.backward()
    assert averaging.begun >= set(net.learning())
    for array, then in ranks.started:
        np.testing.assert_array_equal(array, then)
