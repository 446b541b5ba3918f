"""Valid files of every kind that goodinit reads, as bytes: what the fuzzer damages.

Each maker is called once.
"""

import io
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path

import h5py
import lmdb
import numpy as np
from golden import FOLDERS
from goodinit.netlib import Net, weights
from goodinit.netlib.weights.caffemodel import to_proto
from goodinit.proto import array_to_blob, parse_net, parse_solver
from goodinit.proto.caffe_pb2 import FLOAT16, BlobProto, Datum, SolverState
from PIL import Image

NET = """name: "small"
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 2 dim: 3 dim: 6 dim: 6 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 stride: 1 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 5 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""
TRAINED = """layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 2 dim: 3 } shape { dim: 2 }
    data_filler { type: "gaussian" std: 1 } data_filler { type: "constant" value: 1 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
FIELDS = """base_lr: 0.01
lr_policy: "step"
gamma: 0.5
stepsize: 1
momentum: 0.9
weight_decay: 0.001
max_iter: 3
display: 1
average_loss: 2
iter_size: 1
clip_gradients: 10
snapshot_prefix: "snap"
"""
LABELS = """item { name: "none" label: 0 display_name: "background" }
item { name: "cat" label: 1 display_name: "cat" }
"""
LOG = """I1129 05:57:18.123456  4242 caffe.cpp:217] Using CPU
I1129 05:57:18.223456  4242 solver.cpp:347] Iteration 0, Testing net (#0)
I1129 05:57:19.223456  4242 solver.cpp:414]     Test net output #0: accuracy = 0.125
I1129 05:57:19.323456  4242 solver.cpp:239] Iteration 0 (0 iter/s, 0.1s/10 iters), loss = 2.3
I1129 05:57:19.323556  4242 solver.cpp:258]     Train net output #0: loss = 2.3 (* 1 = 2.3 loss)
I1129 05:57:19.423456  4242 sgd_solver.cpp:112] Iteration 0, lr = 0.01
I1129 05:57:20.323456  4242 solver.cpp:239] Iteration 10 (9.9 iter/s, 1s/10 iters), loss = 2.1
I1129 05:57:20.423456  4242 sgd_solver.cpp:112] Iteration 10, lr = 0.005
"""
WINDOWS = '# 0\nimage.png\n3\n7\n5\n2\n1 0.9 0 0 3 4\n2 0.1 1 1 4 6\n'
LIST = 'image.png 0\nimage.jpg 1\nimage.png 12\n'


def copied(message):
    """A copy of a message, to be damaged."""
    out = type(message)()
    out.CopyFrom(message)
    return out


@cache
def parsed(text):
    return parse_net(text)


@cache
def golden_nets():
    """The prototxts of the recorded layers."""
    found = []
    for path in sorted((FOLDERS[-1] / 'layers').glob('*/*.npz')):
        with np.load(path) as case:
            found.append(str(case['prototxt']))
    return found


@cache
def pixels():
    return np.random.default_rng(3).integers(0, 256, (7, 5, 3), np.uint8)


@cache
def images():
    """The bytes of an image, by suffix."""
    found = {}
    for suffix in ('png', 'jpeg', 'bmp', 'gif', 'tiff', 'webp', 'ppm'):
        out = io.BytesIO()
        Image.fromarray(pixels()).save(out, suffix)
        found[suffix] = out.getvalue()
    gray = io.BytesIO()
    Image.fromarray(pixels().astype('uint16')[..., 0] * 255).save(gray, 'png')
    return {**found, '16.png': gray.getvalue()}


@cache
def small_net():
    net = Net(parse_net(NET), engine='reference', seed=0)
    rng = np.random.default_rng(1)
    for param in net.all_params():
        param.data = rng.normal(size=param.shape)
    return net


@cache
def saved(suffix):
    """The small net's weights, as a file with this suffix."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f'w{suffix}')
        weights.save(small_net(), path)
        return path.read_bytes()


@cache
def caffemodel(raw=False):
    """The small net's weights; raw: as the bytes of float16, like NVIDIA's fork."""
    message = to_proto(small_net())
    for layer in message.layer if raw else ():
        for blob in layer.blobs:
            blob.raw_data_type = FLOAT16
            blob.raw_data = np.array(blob.data, '<f2').tobytes()
            blob.ClearField('data')
    return message


@cache
def mean():
    blob = BlobProto(num=1, channels=3, height=6, width=6)
    blob.data.extend(np.arange(108.0))
    return blob


@cache
def state():
    """The state of the solver that `solver` gives: momentum for two blobs."""
    message = SolverState(iter=2, learned_net='', current_step=1)
    for shape in ((4, 3), (4,)):
        array_to_blob(np.ones(shape), blob=message.history.add())
    return message


@cache
def solver():
    param = parse_solver(FIELDS)
    param.net_param.CopyFrom(parse_net(TRAINED))
    return param


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


@cache
def resume():
    content = {
        'files': [[1, 2], [3, 4]],
        'losses': [2.5],
        'nets': [[{'name': 'ip', 'type': 'InnerProduct', 'state': {'rng': {}}, 'params': []}]],
        'ranks': 1,
    }
    document = np.frombuffer(json.dumps(content).encode(), np.uint8)
    return npz(document=document, **{'0': np.arange(4.0)})


def hdf5(**datasets):
    out = io.BytesIO()
    with h5py.File(out, 'w') as file:
        for name, value in datasets.items():
            file[name] = value
    return out.getvalue()


@cache
def datum():
    planes = pixels().transpose(2, 0, 1)
    return Datum(channels=3, height=7, width=5, data=planes.tobytes(), label=1)


@cache
def datums():
    """A few pairs of a database; the last value has pages of its own."""
    encoded = Datum(data=images()['png'], encoded=True, label=2)
    floats = Datum(channels=1, height=1, width=3, float_data=[1, 2, 3], label=0)
    large = Datum(channels=3, height=40, width=40, data=bytes(4800), label=3)
    messages = [*[datum()] * 12, encoded, floats, large]
    return [(b'%08d' % i, each.SerializeToString()) for i, each in enumerate(messages)]


@cache
def lmdb_bytes(pairs=None):
    folder = Path(tempfile.mkdtemp())
    with lmdb.open(str(folder), map_size=1 << 20) as made, made.begin(write=True) as transaction:
        transaction.cursor().putmulti(pairs or datums())
    data = (folder / 'data.mdb').read_bytes()
    shutil.rmtree(folder)
    return data


@cache
def leveldb_files():
    """The files of a LevelDB whose table is written, by name."""
    import plyvel

    folder = tempfile.mkdtemp()
    database = plyvel.DB(folder, create_if_missing=True)
    for key, value in datums():
        database.put(key, value)
    database.compact_range()
    database.close()
    files = {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}
    shutil.rmtree(folder)
    files.pop('LOCK', None)
    files.pop('LOG', None)
    return files
