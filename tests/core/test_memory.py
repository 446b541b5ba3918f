"""Memory's two mirrors, tensors as windows on it, and blobs."""

import numpy as np
import pytest
from goodinit.netlib.blob import Blob, Param
from goodinit.netlib.errors import NetError
from goodinit.netlib.memory import Arena, Memory, Tensor, join


class Device:
    """A device whose memory is arrays of this process, and which notes what it is asked for."""

    def __init__(self):
        self.asked = []

    def allocate(self, size):
        self.asked.append('allocate')
        return np.full(size, 0xAB, np.uint8)

    def clear(self, allocation, size):
        self.asked.append('clear')
        allocation[:size] = 0

    def upload(self, host, allocation):
        self.asked.append('upload')
        allocation[:] = host.view(np.uint8)

    def download(self, allocation, host):
        self.asked.append('download')
        host.view(np.uint8)[:] = allocation


@pytest.fixture
def device():
    return Device()


@pytest.fixture
def memory():
    return Memory(3)


def on(device, memory, write=False):
    """The device mirror as an array of numbers."""
    return memory.device(device, write).view(np.float32)


def test_nothing_is_taken_before_the_first_use(memory, device):
    assert (memory.head, memory.held) == (None, 0)
    assert memory.host().tolist() == [0, 0, 0]
    assert (memory.head, memory.held) == ('host', 12)
    assert on(device, Memory(3)).tolist() == [0, 0, 0]
    assert device.asked == ['allocate', 'clear']


def test_a_mirror_is_brought_up_to_date_when_it_is_read(memory, device):
    memory.host(write=True)[:] = 5
    assert on(device, memory).tolist() == [5, 5, 5]
    assert memory.head == 'both'
    on(device, memory, write=True)[:] = 7
    assert memory.head == 'device'
    assert memory.host().tolist() == [7, 7, 7]
    assert (memory.head, memory.held) == ('both', 24)
    assert device.asked == ['allocate', 'upload', 'download']


def test_what_is_current_is_not_moved_again(memory, device):
    memory.host(write=True)
    for _ in range(3):
        on(device, memory)
        memory.host()
    assert device.asked == ['allocate', 'upload']


def test_writing_one_mirror_outdates_the_other(memory, device):
    on(device, memory, write=True)[:] = 1
    memory.host(write=True)[0] = 9
    assert memory.head == 'host'
    assert on(device, memory).tolist() == [9, 1, 1]


def test_freed_memory_reads_as_zeros(memory, device):
    memory.host(write=True)[:] = 5
    on(device, memory)
    memory.free()
    assert memory.held == 0
    assert on(device, memory).tolist() == memory.host().tolist() == [0, 0, 0]


# -- tensors


def counting(*shape):
    memory = Memory(int(np.prod(shape)))
    memory.host(write=True)[:] = range(memory.size)
    return Tensor(shape, memory)


@pytest.mark.parametrize(
    'shape, asked, expected',
    [
        ((2, 3), (3, 2), (3, 2)),
        ((2, 3), (-1,), (6,)),
        ((2, 3), (2, -1, 1), (2, 3, 1)),
        ((), (1, 1), (1, 1)),
        ((0, 3), (0, -1), (0, 0)),
        ((1,), (), ()),
    ],
)
def test_tensor_reshape(shape, asked, expected):
    tensor = counting(*shape)
    assert tensor.reshape(*asked).shape == expected
    assert tensor.reshape(*asked).memory is tensor.memory


@pytest.mark.parametrize('asked', [(4, 2), (-1, 4), (), (7,)])
def test_tensor_reshape_refused(asked):
    with pytest.raises(ValueError, match=r'cannot view \(2, 3\) as'):
        counting(2, 3).reshape(*asked)


def test_tensor_parts():
    tensor = counting(2, 3, 2)
    assert tensor[1].array().tolist() == [[6, 7], [8, 9], [10, 11]]
    assert tensor[-1][1].array().tolist() == [8, 9]
    assert tensor[1][2][0].item() == 10
    assert repr(tensor[1]) == 'Tensor(3, 2)'
    tensor[1][0].array(write=True)[:] = -1
    assert tensor.array()[1, 0].tolist() == [-1, -1]
    with pytest.raises(IndexError):
        tensor[2]


# -- blobs


def test_blob_halves_are_apart_and_lazy():
    blob = Blob('b', (2, 2))
    blob.data = [[1, 2], [3, 4]]
    assert blob._diffs.held == 0
    assert blob.diff.tolist() == [[0, 0], [0, 0]]
    blob.diff = 7
    assert blob.data.tolist() == [[1, 2], [3, 4]]
    assert (blob.axes, blob.count, blob.shape_text) == (2, 4, '2 2 (4)')
    assert repr(blob) == "Blob('b', (2, 2))"


def test_a_blob_keeps_its_memory_while_it_suffices():
    blob = Blob('b', (2, 2))
    blob.data = [[1, 2], [3, 4]]
    memory = blob.values.memory
    blob.reshape(3)
    assert blob.data.tolist() == [1, 2, 3]
    blob.reshape(2, 2)
    assert blob.data.tolist() == [[1, 2], [3, 4]] and blob.values.memory is memory
    blob.reshape(5)
    assert blob.data.tolist() == [0] * 5


def test_shared_blobs():
    first, values, both = Blob('a', (2, 3)), Blob('b', (3, 2)), Blob('c', (6,))
    values.share(first, diffs=False)
    both.share(first)
    first.data = first.diff = 4
    assert (
        values.data.tolist() == [[4, 4]] * 3 and both.data.tolist() == both.diff.tolist() == [4] * 6
    )
    assert values.diff.tolist() == [[0, 0]] * 3


def test_a_freed_blob_reads_as_zeros():
    blob = Blob('b', (2,))
    blob.data = blob.diff = 4
    blob.free()
    assert blob.data.tolist() == blob.diff.tolist() == [0, 0]


@pytest.mark.parametrize('shape', [(1,) * 33, (2, -1)])
def test_shapes_refused(shape):
    with pytest.raises(
        NetError, match=r"blob 'b': a shape has 0 to 32 extents, none negative; found \("
    ):
        Blob('b', shape)


def test_data_of_another_shape_is_refused():
    with pytest.raises(ValueError, match='could not broadcast'):
        Blob('b', (2, 3)).data = np.zeros((3, 2))


def test_a_parameter_is_its_own_owner():
    param = Param('w', (2,))
    assert param.owner is param and param.learns and (param.lr_mult, param.decay_mult) == (1, 1)


# -- memories side by side


def test_memories_side_by_side_keep_what_they_hold():
    first, second = counting(2), counting(3, 1)
    whole = Arena([second.memory, first.memory, second.memory])
    assert (whole.size, second.memory.start, first.memory.start) == (128, 0, 64)
    assert (first.array().tolist(), second.array().tolist()) == ([0, 1], [[0], [1], [2]])
    assert whole.host().nonzero()[0].tolist() == [1, 2, 65]
    first.memory.free()
    assert first.array().tolist() == [0, 0]
    whole.free()
    assert second.array().tolist() == [[0]] * 3


def test_what_lies_side_by_side_is_joined():
    """Row by row, where each column goes on."""
    columns = [[counting(2), counting(3), counting(64), counting(5)] for _ in range(2)]
    for column in columns:
        Arena([tensor.memory for tensor in column[:3]])
    rows = join(zip(*columns, strict=True))
    assert [[tensor.shape for tensor in row] for row in rows] == [[(192,)] * 2, [(5,)] * 2]
    rows[0][0].array(write=True)[:] = 7
    assert [tensor.array().max() for tensor in columns[0]] == [7, 7, 7, 4]
    columns[1][1] = counting(3)
    assert [row[0].shape for row in join(zip(*columns, strict=True))] == [(2,), (3,), (64,), (5,)]
    assert join([]) == []


def test_values_are_set_without_a_look_at_the_old_ones(device):
    memory = Memory(3)
    on(device, memory, write=True)[:] = 5
    Tensor((3,), memory).set(1)
    assert 'download' not in device.asked
    on(device, memory, write=True)[:] = 5
    Tensor((2,), memory).set([1, 2])
    assert device.asked[-1] == 'download'
    assert memory.host().tolist() == [1, 2, 5]


def test_an_array_that_nobody_else_uses_is_taken():
    """Without a copy, until the values have a place."""
    tensor = Tensor((2, 3), Memory(6))
    first, second = np.ones((2, 3), np.float32), np.full((2, 3), 2, np.float32)
    tensor.take(first)
    assert np.shares_memory(tensor.array(), first)
    tensor.take(second)
    assert np.shares_memory(tensor.array(), first)
    np.testing.assert_array_equal(tensor.array(), second)


@pytest.mark.parametrize(
    'array',
    [np.ones((2, 3)), np.ones((3, 2), np.float32).T, np.ones(3, np.float32)],
    ids=['float64', 'columns', 'broadcast'],
)
def test_an_array_that_does_not_fit_is_copied(array):
    tensor = Tensor((2, 3), Memory(6))
    tensor.take(array)
    assert not np.shares_memory(tensor.array(), array)
    np.testing.assert_array_equal(tensor.array(), np.broadcast_to(array, (2, 3)))


def test_a_part_of_a_larger_memory_copies():
    tensor = Tensor((2, 3), Memory(6))
    whole = Arena([tensor.memory])
    array = np.ones((2, 3), np.float32)
    tensor.take(array)
    assert np.shares_memory(tensor.array(), whole.host())
    np.testing.assert_array_equal(tensor.array(), array)
