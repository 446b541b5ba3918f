"""Reading ahead changes when things are read, never what comes: order, errors, bounds, and how
threads end."""

import gc
import subprocess
import sys
import threading
import time
from functools import partial
from itertools import islice

import numpy as np
import pytest
from goodinit.benchmarks import readers
from goodinit.netlib import Net
from goodinit.netlib.data.databases import create_database, open_database
from goodinit.netlib.data.prefetch import Prefetch, read_ahead
from goodinit.netlib.errors import DataError
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TRAIN, Datum


class Counting:
    """A reader of squares, whose tasks take random times; `broken` numbers fail in the task, `end`
    in the reader."""

    def __init__(self, broken=(), end=None):
        self.k, self.broken, self.end = 0, broken, end
        self.rng = np.random.default_rng(0)

    def __next__(self):
        if self.k == self.end:
            raise DataError(f'the data end at {self.k}')
        self.k += 1
        return partial(self.square, self.k - 1, self.rng.random() / 500)

    def square(self, k, pause):
        time.sleep(pause)
        if k in self.broken:
            raise DataError(f'number {k} is broken')
        return k * k

    def state(self):
        return {'k': self.k}

    def restore(self, state):
        self.k = state['k']


def wait_for(condition):
    """Until it holds; the machine may be busy."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def assert_threads(count):
    """So many threads are left, once those that were told to end have."""
    gc.collect()
    wait_for(lambda: threading.active_count() <= count)  # one from before may end


@pytest.mark.parametrize('ahead, threads', [(0, 1), (1, 1), (1, 4), (7, 3), (50, 8)])
def test_the_order_is_the_readers(ahead, threads):
    results = read_ahead(Counting(), ahead, threads)
    assert [next(results) for _ in range(60)] == [(k * k, {'k': k + 1}) for k in range(60)]
    results.close()


@pytest.mark.parametrize('ahead', [0, 1, 9])
def test_an_error_comes_where_its_result_would_have(ahead):
    results = read_ahead(Counting(broken=[3], end=6), ahead, 2)
    assert [next(results)[0] for _ in range(3)] == [0, 1, 4]
    with pytest.raises(DataError, match='number 3 is broken'):
        next(results)
    if ahead:
        assert [next(results)[0] for _ in range(2)] == [16, 25]
        with pytest.raises(DataError, match='the data end at 6'):
            next(results)
    results.close()


def test_no_more_is_read_than_said():
    reader = Counting()
    results = Prefetch(reader, 5, 3)
    for wanted in (5, 6, 7):
        wait_for(lambda wanted=wanted: reader.k == wanted)
        time.sleep(0.02)
        assert reader.k == wanted
        next(results)
    results.close()


@pytest.mark.parametrize('end', [None, 2])
@pytest.mark.parametrize('how', ['closed', 'dropped'])
def test_threads_end_when_it_is(how, end):
    before = threading.active_count()
    results = Prefetch(Counting(end=end), 4, 3)
    next(results)
    if how == 'closed':
        results.close()
    del results
    assert_threads(before)


# -- in a net


def make_database(path, count=9, broken=None):
    rng = np.random.default_rng(0)
    with create_database(path) as database:
        for k in range(count):
            datum = Datum(channels=1, height=6, width=6, label=k, data=rng.bytes(36))
            database.put(
                f'{k:08d}'.encode(), b'\xff\xff' if k == broken else datum.SerializeToString()
            )


def data_net(path, prefetch, seed=0):
    return Net(
        parse_net(f'''layer {{ name: "d" type: "Data" top: "data" top: "label"
        transform_param {{ crop_size: 4 mirror: true }}
        data_param {{ source: "{path}" backend: LMDB batch_size: 2 rand_skip: 3
        prefetch: {prefetch} }} }}'''),
        TRAIN,
        seed=seed,
    )


def batches(net):
    while True:
        net.forward()
        yield np.concatenate([net.blobs['data'].data.ravel(), net.blobs['label'].data])


def test_the_numbers_do_not_depend_on_it(tmp_path):
    make_database(tmp_path / 'db')
    expected, *others = (
        [*islice(batches(data_net(tmp_path / 'db', prefetch)), 12)] for prefetch in (0, 1, 4)
    )
    for found in others:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize('prefetch', [0, 4])
def test_a_broken_record_is_told_by_the_forward_that_needs_it(tmp_path, prefetch):
    make_database(tmp_path / 'db', broken=5)
    net = data_net(tmp_path / 'db', prefetch, seed=1)
    labels = []
    for _ in range(2):  # the place stays before the batch that fails
        with pytest.raises(DataError, match=r"layer 'd' .*db, key 00000005: not a Datum message"):
            for _ in range(3):
                net.forward()
                labels += net.blobs['label'].data.tolist()
    assert labels == [*range(int(labels[0]), len(labels) + int(labels[0]))] and labels[-1] in (3, 4)


def test_a_dropped_net_leaves_no_threads(tmp_path):
    make_database(tmp_path / 'db')
    before = threading.active_count()
    net = data_net(tmp_path / 'db', 4)
    net.forward()
    assert threading.active_count() > before
    del net
    assert_threads(before)


def test_a_process_ends_while_data_are_read(tmp_path):
    make_database(tmp_path / 'db')
    code = f'''
from goodinit.netlib import Net
from goodinit.proto import parse_net
net = Net(parse_net("""layer {{ name: "d" type: "Data" top: "data"
    data_param {{ source: "{tmp_path / 'db'}" backend: LMDB batch_size: 100 prefetch: 9 }} }}"""))
net.forward()
'''
    done = subprocess.run(
        [sys.executable, '-W', 'error', '-c', code], capture_output=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b'')


# -- the benchmark


def test_the_benchmark_reads_what_it_made(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, 'BATCH_SIZE', 2)
    readers.make_images(tmp_path, readers.pictures(None)[:3], 16)
    files = [path.read_bytes() for path in sorted((tmp_path / 'files').iterdir())]
    datums = [Datum.FromString(value) for _, value in open_database(tmp_path / 'lmdb')]
    assert [datum.data for datum in datums] == files and len(set(files)) == 3
    assert readers.read_by_goodinit(tmp_path, 3) > 0
    assert readers.read_by_pillow(tmp_path, 3) > 0
