"""Upgrades of old formats against what BVLC Caffe's upgrade tools wrote, and its legacy weight
files."""

import logging

import numpy as np
import places
import pytest
from goodinit.proto import (
    ProtoError,
    blob_to_array,
    needs_upgrade,
    parse_net,
    parse_solver,
    parse_text,
    read_text,
    read_weights,
    upgrade_net,
    upgrade_solver,
)
from goodinit.proto.caffe_pb2 import NetParameter, SolverParameter
from goodinit.proto.scan import without_origins

GOLDEN = places.GOLDEN / 'upgrade'
NETS = sorted(
    path.name.removesuffix('.in.prototxt') for path in (GOLDEN / 'net').glob('*.in.prototxt')
)
SOLVERS = sorted(
    path.name.removesuffix('.in.prototxt') for path in (GOLDEN / 'solver').glob('*.in.prototxt')
)
LEGACY = sorted((GOLDEN / 'legacy').glob('*.caffemodel'))
REFUSED = {
    'v0_padding_before_relu': "'r' .relu., .*:3: .*Padding layer input to non-convolutional .* "
    'type relu',
    'v0_unknown_bottom': "'r' .relu., .*Unknown bottom blob 'data'",
    'v0_unknown_type': "'r' .nosuch., .*Unknown layer name: nosuch",
    'both_type_and_solver_type': 'solver_type .* type .*give one of them',
}


def exit_code(kind, case):
    return int(read_text(GOLDEN / kind / f'{case}.log.txt').split()[1])


def parsed(kind, case, end, message):
    path = GOLDEN / kind / f'{case}.{end}.prototxt'
    return parse_text(read_text(path), message, str(path))


def equal(ours, theirs):
    with without_origins(ours), without_origins(theirs):
        return ours == theirs


@pytest.mark.parametrize('case', NETS)
def test_nets(case):
    net, problems = parsed('net', case, 'in', NetParameter()), []
    if case in REFUSED:
        assert exit_code('net', case) == -6
        with pytest.raises(ProtoError, match=REFUSED[case]):
            upgrade_net(net, problems)
        return
    upgraded = upgrade_net(net, problems)
    assert equal(upgraded, parsed('net', case, 'out', NetParameter()))
    assert bool(problems) == (exit_code('net', case) == 1)


@pytest.mark.parametrize('case', SOLVERS)
def test_solvers(case):
    solver = parsed('solver', case, 'in', SolverParameter())
    if case in REFUSED:
        assert exit_code('solver', case) == -6
        with pytest.raises(ProtoError, match=REFUSED[case]):
            upgrade_solver(solver)
        return
    assert upgrade_solver(solver) == parsed('solver', case, 'out', SolverParameter())


@pytest.mark.parametrize('path', LEGACY, ids=lambda path: path.stem)
def test_legacy_weights(path):
    net, expected = read_weights(path), np.load(path.with_suffix('.npz'))
    assert not needs_upgrade(net)
    found = {
        (layer.name, i): blob_to_array(b) for layer in net.layer for i, b in enumerate(layer.blobs)
    }
    assert ('conv', 0) in found
    for key in (key for key in expected.files if key.startswith('param/')):
        _, layer, i = key.split('/')
        values = found.get((layer, int(i)), np.zeros(expected[key].shape))
        np.testing.assert_array_equal(values.reshape(expected[key].shape), expected[key])


@pytest.mark.parametrize('case', NETS)
def test_needs_upgrade_as_caffe_says(case):
    current = 'already in latest' in read_text(GOLDEN / 'net' / f'{case}.log.txt')
    assert needs_upgrade(parsed('net', case, 'in', NetParameter())) == (not current)


def test_origins_survive():
    net = parse_net(
        '\nlayers { layer { name: "p" type: "padding" pad: 1 } bottom: "x" top: "p" }\n'
        'layers { layer { name: "c" type: "conv" } bottom: "p" top: "c" }\n'
        'layers { name: "r" type: RELU bottom: "c" top: "c" }\n'
        'input: "x" input_dim: 1 input_dim: 1 input_dim: 5 input_dim: 5',
        'old.prototxt',
    )
    assert [(layer.name, layer.origin) for layer in net.layer] == [
        ('input', ''),
        ('c', 'old.prototxt:3'),
        ('r', 'old.prototxt:4'),
    ]


INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: 3 } } }'


@pytest.mark.parametrize(
    ('fields', 'shapes'),
    [
        (f'input: "x" {INPUT} layer {{ name: "r" bottom: "x" }}', [[3]]),
        (f'input: "unread" {INPUT}', [[3]]),
        ('input: "x"' + ' input_dim: 5' * 6, [[5, 5, 5, 5]]),
        ('input: "x" input_shape { dim: 3 } input_shape { dim: 4 }', [[3]]),
        ('input: "x" input_shape { dim: 3 } input_dim: 5', [[3]]),
    ],
)
def test_inputs_that_caffe_drops(fields, shapes):
    """Without a shape beside a layer that makes the blob; shapes beyond the inputs."""
    net = parse_net(fields)
    assert not (net.input or net.input_shape or net.input_dim)
    assert [list(shape.dim) for shape in net.layer[0].input_param.shape] == shapes


def test_parameter_settings_of_v1():
    net = parse_net(
        'layers { name: "c" type: CONVOLUTION param: "w" blob_share_mode: PERMISSIVE '
        'blobs_lr: 1 blobs_lr: 2 weight_decay: 0.5 }'
    )
    weight, bias = net.layer[0].param
    assert (weight.name, weight.share_mode, weight.lr_mult, weight.decay_mult) == ('w', 1, 1, 0.5)
    assert (bias.lr_mult, bias.HasField('decay_mult')) == (2, False)


@pytest.mark.parametrize(
    'text, message',
    [
        (
            'layer { name: "a" }\nlayers { name: "b" }',
            'either `layer` or the older `layers`.*n:1 and n:2',
        ),
        ('input: "x" input_dim: 1 input_dim: 2', '1 `input` need.*0 input_shape and 2 input_dim'),
        ('input: "x"\nlayer { name: "r" bottom: "x" }', '1 `input` need'),
        ('input: "x" input: "y" input_shape { dim: 1 }', '2 `input` need.*1 input_shape'),
        (
            'layers { layer { name: "p" type: "padding" } top: "p" }\n'
            'layers { layer { name: "c" type: "conv" } bottom: "p" top: "c" }',
            "'c'.*n:2.*one bottom each",
        ),
        (
            'layers { layer { name: "c" type: "convv" } }',
            "Unknown layer name: convv; did you mean 'conv'",
        ),
    ],
)
def test_refused(text, message):
    with pytest.raises(ProtoError, match=message):
        parse_net(text, 'n')


def test_inputs_without_shapes_are_dropped_from_weights():
    net = NetParameter(name='n', input=['data'], layer=[{'name': 'ip', 'blobs': [{}]}])
    assert [layer.name for layer in upgrade_net(net).layer] == ['ip']


def test_what_a_v0_layer_cannot_have_is_logged(caplog):
    with caplog.at_level(logging.WARNING):
        parse_net('layers { layer { name: "r" type: "relu" kernelsize: 3 } }', 'n')
    assert "layer 'r' (relu), n:1: Unknown parameter kernelsize for layer type relu" in caplog.text


def test_nets_inside_a_solver_are_upgraded():
    solver = parse_solver(
        'train_net_param {\n layers { name: "r" type: RELU } }\n'
        'test_net_param { layers { name: "s" type: TANH } }',
        's',
    )
    train, test = solver.train_net_param.layer[0], solver.test_net_param[0].layer[0]
    assert (train.type, train.origin, test.type, test.origin) == ('ReLU', 's:2', 'TanH', 's:3')
    assert not solver.HasField('net_param')
