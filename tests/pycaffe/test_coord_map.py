"""Maps of positions agree with where nets really carry them, and crops have the offsets of the
published FCNs."""

import numpy as np
import pytest
from goodinit.caffe import NetSpec
from goodinit.caffe import layers as L
from goodinit.caffe.coord_map import (
    AxisMismatchException,
    UndefinedMapException,
    compose,
    coord_map,
    coord_map_from_to,
    crop,
    inverse,
)
from goodinit.initializers import fill
from goodinit.netlib import Net

SIDE = 42


def started():
    n = NetSpec()
    n.data = L.Input(shape={'dim': [3, 1, SIDE, SIDE]})
    return n


def conv(bottom, kernel_size, **fields):
    """A convolution that takes the mean."""
    area = np.prod(kernel_size) if isinstance(kernel_size, list) else kernel_size**2
    return L.Convolution(
        bottom,
        num_output=1,
        kernel_size=kernel_size,
        bias_term=False,
        weight_filler={'type': 'constant', 'value': 1 / area},
        **fields,
    )


def pool(bottom, kernel_size, stride, **fields):
    return L.Pooling(bottom, pool=1, kernel_size=kernel_size, stride=stride, **fields)  # AVE


def deconv(bottom, stride, **fields):
    """A deconvolution that interpolates."""
    return L.Deconvolution(
        bottom,
        convolution_param={
            'num_output': 1,
            'kernel_size': 2 * stride - stride % 2,
            'stride': stride,
            'bias_term': False,
            'weight_filler': {'type': 'bilinear'},
            **fields,
        },
    )


CHAINS = {
    'conv': lambda x: conv(x, 3),
    'conv, pad, stride': lambda x: conv(x, 5, pad=2, stride=2),
    'conv, dilation': lambda x: conv(x, 3, pad=1, dilation=2),
    'conv, unequal sides': lambda x: conv(x, [3, 5], pad=[0, 3], stride=[1, 2]),
    'conv, even': lambda x: conv(x, 4, stride=3),
    'pool': lambda x: pool(x, 3, 2),
    'pool, pad': lambda x: pool(x, 3, 2, pad=1),
    'deconv': lambda x: deconv(x, 2),
    'deconv, pad': lambda x: deconv(x, 3, pad=2),
    'crop': lambda x: L.Crop(x, conv(x, 11), offset=3),
    'crop, unequal offsets': lambda x: L.Crop(
        x, conv(x, 11), crop_param={'axis': 2, 'offset': [1, 4]}
    ),
    'pointwise': lambda x: L.ReLU(L.Power(conv(x, 3))),
    'conv, pool, deconv': lambda x: deconv(pool(conv(x, 3), 2, 2), 2),
    'many': lambda x: L.Crop(
        deconv(pool(conv(conv(x, 5, stride=2, pad=4), 3), 3, 2), 4, pad=1), conv(x, 31), offset=6
    ),
}


def ran(n):
    """The net's outputs: a blob whose values are its rows' numbers, one of its columns', one of
    ones carried along."""
    net = Net(n.to_proto(), 1)
    fill(net, np.random.default_rng(0))
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    net.blobs['data'].data = np.stack([rows, columns, np.ones_like(rows)])[:, None]
    net.forward()
    return {name: blob.data[:, 0].copy() for name, blob in net.blobs.items()}


def untouched(ones):
    """Where no padding took part; the last row and column may come of a pooling window that is cut
    off."""
    out = abs(ones - 1) < 1e-5
    out[-1], out[:, -1] = False, False
    assert out.sum() >= 9
    return out


@pytest.mark.parametrize('chain', CHAINS)
def test_positions_are_where_the_net_carries_them(chain):
    """Averages of a ramp are the ramp at the center: values on top are positions in the data."""
    n = started()
    n.top = CHAINS[chain](n.data)
    axis, scale, shift = coord_map_from_to(n.top, n.data)
    assert axis == 1
    *found, ones = ran(n)['top']
    inner = untouched(ones)
    scale, shift = np.broadcast_to(scale, 2), np.broadcast_to(shift, 2)
    for k, positions in enumerate(np.indices(ones.shape)):
        np.testing.assert_allclose(
            found[k][inner], (scale[k] * positions + shift[k])[inner], atol=1e-3
        )


@pytest.mark.parametrize('padded', [6, 13])
def test_a_crop_aligns_two_branches(padded):
    n = started()
    n.fine = conv(n.data, 5, stride=2, pad=1)
    n.coarse = deconv(pool(conv(n.fine, 3, pad=padded), 2, 2), 2)
    n.top = crop(n.coarse, n.fine)
    blobs = ran(n)
    assert blobs['top'].shape == blobs['fine'].shape != blobs['coarse'].shape
    inner = untouched(blobs['top'][2]) & untouched(blobs['fine'][2])
    np.testing.assert_allclose(blobs['top'][:, inner], blobs['fine'][:, inner], atol=1e-3)


def fcn(stages):
    """Offsets of the crops in FCN-32s (1 stage), FCN-16s (2) and FCN-8s (3) of Long, Shelhamer &
    Darrell 2015."""
    n = started()
    x, pools = n.data, []
    for block, count in enumerate([2, 2, 3, 3, 3]):
        for i in range(count):
            x = L.ReLU(
                L.Convolution(x, num_output=1, kernel_size=3, pad=1 if block or i else 100),
                in_place=True,
            )
        x = L.Pooling(x, kernel_size=2, stride=2)
        pools.append(x)
    x = L.Convolution(
        L.Dropout(L.Convolution(x, num_output=1, kernel_size=7, pad=0)), num_output=1, kernel_size=1
    )
    crops, stride = [], 32
    for finer in [pools[3], pools[2]][: stages - 1]:
        x = L.Deconvolution(x, convolution_param={'num_output': 1, 'kernel_size': 4, 'stride': 2})
        crops.append(crop(L.Convolution(finer, num_output=1, kernel_size=1), x))
        x, stride = L.Eltwise(x, crops[-1]), stride // 2
    x = L.Deconvolution(
        x, convolution_param={'num_output': 1, 'kernel_size': 2 * stride, 'stride': stride}
    )
    crops.append(crop(x, n.data))
    return [crop.fn.params['crop_param'] for crop in crops]


@pytest.mark.parametrize(('stages', 'offsets'), [(1, [19]), (2, [5, 27]), (3, [5, 9, 31])])
def test_offsets_of_the_published_fcns(stages, offsets):
    assert fcn(stages) == [{'axis': 2, 'offset': [offset]} for offset in offsets]


def test_a_crop_to_the_same_positions():
    n = started()
    assert crop(L.ReLU(n.data), n.data).fn.params['crop_param'] == {'axis': 2, 'offset': [0]}


def test_maps_compose_and_invert():
    assert compose((1, 2, 3), (None, 5, 7)) == (1, 10, 17)
    assert inverse((1, 2, 3)) == (1, 0.5, -1.5)
    with pytest.raises(AxisMismatchException, match='come after axis 1 in one map, 2 in the next'):
        compose((1, 2, 3), (2, 1, 0))


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (
            lambda x: L.Pooling(x, global_pooling=True),
            'a Pooling layer: found no kernel_size, needed: kernel_size',
        ),
        (
            lambda x: L.Convolution(x, kernel_h=3, kernel_w=1),
            'found kernel_h, kernel_w, needed: kernel_size',
        ),
        (lambda x: L.InnerProduct(x), 'a InnerProduct layer does not say where its positions lie'),
    ],
)
def test_layers_without_a_map(build, message):
    top = build(started().data)
    with pytest.raises(UndefinedMapException, match=message):
        coord_map(top.fn)
    with pytest.raises(RuntimeError, match='are they connected by spatial layers'):
        coord_map_from_to(top, top.fn.inputs[0])


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda x: deconv(pool(x, 3, 3), 2), 'scale mismatch'),
        (lambda x: deconv(pool(x, 2, 2), 2, pad=9), 'cannot crop negative width'),
        (lambda x: conv(x, 4, pad=3), 'cannot crop noninteger width'),
    ],
)
def test_crops_that_cannot_be(build, message):
    n = started()
    with pytest.raises(AssertionError, match=message):
        crop(build(n.data), n.data)
