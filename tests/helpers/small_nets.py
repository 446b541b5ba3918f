"""Small nets of every shape that initializers must cope with, and inputs for them."""

import numpy as np
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TRAIN

FILLER = 'weight_filler { type: "msra" } bias_filler { type: "uniform" min: -0.3 max: 0.3 }'


def layer(type, name, bottom, top=None, fields=''):
    """The prototxt of a layer; `bottom` and `top` list names, a top is called as the layer unless
    given."""
    blobs = ''.join(f'bottom: "{b}" ' for b in bottom.split())
    blobs += ''.join(f'top: "{t}" ' for t in (name if top is None else top).split())
    return f'layer {{ name: "{name}" type: "{type}" {blobs} {fields} }}\n'


def data(shape='6 3 10 10', name='data'):
    dims = ' '.join(f'dim: {n}' for n in shape.split())
    return layer('Input', name, '', fields=f'input_param {{ shape {{ {dims} }} }}')


def conv(name, bottom, outputs, kernel=3, more='', top=None, fields='', type='Convolution'):
    return layer(
        type,
        name,
        bottom,
        top,
        f'convolution_param {{ num_output: {outputs} kernel_size: {kernel} '
        f'{FILLER} {more} }} {fields}',
    )


def fc(name, bottom, outputs, more='', fields=''):
    return layer(
        'InnerProduct',
        name,
        bottom,
        fields=f'inner_product_param {{ num_output: {outputs} {FILLER} {more} }} {fields}',
    )


def relu(blob):
    return layer('ReLU', f'relu_{blob}', blob, blob)


def pool(name, bottom, kind='MAX'):
    return layer(
        'Pooling', name, bottom, fields=f'pooling_param {{ pool: {kind} kernel_size: 2 stride: 2 }}'
    )


def shared(weight, bias):
    return f'param {{ name: "{weight}" }} param {{ name: "{bias}" }}'


def tower(suffix):
    names = shared('W1', 'b1'), shared('W2', 'b2')
    return (
        conv('c1' + suffix, 'data' + suffix, 6, fields=names[0])
        + relu('c1' + suffix)
        + pool('p1' + suffix, 'c1' + suffix)
        + fc('feat' + suffix, 'p1' + suffix, 4, fields=names[1])
    )


NETS = {
    'chain': (
        data()
        + conv('c1', 'data', 8)
        + relu('c1')
        + pool('p1', 'c1')
        + conv('c2', 'p1', 12, more='pad: 1')
        + relu('c2')
        + fc('f1', 'c2', 20)
        + relu('f1')
        + layer('Dropout', 'drop', 'f1', 'f1')
        + fc('f2', 'f1', 5)
        + layer('Softmax', 'prob', 'f2')
    ),
    'groups': (
        data('6 4 9 9')
        + conv('c1', 'data', 8, more='group: 2')
        + relu('c1')
        + conv('c2', 'c1', 12, more='group: 4 stride: 2')
        + layer('Pooling', 'p', 'c2', fields='pooling_param { pool: AVE global_pooling: true }')
        + fc('f', 'p', 5, 'transpose: true')
    ),
    'inception': (
        data()
        + conv('c1', 'data', 8)
        + relu('c1')
        + conv('a', 'c1', 4, 1)
        + relu('a')
        + conv('r', 'c1', 3, 1)
        + relu('r')
        + conv('b', 'r', 6, more='pad: 1')
        + relu('b')
        + layer('Pooling', 'p', 'c1', fields='pooling_param { kernel_size: 3 pad: 1 }')
        + conv('c', 'p', 3, 1)
        + relu('c')
        + layer('Concat', 'cat', 'a b c')
        + fc('f', 'cat', 5)
    ),
    'resnet': (
        data()
        + conv('c1', 'data', 6, more='pad: 1')
        + relu('c1')
        + conv('a', 'c1', 6, more='pad: 1')
        + relu('a')
        + conv('b', 'a', 6, more='pad: 1')
        + layer('Eltwise', 'sum', 'c1 b')
        + relu('sum')
        + conv('proj', 'sum', 9, 1, 'stride: 2')
        + conv('d', 'sum', 9, more='pad: 1 stride: 2')
        + layer('Eltwise', 'sum2', 'proj d', fields='eltwise_param { coeff: 1 coeff: 0.5 }')
        + relu('sum2')
        + layer('Pooling', 'p', 'sum2', fields='pooling_param { pool: AVE global_pooling: true }')
        + fc('f', 'p', 5)
    ),
    'unet': (
        data('4 1 12 12')
        + conv('d1', 'data', 4)
        + relu('d1')
        + pool('p', 'd1')
        + conv('d2', 'p', 8, more='pad: 1')
        + relu('d2')
        + conv('up', 'd2', 4, 2, 'stride: 2', type='Deconvolution')
        + relu('up')
        + layer('Crop', 'crop', 'd1 up', fields='crop_param { axis: 2 }')
        + layer('Concat', 'cat', 'crop up')
        + conv('u', 'cat', 4)
        + relu('u')
        + conv('score', 'u', 2, 1)
    ),
    'siamese': (
        data('6 1 8 8')
        + data('6 1 8 8', 'data_p')
        + tower('')
        + tower('_p')
        + layer('Concat', 'both', 'feat feat_p')
        + fc('out', 'both', 3)
    ),
    'maxout': (
        data()
        + conv('c1a', 'data', 8)
        + conv('c1b', 'data', 8)
        + layer('Eltwise', 'c1', 'c1a c1b', fields='eltwise_param { operation: MAX }')
        + conv('c2', 'c1', 8)
        + layer('Slice', 's', 'c2', 'sa sb')
        + layer('Eltwise', 'm', 'sa sb', fields='eltwise_param { operation: MAX }')
        + fc('f', 'm', 5)
    ),
    'product': (
        data()
        + conv('c1', 'data', 6)
        + relu('c1')
        + conv('g', 'data', 6)
        + layer('Eltwise', 'gated', 'c1 g', fields='eltwise_param { operation: PROD }')
        + fc('f1', 'gated', 8)
        + relu('f1')
        + fc('f2', 'f1', 5)
    ),
    'power': (
        data()
        + conv('c1', 'data', 6)
        + layer('Power', 'square', 'c1', fields='power_param { power: 2 scale: 0.5 }')
        + fc('f1', 'square', 8)
        + layer('PReLU', 'prelu', 'f1', 'f1')
        + layer('Scale', 'scale', 'f1', 'f1')
        + fc('f2', 'f1', 5)
    ),
    'many_tops': (
        data()
        + data('6 3 10 10', 'more')
        + conv('c', 'data more', 6, top='c_1 c_2')
        + relu('c_1')
        + relu('c_2')
        + layer('Eltwise', 'sum', 'c_1 c_2')
        + fc('f', 'sum', 5)
    ),
    'sigmoid': (
        data()
        + conv('c1', 'data', 8)
        + layer('Sigmoid', 's', 'c1', 'c1')
        + fc('f1', 'c1', 8)
        + relu('f1')
        + fc('f2', 'f1', 5)
        + layer('Bias', 'shift', 'f2', fields='bias_param { filler { type: "constant" value: 1 } }')
    ),
}
WITH_BATCH_NORM = (
    data('16 3 10 10')
    + conv('c1', 'data', 8, more='bias_term: false')
    + layer('BatchNorm', 'bn1', 'c1', 'c1')
    + layer('Scale', 's1', 'c1', 'c1', 'scale_param { bias_term: true }')
    + relu('c1')
    + conv('c2', 'c1', 8)
    + layer('BatchNorm', 'bn2', 'c2', 'c2')
    + relu('c2')
    + fc('f', 'c2', 5)
)
WITH_LRN = (
    data()
    + conv('c1', 'data', 8)
    + relu('c1')
    + layer('LRN', 'n1', 'c1', fields='lrn_param { alpha: 0.01 beta: 0.75 }')
    + conv('c2', 'n1', 12)
    + relu('c2')
    + fc('f1', 'c2', 20)
    + relu('f1')
    + fc('f2', 'f1', 5)
)
ALL = {**NETS, 'lrn': WITH_LRN, 'batch_norm': WITH_BATCH_NORM}


def build(text, seed=0, phase=TRAIN, dtype=np.float32):
    """A net of the text (or of that name in NETS), filled."""
    param = parse_net('name: "net"\n' + NETS.get(text, text), 'net.prototxt')
    net = Net(param, phase, engine=make_engine('reference', dtype=dtype), seed=seed)
    fill(net, np.random.default_rng(seed))
    return net


def samples(net, batches=1, seed=1):
    """Batches of standard normal inputs."""
    rng = np.random.default_rng(seed)
    return [
        {name: rng.standard_normal(net.blobs[name].shape).astype(np.float32) for name in net.inputs}
        for _ in range(batches)
    ]


def put(net, batch):
    """Give the net's inputs their values, and with them their shapes."""
    for name, values in batch.items():
        net.blobs[name].reshape(*values.shape)
        net.blobs[name].data = values


def outputs(net, batch):
    """{name: array} of all blobs that no layer reads, in a plain forward pass."""
    put(net, batch)
    net.forward()
    return {name: net.blobs[name].data.copy() for name in net.outputs}
