"""The bundled models: written by the script, of the published sizes, and understood by others."""

from math import prod

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.registry import LAYERS
from goodinit.proto import parse_net, parse_solver, read_net, read_solver
from goodinit.proto.caffe_pb2 import TEST, TRAIN, LayerParameter, NetParameter
from goodinit.zoo import __main__ as make_models
from goodinit.zoo import unet
from goodinit.zoo.cost import cost, param_shapes

MODELS = {model.name: model for model in make_models.zoo()}
OURS = {'Maxout', 'Pad'}
FORKS = {'ROIPooling'}  # of Fast R-CNN's fork of Caffe
UNTESTED = {'fast_rcnn/caffenet'}  # its losses say little of what it finds


def input_shape(model):
    return list(model.deploy.layer[0].input_param.shape[0].dim)


# ---- The script ----


def test_the_files_are_what_the_script_writes(capsys):
    assert make_models.main(['--check']) == 0, capsys.readouterr().err


def test_writing_restores_and_checking_names_what_differs(tmp_path, monkeypatch, capsys):
    folder = tmp_path / 'models'
    folder.mkdir()
    (folder / 'README.md').write_text((make_models.MODELS / 'README.md').read_text())
    monkeypatch.setattr(make_models, 'MODELS', folder)
    assert make_models.main([]) == 0
    before = {path: path.read_bytes() for path in folder.rglob('*.*')}
    assert make_models.main([]) == 0
    assert {path: path.read_bytes() for path in folder.rglob('*.*')} == before
    (folder / 'lenet' / 'solver.prototxt').write_text('base_lr: 1')
    (folder / 'lenet' / 'stray.prototxt').write_text('')
    (folder / 'vgg16' / 'deploy.prototxt').unlink()
    assert make_models.main(['--check']) == 1
    named = [line.split(' is not ')[0] for line in capsys.readouterr().err.splitlines()]
    assert sorted(named) == [
        'models/lenet/solver.prototxt',
        'models/lenet/stray.prototxt',
        'models/vgg16/deploy.prototxt',
    ]


# ---- The nets ----

# Parameters (of deploy, of train_val) as published, or summed by hand from the published layers.
PARAMETERS = [
    ('lenet', 431_080, 431_080),
    ('cifar10_quick', 145_578, 145_578),
    ('nin_cifar10', 966_986, 966_986),
    ('all_cnn_c', 1_369_738, 1_369_738),
    ('all_cnn_c/reflect', 1_369_738 + 110, 1_369_738 + 110),
    ('fitnet_mnist/softmax', 21_426, 21_426),
    ('fitnet_mnist/hinge', 21_426, 21_426),
    ('fitnet4/relu', 1_276_806, 1_276_806),
    ('fitnet4/maxout', 2_742_102, 2_742_102),
    ('fitnet4/bn_before_maxout', 2_742_102 + 2 * 5380, 2_742_102 + 2 * 5380),
    ('alexnet', 60_965_224, 60_965_224),
    ('caffenet', 60_965_224, 60_965_224),
    ('vgg16', 138_357_544, 138_357_544),
    ('squeezenet', 1_248_424, 1_248_424),
    ('resnet20', 272_474, 272_474),
    ('resnet20/no_bn', 271_690, 271_690),
    ('resnet50', 25_557_032 + 64, 25_557_032 + 64),
    # CaffeNet with 21 + 84 outputs instead of 1000.
    ('fast_rcnn/caffenet', 60_965_224 - 895 * 4_097, 60_965_224 - 895 * 4_097),
    ('googlenet', 6_998_552, 13_378_280),
    ('googlenet/no_aux', 6_998_552, 6_998_552),
    ('unet', 31_030_658, 31_030_658),
]


@pytest.mark.parametrize(
    ('name', 'deploy', 'train_val'), PARAMETERS, ids=[case[0] for case in PARAMETERS]
)
def test_parameters(name, deploy, train_val):
    model = MODELS[name]
    assert cost(model.deploy, input_shape(model)).parameters == deploy
    assert cost(model.train_val, input_shape(model)).parameters == train_val


@pytest.mark.parametrize(
    ('name', 'last'),
    [
        ('alexnet', {'pool1': 27, 'pool2': 13, 'pool5': 6}),
        (
            'googlenet',
            {'pool1/norm1': 56, 'pool2/3x3_s2': 28, 'pool3/3x3_s2': 14, 'pool4/3x3_s2': 7},
        ),
        ('resnet50', {'pool1': 56, 'res3d': 28, 'res4f': 14, 'res5c': 7}),
        ('squeezenet', {'conv1': 111, 'pool1': 55, 'pool4': 27, 'pool8': 13, 'conv10': 15}),
        ('all_cnn_c', {'conv3': 16, 'conv6': 8, 'conv9': 6}),
        ('all_cnn_c/reflect', {'conv3': 16, 'conv6': 8, 'conv9': 8}),
        ('fitnet_mnist/hinge', {'pool1': 13, 'pool2': 6, 'pool3': 3}),
        ('unet/reflect', {'d0c': 512, 'd4c': 32, 'u3d': 64, 'score': 512}),
    ],
)
def test_extents(name, last):
    shapes = cost(MODELS[name].deploy, input_shape(MODELS[name])).shapes
    for blob, size in last.items():
        assert shapes[blob][2:] == (size, size)


CONVOLUTIONS = [
    f'conv{block}_{index}'
    for block, last in ((1, 5), (2, 6), (3, 6))
    for index in range(1, last + 1)
]
NAMES = [
    ('fitnet4/relu', [*CONVOLUTIONS, 'ip1', 'clf']),
    ('fitnet4/maxout', [*CONVOLUTIONS, 'ip1', 'clf']),
    ('caffenet', ['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc6', 'fc7', 'fc8']),
    ('lenet', ['conv1', 'conv2', 'ip1', 'ip2']),
    (
        'unet',
        [
            'conv_d0a-b',
            'conv_d0b-c',
            'conv_d1a-b',
            'conv_d1b-c',
            'conv_d2a-b',
            'conv_d2b-c',
            'conv_d3a-b',
            'conv_d3b-c',
            'conv_d4a-b',
            'conv_d4b-c',
            'upconv_d4c_u3a',
            'conv_u3b-c',
            'conv_u3c-d',
            'upconv_u3d_u2a',
            'conv_u2b-c',
            'conv_u2c-d',
            'upconv_u2d_u1a',
            'conv_u1b-c',
            'conv_u1c-d',
            'upconv_u1d_u0a',
            'conv_u0b-c',
            'conv_u0c-d',
            'conv_u0d-score',
        ],
    ),
]


@pytest.mark.parametrize(('name', 'layers'), NAMES, ids=[case[0] for case in NAMES])
def test_names_of_the_layers_with_weights(name, layers):
    weighted = ('Convolution', 'Deconvolution', 'InnerProduct')
    for net in (MODELS[name].deploy, MODELS[name].train_val):
        assert [layer.name for layer in net.layer if layer.type in weighted] == layers


@pytest.mark.parametrize('kind', ['train_val', 'deploy'])
@pytest.mark.parametrize('name', MODELS)
def test_a_net_is_well_formed(name, kind):
    """In either phase every name is used once, every bottom exists, and only two types are neither
    Caffe's nor of the fork that the net comes from."""
    net = read_net(make_models.MODELS / name / f'{kind}.prototxt')
    for phase in (TRAIN, TEST):
        layers = [layer for layer in net.layer if in_phase(layer, phase)]
        assert len({layer.name for layer in layers}) == len(layers)
        tops = set()
        for layer in layers:
            assert set(layer.bottom) <= tops, layer.name
            tops |= set(layer.top)
    assert {layer.type for layer in net.layer if has_own_fields(layer)} <= OURS | FORKS


def in_phase(layer: LayerParameter, phase):
    return all(rule.phase == phase for rule in layer.include)


def has_own_fields(layer: LayerParameter):
    """Whether the layer has fields that BVLC Caffe does not know."""
    fields = [field for field, _ in layer.ListFields() if field.name != 'origin']
    return any(field.number > 1000 for field in fields)


@pytest.mark.parametrize('name', MODELS)
def test_a_solver_is_well_formed(name):
    solver = read_solver(make_models.MODELS / name / 'solver.prototxt')
    assert solver.net == f'models/{name}/train_val.prototxt'
    assert (make_models.MODELS.parent / solver.net).is_file()
    assert solver.max_iter > 0 and solver.base_lr > 0
    assert len(solver.test_iter) == int(name not in UNTESTED)
    last = {'multistep': max(solver.stepvalue, default=0), 'step': solver.stepsize}.get(
        solver.lr_policy, 0
    )
    assert last < solver.max_iter


def test_the_solvers_of_the_papers():
    """Settings as published, where a mistake would change an experiment."""
    fitnet = read_solver(make_models.MODELS / 'fitnet4/relu/solver.prototxt')
    assert fitnet == parse_solver("""
        net: "models/fitnet4/relu/train_val.prototxt"
        test_iter: 100 test_interval: 1000 base_lr: 0.01
        momentum: 0.9 weight_decay: 0.0005 lr_policy: "multistep" gamma: 0.1
        stepvalue: 40000 stepvalue: 60000 stepvalue: 80000
        display: 100 max_iter: 90000 snapshot: 10000
        snapshot_prefix: "fitnet4_relu" solver_mode: CPU""")
    mnist = read_solver(make_models.MODELS / 'fitnet_mnist/softmax/solver.prototxt')
    assert (mnist.type, round(mnist.base_lr, 6), round(mnist.rms_decay, 6)) == (
        'RMSProp',
        0.002,
        0.99,
    )
    assert (mnist.stepsize, mnist.max_iter, mnist.momentum) == (15000, 50000, 0)


# ---- An outside oracle ----

OPENCV = [
    'lenet',
    'cifar10_quick',
    'nin_cifar10',
    'all_cnn_c',
    'fitnet1/tanh',
    'fitnet4/relu',
    'fitnet4/bn_after_relu',
    'fitresnet4/vlrelu',
    'squeezenet',
    'googlenet',
]


@pytest.mark.parametrize('name', OPENCV)
def test_opencv_agrees(name):
    """OpenCV's Caffe importer takes weights of our shapes and finds our output shape and MACs."""
    check_with_opencv(MODELS[name].deploy, [1, *input_shape(MODELS[name])[1:]])


def test_opencv_agrees_on_a_thin_unet(monkeypatch):
    monkeypatch.setattr(unet, 'WIDTHS', (8, 16, 32, 64, 128))
    check_with_opencv(unet.models()[0].deploy, [1, 1, 32, 48])


def check_with_opencv(deploy, shape):
    dnn = pytest.importorskip('cv2').dnn
    net = NetParameter.FromString(deploy.SerializeToString())
    net.layer[0].input_param.shape[0].dim[:] = shape
    total = cost(net, shape)
    weights = with_weights(net, total).SerializeToString()
    importer = dnn.readNetFromCaffe(as_bytes(make_models.prototxt(net).encode()), as_bytes(weights))
    importer.setInput(np.zeros(shape, np.float32))
    assert importer.forward().shape == total.shapes[net.layer[-1].top[0]]
    assert total.macs < importer.getFLOPS(shape) / 2 < 1.1 * total.macs


def as_bytes(data):
    return np.frombuffer(data, np.uint8)


def with_weights(net, total):
    net = NetParameter.FromString(net.SerializeToString())
    for layer in net.layer:
        for shape in param_shapes(layer, total.shapes[layer.bottom[0]]) if layer.bottom else ():
            layer.blobs.add(shape={'dim': shape}, data=np.full(prod(shape), 0.01, np.float32))
    return net


def test_the_engine_agrees():
    """The shapes of blobs and parameters in a Net are those that the table was counted from."""
    for name in (
        'lenet',
        'fitnet1/maxout',
        'fitresnet4/relu',
        'fitnet4/bn_before_tanh',
        'all_cnn_c/reflect',
        'squeezenet',
        'googlenet',
    ):
        deploy = NetParameter.FromString(MODELS[name].deploy.SerializeToString())
        if unknown := {layer.type for layer in deploy.layer} - set(LAYERS):
            pytest.skip(f'no layer yet: {unknown}')
        shape = [1, *input_shape(MODELS[name])[1:]]
        deploy.layer[0].input_param.shape[0].dim[:] = shape
        net, total = Net(deploy, TEST), cost(deploy, shape)
        assert {blob: net.blobs[blob].shape for blob in total.shapes} == total.shapes
        for layer in deploy.layer[1:]:
            shapes = [param.shape for param in net.params.get(layer.name, [])]
            assert shapes == param_shapes(layer, total.shapes[layer.bottom[0]]), (
                f'{name}: {layer.name}'
            )


def test_the_text_is_read_back_as_the_same_net():
    for model in MODELS.values():
        net = parse_net(make_models.prototxt(model.train_val))
        for layer in net.layer:
            layer.ClearField('origin')
        assert net == model.train_val, model.name
