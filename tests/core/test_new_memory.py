"""New memory that an op is to overwrite is not cleared: no result depends on what was there."""

import numpy as np
import pytest
import shared_nets
from goodinit.netlib import memory
from goodinit.netlib.engines import make_engine
from goodinit.netlib.memory import Memory, Tensor
from goodinit.proto.caffe_pb2 import TRAIN

ENGINES = ('fast', 'exact', 'reference', 'checked:fast')


def full_of_nan(shape, dtype):
    return np.full(shape, np.nan, dtype)


@pytest.fixture
def rooms(monkeypatch):
    """The memory that is not cleared, which is full of NaN."""
    made = []

    def room(shape, dtype):
        made.append(full_of_nan(shape, dtype))
        return made[-1]

    monkeypatch.setattr(memory, 'host_room', room)
    return made


@pytest.mark.parametrize('engine', ENGINES)
@pytest.mark.parametrize('seed', range(20))
def test_gradients_are_the_same(seed, engine, request):
    nets = [shared_nets.filled(shared_nets.random_net(seed), TRAIN, engine) for _ in range(2)]
    expected = shared_nets.gradients(nets[0])
    rooms = request.getfixturevalue('rooms')
    found = shared_nets.gradients(nets[1])
    assert rooms
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize('name', ENGINES)
def test_what_an_op_adds_to_is_cleared(name, rooms):
    engine = make_engine(name)
    x = Tensor((2, 3), Memory.on(np.ones(6, np.float32)))
    total, window = engine.tensor(2, 3), engine.tensor(4, 3)
    engine.axpby(2, x, 1, out=total)
    engine.copy_window(x, (0, 0), out=window, at=(1, 0), shape=(2, 3))
    np.testing.assert_array_equal(total.array(), 2)
    np.testing.assert_array_equal(window.array().sum(axis=1), [0, 3, 3, 0])
    assert not rooms


def test_a_part_of_a_memory_leaves_the_rest_zero(rooms):
    whole = Memory(6)
    Tensor((3,), whole, 1).array(write=True, fetch=False)[:] = 1
    np.testing.assert_array_equal(whole.host(), [0, 1, 1, 1, 0, 0])
    assert not rooms
