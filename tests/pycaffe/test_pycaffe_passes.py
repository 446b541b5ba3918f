"""caffe.Net: its passes, over one batch and over inputs of any number."""

import numpy as np
import pytest
from goodinit.netlib.errors import DataError, NetError
from pycaffe_nets import DATA, IP, LINEAR, net, normal


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


CHAIN = LINEAR + IP.replace('"ip"', '"ip2"').replace('"data"', '"out"').replace(
    'top: "out"', 'top: "end"'
)


def test_forward_from_and_to_a_layer():
    n = net(CHAIN)
    assert list(n.forward(data=normal(4, 3))) == ['end']
    assert list(n.forward(end='ip')) == ['out'] and list(n.forward(['data'], end='ip')) == [
        'out',
        'data',
    ]
    n.blobs['out'].data[...] = 0
    assert (n.forward(start='ip2')['end'] == 3).all()


def test_backward_from_and_to_a_layer():
    n = net(CHAIN)
    n.forward(data=normal(4, 3))
    w, w2 = n.params['ip'][0].data, n.params['ip2'][0].data
    diff = normal(4, 2, seed=1)
    n.blobs['end'].diff[...] = diff
    diffs = n.backward(['out'])
    np.testing.assert_allclose(diffs['out'], diff @ w2, rtol=1e-5)
    np.testing.assert_allclose(diffs['data'], diff @ w2 @ w, rtol=1e-4, atol=1e-6)
    n.blobs['out'].diff[...] = 1
    assert list(n.backward(start='ip')) == ['data'] and list(n.backward(end='ip2')) == ['out']


@pytest.mark.parametrize(
    'move, arrays, message',
    [
        (
            'forward',
            {'data': (5, 3)},
            "Input is not batch sized: found 5 for 'data', needed 4; reshape the blob, or use",
        ),
        (
            'forward',
            {'dat': (4, 3)},
            r'Input blob arguments do not match net inputs\. Found dat; needed data',
        ),
        ('backward', {'out': (1, 2)}, "Diff is not batch sized: found 1 for 'out', needed 4"),
        (
            'backward',
            {'data': (4, 3)},
            r'Top diff arguments do not match net outputs\. Found data; needed out',
        ),
    ],
)
def test_arguments_that_do_not_fit(move, arrays, message):
    with pytest.raises(NetError, match=message):
        getattr(net(), move)(**{name: np.zeros(shape) for name, shape in arrays.items()})


@pytest.mark.parametrize('count', [3, 4, 9])
def test_all_at_once(count):
    """Batches of four, the last one filled up."""
    n, data, diff = net(), normal(count, 3), normal(count, 2, seed=1)
    w = n.params['ip'][0].data.copy()
    outs = n.forward_all(data=data)
    np.testing.assert_allclose(outs['out'], data @ w.T + 3, rtol=1e-5, atol=1e-6)
    outs, diffs = n.forward_backward_all(blobs=['data'], data=data, out=diff)
    np.testing.assert_array_equal(outs['data'], data)
    np.testing.assert_allclose(diffs['data'], diff @ w, rtol=1e-5, atol=1e-6)


def test_losses_of_all_batches():
    n = net(
        DATA
        + DATA.replace('"data"', '"label"')
        + """
      layer { name: "loss" type: "EuclideanLoss" bottom: "data" bottom: "label" top: "loss" }"""
    )
    data = normal(8, 3)
    losses = n.forward_all(data=data, label=np.zeros((8, 3)))['loss']
    np.testing.assert_allclose(
        losses, [(data[i : i + 4] ** 2).sum() / 8 for i in (0, 4)], rtol=1e-5
    )
    assert n.forward_all() == {}


def test_callbacks_see_the_layers():
    n, seen = net(CHAIN), []
    for when in ('before_forward', 'after_forward', 'before_backward', 'after_backward'):
        getattr(n, when)(
            lambda i, when=when: seen.append((when, i, float(n.blobs['out'].data.sum()) != 0))
        )
    n.blobs['data'].data[...] = 1
    n.forward()
    n.backward()
    assert [(when, i) for when, i, _ in seen] == [
        (f'{when}_{way}', i)
        for way, order in (('forward', (0, 1, 2)), ('backward', (2, 1, 0)))
        for i in order
        for when in ('before', 'after')
    ]
    assert [done for when, i, done in seen if i == 1][:2] == [False, True]


def test_reshape_goes_through_the_net():
    n = net()
    n.blobs['data'].reshape(7, 3)
    n.reshape()
    assert n.blobs['out'].data.shape == (7, 2)
    assert n.forward(data=normal(7, 3))['out'].shape == (7, 2)


def test_input_arrays():
    n = net("""layer { name: "memory" type: "MemoryData" top: "data" top: "label"
                 memory_data_param { batch_size: 2 channels: 1 height: 1 width: 3 } }""")
    data, labels = normal(4, 1, 1, 3), np.arange(4, dtype=np.float32)
    n.set_input_arrays(data, labels)
    for k in (0, 2, 0):
        outs = n.forward()
        np.testing.assert_array_equal(outs['data'], data[k : k + 2])
        np.testing.assert_array_equal(outs['label'].ravel(), labels[k : k + 2])
    with pytest.raises(DataError, match='labels: found 3, needed: one for each of 4 images'):
        n.set_input_arrays(data, labels[:3])
    with pytest.raises(
        NetError, match='may only be called if the first layer is a MemoryDataLayer; found Input'
    ):
        net().set_input_arrays(data, labels)
