"""The kinds of files that the fuzzer damages. Each is a function (folder, rng) that writes one, as
damaged as the generator has it, and reads it as goodinit does."""

import io
import json
from importlib.util import find_spec

import fuzz_seeds as seeds
import numpy as np
from fuzz_hdf5 import odd_hdf5
from goodinit.feeding.net_file import read_net_file
from goodinit.feeding.opening import open_data
from goodinit.netlib import Net
from goodinit.netlib.data.databases import datum_to_array, open_database, parse_datum
from goodinit.netlib.data.hdf5 import read_datasets, read_file_list
from goodinit.netlib.data.images import decode_image
from goodinit.netlib.data.list_files import read_list
from goodinit.netlib.data.sources import open_store
from goodinit.netlib.data.window_file import WindowFile
from goodinit.proto import format_text, read_any
from goodinit.proto.caffe_pb2 import TEST, TRAIN, DataParameter
from goodinit.solvers import Solver
from goodinit.solvers.log.reader import read_log
from goodinit.solvers.side_file import check_files, check_layers
from goodinit.solvers.side_file import read as read_side_file
from goodinit.tools.lint import lint
from mutations import choose, damage_message, damaged_bytes, damaged_text
from PIL import Image

KINDS = {}
LARGE = 1 << 18  # numbers in the blobs of a net that is still run
Image.MAX_IMAGE_PIXELS = 1 << 24


def kind(function):
    KINDS[function.__name__] = function
    return function


def written(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return str(path)


def damaged(data, rng):
    """Damaged bytes, or once in a while the seed itself."""
    return damaged_bytes(data, rng) if rng.random() < 0.97 else data


def serialized(message, rng):
    """A message damaged by fields, by bytes, or both."""
    message = seeds.copied(message)
    if rng.random() < 0.6:
        damage_message(message, rng)
    data = message.SerializePartialToString()
    return damaged_bytes(data, rng) if rng.random() < 0.6 else data


def run_if_small(net):
    """Run a net forward and backward unless that would take long, or memory."""
    counts = [blob.count for blob in net.blobs.values()]
    sizes = [param.count for param in net.all_params()]
    if sum(counts) > LARGE or sum(sizes) > LARGE or window_sizes(net) > LARGE:
        return
    net.forward()
    net.clear_param_diffs()
    net.backward()


def window_sizes(net):
    """The most numbers that a window of a layer sees, times its positions."""
    most = 0
    for layer, (top, *_) in zip(net.layers, filter(None, net.tops), strict=False):
        window = getattr(layer, 'window', None)
        if hasattr(window, 'kernel'):
            most = max(most, top.count * int(np.prod(window.kernel, dtype=float)))
    return most


# -- nets and solvers


@kind
def prototxt(folder, rng):
    text = choose(rng, [seeds.NET, seeds.TRAINED, *seeds.golden_nets()])
    if rng.random() < 0.5:
        message = seeds.copied(seeds.parsed(text))
        damage_message(message, rng)
        data = format_text(message).encode('utf-8', 'surrogatepass')
    else:
        data = damaged_text(text, rng)
    path = written(folder, 'net.prototxt', data)
    phase = choose(rng, (TRAIN, TEST))
    run_if_small(Net(read_net_file(path, phase).param, phase, seed=0))


@kind
def linted(folder, rng):
    text = choose(rng, [seeds.NET, seeds.TRAINED, seeds.FIELDS, *seeds.golden_nets()])
    lint(written(folder, 'net.prototxt', damaged_text(text, rng)))


@kind
def solver_prototxt(folder, rng):
    message = seeds.copied(seeds.solver())
    if rng.random() < 0.5:
        damage_message(message, rng)
        data = format_text(message).encode('utf-8', 'surrogatepass')
    else:
        data = damaged_text(format_text(message), rng)
    path = written(folder, 'solver.prototxt', data)
    param = read_any(path)
    if hasattr(param, 'test_iter') and not param.test_iter and param.iter_size < 9:
        solver = Solver(param, seed=0)
        if sum(blob.count for blob in solver.net.blobs.values()) < LARGE:
            solver.step(2)


# -- weights and states


@kind
def caffemodel(folder, rng):
    message = seeds.caffemodel(raw=rng.random() < 0.5)
    path = written(folder, 'w.caffemodel', serialized(message, rng))
    seeds.small_net().copy_from(path)


@kind
def weights_hdf5(folder, rng):
    if rng.random() < 0.5:
        data = damaged(seeds.saved('.caffemodel.h5'), rng)
    else:
        data = odd_hdf5(rng, ('data/conv/0', 'data/conv/1', 'data/ip/0'))
    seeds.small_net().copy_from(written(folder, 'w.caffemodel.h5', data))


@kind
def weights_arrays(folder, rng):
    suffix = choose(rng, ('.npz', '.safetensors'))
    data = damaged(seeds.saved(suffix), rng)
    seeds.small_net().copy_from(written(folder, f'w{suffix}', data))


@kind
def solverstate(folder, rng):
    if rng.random() < 0.6:
        path = written(folder, 's.solverstate', serialized(seeds.state(), rng))
    else:
        names = ('iter', 'current_step', 'learned_net', 'history/0', 'history/1')
        path = written(folder, 's.solverstate.h5', odd_hdf5(rng, names))
    Solver(seeds.solver(), engine='reference', seed=0).restore(path)


@kind
def resume(folder, rng):
    path = written(folder, 's.resume', damaged(odd_resume(rng), rng))
    document = read_side_file(path)
    check_files(document, path, [path, path])
    check_layers(document, path, Solver(seeds.solver(), engine='reference', seed=0).nets)


def odd_resume(rng):
    """A side file whose document lacks a key, or has another value there."""
    with np.load(io.BytesIO(seeds.resume())) as arrays:
        content = json.loads(arrays['document'].tobytes())
    key = choose(rng, sorted(content))
    if rng.random() < 0.5:
        del content[key]
    else:
        content[key] = choose(rng, (None, [], {}, 'x', 1e400, [[1]], {'@array': '9'}, [[{}]]))
    document = np.frombuffer(json.dumps(content).encode(), np.uint8)
    return seeds.npz(document=document)


# -- data


@kind
def arrays(folder, rng):
    array = odd_array(rng)
    if rng.random() < 0.5:
        path = written(folder, 'a.npy', damaged(seeds.npy(array), rng))
    else:
        name = choose(rng, ('data', 'x', 'label'))
        data = seeds.npz(**{name: array, 'label': np.arange(len(array))})
        path = written(folder, 'a.npz', damaged(data, rng))
    read_a_sample(path)


def odd_array(rng):
    kinds = ('f4', 'f8', 'u1', 'i8', 'c8', 'U3', 'S5', '?', 'M8[s]', 'f2', '>f4', 'i4,f4')
    shapes = ((4, 3, 6, 6), (2, 3), (1, 0, 6, 6), (0, 3, 6, 6), (3, 1, 6, 6), (4, 108))
    return np.zeros(choose(rng, shapes), choose(rng, kinds))


def read_a_sample(path):
    store = open_store(path)
    if len(store):
        store.suit((3, 6, 6))
        store[len(store) - 1]
    next(iter(open_data(path, seeds.small_net(), batches=1, batch_size=2).batches))


@kind
def data_hdf5(folder, rng):
    if rng.random() < 0.4:
        made = seeds.hdf5(data=np.zeros((4, 3, 6, 6), 'f4'), label=np.zeros(4, 'f4'))
        data = damaged(made, rng)
    else:
        data = odd_hdf5(rng, ('data', 'label'))
    read_datasets(written(folder, 'd.h5', data), ['data', 'label'])


@kind
def hdf5_list(folder, rng):
    written(folder, 'd.h5', seeds.hdf5(data=np.zeros((4, 3))))
    files = read_file_list(written(folder, 'l.txt', damaged_text(f'{folder}/d.h5\nd.h5\n', rng)))
    for file in files:
        read_datasets(file, ['data'])


@kind
def mean_file(folder, rng):
    if rng.random() < 0.6:
        path = written(folder, 'm.binaryproto', serialized(seeds.mean(), rng))
    else:
        path = written(folder, 'm.npy', damaged(seeds.npy(odd_array(rng)), rng))
    net = seeds.small_net()
    pixels = np.zeros((2, 3, 6, 6), np.uint8)
    next(iter(open_data(pixels, net, mean=path, batches=1, batch_size=2).batches))


@kind
def lmdb(folder, rng):
    made = folder / 'db'
    made.mkdir()
    written(made, 'data.mdb', damaged(seeds.lmdb_bytes(), rng))
    read_database(made, DataParameter.LMDB)


# Newer versions of Python have no wheel of its package.
@(kind if find_spec('plyvel') else lambda function: function)
def leveldb(folder, rng):
    made = folder / 'db'
    made.mkdir()
    files = seeds.leveldb_files()
    hit = choose(rng, sorted(files))
    for name, data in files.items():
        written(made, name, damaged(data, rng) if name == hit else data)
    read_database(made, DataParameter.LEVELDB)


def read_database(folder, backend):
    database = open_database(folder, backend)
    for key in database.keys()[:40]:
        parse_datum(database[key])
    for (_, value), _ in zip(database.cycle(), range(40), strict=False):
        datum_to_array(parse_datum(value))


@kind
def datum(folder, rng):
    datum_to_array(parse_datum(serialized(seeds.datum(), rng)), choose(rng, (None, True, False)))


@kind
def image(folder, rng):
    suffix = choose(rng, sorted(seeds.images()))
    path = written(folder, f'i.{suffix}', damaged(seeds.images()[suffix], rng))
    decode_image(path, choose(rng, (True, False, None)))


@kind
def image_list(folder, rng):
    written(folder, 'image.png', seeds.images()['png'])
    path = written(folder, 'list.txt', damaged_text(seeds.LIST, rng))
    read_list(path)
    read_a_sample(path)


@kind
def window_list(folder, rng):
    WindowFile(written(folder, 'windows.txt', damaged_text(seeds.WINDOWS, rng)), '', 0.5, 0.5)


@kind
def published(folder, rng):
    """MNIST's and CIFAR-10's own formats."""
    head = b'\0\0\x08\x03' + b'\0\0\0\2' + b'\0\0\0\6' * 2
    name, data = choose(
        rng, (('x-images-idx3-ubyte', head + bytes(72)), ('c.bin', bytes(2 * 3073)))
    )
    read_a_sample(written(folder, name, damaged(data, rng)))


@kind
def log(folder, rng):
    read_log(written(folder, 'train.log', damaged_text(seeds.LOG, rng)))
