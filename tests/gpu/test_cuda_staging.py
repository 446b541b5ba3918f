"""Batches of images that the threads which read ahead put where the device fetches them."""

import gc
import threading

import golden
import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.data.patch import write_all
from goodinit.netlib.engines.cuda import uploads
from goodinit.netlib.errors import DataError
from goodinit.netlib.layers.host.shared import batches, staged
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TRAIN
from PIL import Image

pytestmark = pytest.mark.cuda

TEXT = """layer {
  name: "d" type: "ImageData" top: "data" top: "label"
  transform_param { crop_size: 5 mirror: true scale: 0.5 mean_value: 100 }
  image_data_param { source: "list_imagedata_same.txt" batch_size: BATCH shuffle: true } }
"""


@pytest.fixture(autouse=True)
def folder(monkeypatch):
    monkeypatch.chdir(golden.HERE / 'io')


def images(engine, batch=4, text=TEXT):
    return Net(parse_net(text.replace('BATCH', str(batch))), TRAIN, engine=engine, seed=3)


def following(net, count):
    """The batches of the next forward passes."""
    found = []
    for _ in range(count):
        net.forward()
        found.append([blob.data.copy() for blob in net.blobs.values()])
    return found


def addresses(staging):
    return [array.ctypes.data for array in staging.arrays]


def assert_same(ours, others):
    for one, other in zip(ours, others, strict=True):
        for values, expected in zip(one, other, strict=True):
            np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize('batch', [1, 4, 17, 32])  # 17 is read in 17 parts, 32 in two
def test_batches_are_those_of_the_cpu(batch, cuda):
    ours, others = images(cuda, batch), images('fast', batch)
    assert_same(following(ours, 8), following(others, 8))


def test_a_position_is_gone_back_to(cuda):
    net, other = images(cuda), images('fast')
    following(net, 2)
    place = net.layers[0].state()
    expected = following(net, 9)
    net.layers[0].restore(place)
    assert_same(following(net, 9), expected)
    other.layers[0].restore(place)
    assert_same(following(other, 9), expected)


def test_the_thread_that_trains_copies_nothing(cuda, monkeypatch):
    writers, copied = set(), []
    upload = uploads.Slot.upload

    def write_noted(patches, out):
        writers.add(threading.get_ident())
        write_all(patches, out)

    def upload_noted(slot, host, address):
        copied.append(host.size)
        upload(slot, host, address)

    for module in (staged, batches):
        monkeypatch.setattr(module, 'write_all', write_noted)
    monkeypatch.setattr(uploads.Slot, 'upload', upload_noted)
    net = images(cuda)
    for _ in range(6):
        net.forward()
        cuda.axpby(2, net.blobs['data'].values, 0, out=net.blobs['data'].diffs)
        cuda.axpby(2, net.blobs['label'].values, 0, out=net.blobs['label'].diffs)
    assert writers
    assert threading.get_ident() not in writers
    assert set(copied) == {4}  # labels


def test_an_array_is_filled_again_after_it_was_sent(cuda, monkeypatch):
    """And after a wait for its copy."""
    log = []
    put, send, wait = staged.put, uploads.Staging.send, uploads.Staging.wait

    def put_noted(task, place):
        log.append(('put', place.ctypes.data))
        return put(task, place)

    def send_noted(staging, turn, tensor):
        log.append(('send', staging.arrays[turn % 3].ctypes.data))
        send(staging, turn, tensor)

    def wait_noted(staging, turn):
        wait(staging, turn)
        log.append(('wait', staging.arrays[turn % 3].ctypes.data))

    monkeypatch.setattr(staged, 'put', put_noted)
    monkeypatch.setattr(uploads.Staging, 'send', send_noted)
    monkeypatch.setattr(uploads.Staging, 'wait', wait_noted)
    following(images(cuda), 12)
    for array in {where for _, where in log}:
        events = ''.join(what[0] for what, where in log if where == array)
        assert ('psw' * 12).startswith(events.lstrip('w'))
    assert len(log) > 30


def test_images_that_do_not_fit_are_named(cuda, tmp_path):
    lines = (golden.HERE / 'io' / 'list_imagedata_same.txt').read_text().splitlines()
    source = tmp_path / 'list.txt'
    Image.fromarray(np.zeros((30, 20, 3), np.uint8)).save(tmp_path / 'odd.png')
    text = TEXT.replace('crop_size: 5', '').replace('shuffle: true', '')
    text = text.replace('"list_imagedata_same.txt"', f'"{source}"')
    source.write_text('\n'.join([*lines, f'{tmp_path}/odd.png 3']))
    net = images(cuda, 2, text)
    following(net, 2)
    with pytest.raises(DataError, match=r'odd\.png is 3 x 30 x 20, but the batch began with'):
        following(net, 1)


def test_arrays_are_kept_for_the_next_who_needs_them(cuda):
    x = cuda.tensor(5, 7)
    staging = cuda.staging(x)
    arrays = set(addresses(staging))
    assert len(arrays) == uploads.TURNS
    del staging
    again = cuda.staging(cuda.tensor(35))
    assert set(addresses(again)) == arrays
    assert {array.shape for array in again.arrays} == {(35,)}


def test_what_a_thread_of_a_dropped_net_still_fills_is_lent_to_nobody_else(cuda, monkeypatch):
    others = threading.enumerate()
    net = images(cuda)
    following(net, 1)
    first, *_ = addresses(net.layers[0].staging)
    begun, go_on, late = threading.Event(), threading.Event(), set()

    def put_late(task, place):
        if place.ctypes.data != first:
            late.add(place.ctypes.data)
            begun.set()
            go_on.wait()
        return put(task, place)

    put = staged.put
    monkeypatch.setattr(staged, 'put', put_late)
    net.layers[0].restore(net.layers[0].state())
    following(net, 1)
    assert begun.wait(60)
    del net
    gc.collect()
    x = cuda.tensor(4, 3, 5, 5)
    meanwhile = cuda.staging(x)
    go_on.set()
    for thread in set(threading.enumerate()) - set(others):
        thread.join()
    afterwards = cuda.staging(x)
    assert late.isdisjoint(addresses(meanwhile))
    assert late & set(addresses(afterwards))


@pytest.fixture
def fresh(cuda):
    """Uploads of which none has been made."""
    device = cuda.device
    made = uploads.Uploads(device.cuda, device.pool, device.stream)
    return lambda numbers: made.staging(cuda.tensor(numbers), device)


def test_room_for_batches_is_limited(fresh, monkeypatch):
    monkeypatch.setattr(uploads, 'ROOM', 200)
    assert fresh(17) is None
    assert fresh(0) is None
    used = fresh(8)  # of 32 bytes, three times
    assert used is not None
    assert fresh(9) is None
    assert fresh(8) is not None  # and given back
    other = fresh(7)  # in place of those
    assert other is not None
    assert fresh(8) is None
    del other
    assert fresh(8) is not None
    assert used.arrays[0].shape == (8,)


def test_without_page_locked_memory_nothing_is_staged(fresh, cuda, monkeypatch):
    driver = cuda.device.cuda

    def refuse(*arguments):
        raise driver.MemoryError('cuMemHostAlloc failed: out of memory')

    monkeypatch.setattr(driver, 'pagelocked_empty', refuse)
    assert fresh(8) is None
    monkeypatch.undo()
    assert fresh(8) is not None
