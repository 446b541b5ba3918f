"""What a training step asks of the device does not grow unseen: launches, copies, library calls and
waits of the host, by name."""

import warnings

import pytest
from device_budget import NETS, UPDATE, budget_of, found_for, grown, lowered
from device_counts import Counts

pytestmark = pytest.mark.cuda


@pytest.fixture(autouse=True)
def emulated(cuda_device):
    if cuda_device == 'real':
        pytest.skip("NVIDIA's driver does not count")


@pytest.mark.filterwarnings('default')  # a budget that could be lower is only said to be
@pytest.mark.parametrize('net', NETS)
def test_a_step_keeps_its_budget(net):
    budget, found = budget_of(net), found_for(net)
    more = list(grown(net, budget, found))
    assert not more, '\n'.join([*more, f'if that is meant to be: {UPDATE}'])
    fewer = list(lowered(net, budget, found))
    if fewer:
        warnings.warn('\n'.join([*fewer, f'lower the budget: {UPDATE}']), stacklevel=1)


def test_no_step_may_wait():
    for net in NETS:
        assert not [name for name in budget_of(net) if name.startswith('wait')]


def test_what_grew_is_named():
    budget = Counts({'kernel axpby': 2, 'kernel fill': 1})
    found = Counts({'kernel axpby': 3, 'wait cuMemcpyDtoH': 1})
    assert list(grown('lenet', budget, found)) == [
        'lenet: kernel axpby: 3 a step, at most 2',
        'lenet: wait cuMemcpyDtoH: 1 a step, at most 0',
    ]
    assert list(lowered('lenet', budget, found)) == ['lenet: kernel fill: 0 a step, fewer than 1']
