"""Cases recorded from BVLC Caffe: where they lie, how one is replayed on a Net, and how close the
numbers must be.

tests/golden holds what a fresh clone needs and explains the keys; ../shared/golden, where there is
one, holds more.
"""

import json
from functools import cache

import numpy as np
from goodinit.netlib import Net
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import EltwiseParameter, Phase, PoolingParameter
from places import GOLDEN, SHARED

HERE = GOLDEN
FOLDERS = [folder for folder in (SHARED / 'golden', HERE) if folder.is_dir()]


def find(pattern):
    """{'layers/ReLU/slope': path} of the cases that match; a case in both folders is read from
    tests/golden."""
    found = {
        path.relative_to(folder).with_suffix('').as_posix(): path
        for folder in FOLDERS
        for path in folder.glob(pattern)
    }
    return dict(sorted(found.items()))


def read_json(name):
    return json.loads((HERE / name).read_text())


@cache
def net_of(path):
    """The NetParameter of a case."""
    with np.load(path) as golden:
        return parse_net(str(golden['prototxt']), path.stem)


def build(golden, path, engine):
    net = Net(net_of(path), Phase.Value(str(golden['phase'])), engine=engine, seed=0)
    for key, layer, i in split_keys(golden, 'param/'):
        net.params[layer][i].data = golden[key]
    return net


def replay(path, engine):
    """Run a case forward and, where gradients are recorded, backward; yields (key, our array, the
    recorded one)."""
    with np.load(path) as golden:
        net = build(golden, path, engine)
        for prefix in [f's{k}/' for k in range(golden['steps'])] if 'steps' in golden else ['']:
            yield from forward(net, golden, prefix)
            if any('_diff/' in key for key in keys(golden, prefix)):
                yield from backward(net, golden, prefix)


def keys(golden, prefix):
    """The keys of a step, with what follows the prefix."""
    return {key.removeprefix(prefix): key for key in golden.files if key.startswith(prefix)}


def split_keys(golden, prefix):
    """(key, layer name, index) of the keys prefix + '<layer>/<index>'."""
    for key in golden.files:
        if key.startswith(prefix):
            layer, i = key.removeprefix(prefix).rsplit('/', 1)
            yield key, layer, int(i)


def blob(net, name):
    """The blob of a recorded name. Where a loss has no top, Caffe's is '(automatic)'; ours has the
    layer's name."""
    if name == '(automatic)':
        return next(
            top
            for layer, (top, *_) in zip(net.layers, net.tops, strict=True)
            if not layer.param.top
        )
    return net.blobs[name]


def forward(net, golden, prefix):
    for name, key in keys(golden, prefix + 'bottom/').items():
        net.blobs[name].reshape(*golden[key].shape)
        net.blobs[name].data = golden[key]
    loss = net.forward()
    if prefix + 'loss' in golden:
        yield prefix + 'loss', np.float32(loss), golden[prefix + 'loss']
    for kind in ('top/', 'blob/'):
        for name, key in keys(golden, prefix + kind).items():
            yield key, blob(net, name).data.copy(), golden[key]
    for key, layer, i in split_keys(golden, prefix + 'param_after/'):
        yield key, net.params[layer][i].data.copy(), golden[key]


def backward(net, golden, prefix):
    net.clear_param_diffs()
    weighted = {
        blob.name
        for layer, top in zip(net.layers, net.tops, strict=True)
        for blob, weight in zip(top, layer.loss_weights, strict=True)
        if weight
    }
    for name in set(net.outputs) - weighted:
        key = f'{prefix}top_diff/{name}'
        net.blobs[name].diff = golden.get(key, 0)
    net.backward()
    for kind in ('bottom_diff/', 'blob_diff/'):
        for name, key in keys(golden, prefix + kind).items():
            yield key, blob(net, name).diff.copy(), golden[key]
    for key, layer, i in split_keys(golden, prefix + 'param_diff/'):
        yield key, net.params[layer][i].diff.copy(), golden[key]


# -- how close

MOVING = {
    'Concat',
    'Slice',
    'Split',
    'Reshape',
    'Flatten',
    'Crop',
    'Tile',
    'BatchReindex',
    'Filter',
    'Silence',
    'Clip',
    'Threshold',
    'ArgMax',
    'Input',
    'DummyData',
    'Dropout',
    'Parameter',
}
ADDING_UP = {'Split', 'Tile', 'BatchReindex', 'Filter', 'Concat', 'Pooling'}
STATISTICAL = {'LRN', 'BatchNorm', 'MVN', 'LSTM', 'RNN', 'LSTMUnit'}


def is_gradient(key):
    return '_diff/' in key


def layer_tolerance(layer, gradient):
    """(rtol, atol) of the README's table for one layer."""
    exact = (
        layer.type in MOVING
        or layer.type == 'Im2col'
        and not gradient
        or layer.type == 'ReLU'
        and not layer.relu_param.negative_slope
        or layer.type == 'Pooling'
        and layer.pooling_param.pool == PoolingParameter.MAX
        or layer.type == 'Eltwise'
        and layer.eltwise_param.operation == EltwiseParameter.MAX
    )
    if exact:
        return (2e-6, 0) if gradient and layer.type in ADDING_UP else (0, 0)
    if layer.type == 'Accuracy':
        return 1e-6, 0
    return (5e-5, 1e-5) if gradient and layer.type in STATISTICAL else (1e-5, 1e-6)


def tolerance(net, gradient):
    """(rtol, atol) for a net of few layers: that of the layer that needs the most."""
    return max(layer_tolerance(layer, gradient) for layer in net.layer)


def assert_close(key, ours, recorded, rtol, atol):
    """max |ours - recorded| <= rtol max |recorded| + atol, with NaN where NaN was recorded."""
    assert ours.shape == recorded.shape, f'{key}: shape {ours.shape}, recorded {recorded.shape}'
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(recorded), err_msg=f'{key}: NaN')
    wrong = np.abs(np.nan_to_num(ours) - np.nan_to_num(recorded)).astype(np.float64)
    limit = rtol * np.abs(np.nan_to_num(recorded)).max(initial=0) + atol
    if wrong.max(initial=0) > limit:
        at = np.unravel_index(wrong.argmax(), wrong.shape)
        raise AssertionError(
            f'{key} {recorded.shape} at {tuple(map(int, at))}: ours {ours[at]!r}, recorded '
            f'{recorded[at]!r}; off by {wrong.max():.3g}, allowed {limit:.3g}'
        )
