"""Nets on the CUDA engine: LeNet forward and back, wrong labels, changing batches."""

import numpy as np
import pytest
from goodinit.feeding.bundled import MODELS
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.netlib.errors import EngineError
from goodinit.proto import read_net
from goodinit.proto.caffe_pb2 import TRAIN


def lenet(name, images=2):
    """A LeNet of models/ with few outputs; Input layers stand in for its data."""
    param = read_net(MODELS / 'lenet' / f'{name}.prototxt')
    layers = list(param.layer)
    del param.layer[:]
    if name == 'train_val':
        for top, shape in ('data', (images, 1, 28, 28)), ('label', (images,)):
            param.layer.add(name=top, type='Input', top=[top]).input_param.shape.add(dim=shape)
    else:
        layers[0].input_param.shape[0].dim[0] = images
    param.layer.extend(layer for layer in layers if layer.type != 'Data')
    for layer in param.layer:
        for fields in (layer.convolution_param, layer.inner_product_param):
            if fields.num_output not in (0, 10):
                fields.num_output //= 5
    return param


def passes(param, engine):
    """{name: array} of all values and gradients after a pass forward and back, from fixed random
    numbers."""
    net, rng = Net(param, TRAIN, engine=engine, seed=0), np.random.default_rng(3)
    for blob in [*net.all_params(), net.blobs['data']]:
        blob.data = rng.uniform(-0.2, 0.2, blob.shape)
    if 'label' in net.blobs:
        net.blobs['label'].data = [3, 9]
    else:
        net.blobs['prob'].diff = rng.uniform(-1, 1, net.blobs['prob'].shape)
    net.forward()
    net.clear_param_diffs()
    net.backward()
    found = {}
    for name, blob in (net.blobs | {param.name: param for param in net.all_params()}).items():
        found[name] = blob.data.copy()
        found[f'{name} diff'] = blob.diff.copy()
    return found


@pytest.mark.parametrize('name', ['train_val', 'deploy'])
def test_lenet(name, engine):
    param = lenet(name)
    param.force_backward = True
    ours = passes(param, engine)
    expected = passes(param, make_engine('reference', dtype=np.float64))
    assert ours.keys() == expected.keys() >= {'data diff', 'conv1[0] diff', 'ip2[1] diff'}
    for key, array in expected.items():
        assert key == 'label diff' or np.any(array), f'{key} is all zeros'
        np.testing.assert_allclose(
            ours[key], array, rtol=0, atol=2e-5 * np.abs(array).max(initial=1e-9), err_msg=key
        )


@pytest.mark.cuda
def test_lenet_under_watch(cuda_device):
    passes(lenet('train_val'), make_engine('checked:cuda'))


@pytest.mark.cuda
def test_a_wrong_label_is_found_when_the_loss_is_read(cuda):
    net = Net(lenet('train_val'), TRAIN, engine=cuda, seed=0)
    net.blobs['label'].data = [3, 10]
    loss = net.run()
    with pytest.raises(
        EngineError,
        match=r'found the label 10: labels must be in 0 .. 9, since the scores have 10 classes',
    ):
        float(loss)
    net.blobs['label'].data = [3, 9]
    assert net.forward() == pytest.approx(np.log(10))


@pytest.mark.cuda
def test_a_net_that_grows_and_shrinks(cuda):
    """Blobs and the engine's own room follow the batch."""
    net = Net(lenet('deploy'), TRAIN, engine=cuda, seed=0)
    for param in net.all_params():
        param.data = np.random.default_rng(1).uniform(-0.2, 0.2, param.shape)
    images = np.random.default_rng(2).uniform(0, 1, (5, 1, 28, 28))
    found = []
    for n in (2, 5, 1):
        net.blobs['data'].reshape(n, 1, 28, 28)
        net.blobs['data'].data = images[:n]
        net.forward()
        found.append(net.blobs['prob'].data.copy())
    np.testing.assert_allclose(found[0], found[1][:2], rtol=1e-5)
    np.testing.assert_allclose(found[2], found[1][:1], rtol=1e-5)
