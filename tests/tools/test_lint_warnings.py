"""goodinit lint: what is surely a mistake, or of no effect, though it can be built."""

import pytest
from goodinit.netlib.data.databases import create_database
from goodinit.proto.caffe_pb2 import Datum
from goodinit.tools.lint import lint
from toolkit import BODY, DEPLOY, IMAGES, LOSS, found, train_val

LABEL = '\nlayer { name: "label" type: "Input" top: "label" input_param { shape { dim: 2 } } }'
FED = IMAGES + LABEL + BODY
SOFTMAX = '\nlayer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }'
TWO_NAMES = DEPLOY.replace('name: "ip"', 'name: "conv"')
NETS = [
    (
        FED + SOFTMAX + LOSS.replace('"ip"', '"prob"'),
        [
            "9: layer 'loss' (SoftmaxWithLoss): bottom 'prob': "
            "found the top of the Softmax 'prob', "
            'needed what goes into that one: SoftmaxWithLoss applies it by itself'
        ],
    ),
    (
        FED + LOSS + '\nlayer { name: "t" type: "TanH" bottom: "conv" top: "t" }',
        [
            "9: layer 't' (TanH): top 't': no layer reads it; remove the layer in TRAIN, "
            'or end the blob in a Silence layer'
        ],
    ),
    (
        FED + LOSS + '\nlayer { name: "i" type: "InnerProduct" bottom: "conv" top: "i" '
        'inner_product_param { num_output: 2 } }',
        [
            "9: layer 'i' (InnerProduct): its parameters do not learn: "
            'no loss depends on what it makes'
        ],
    ),
    (
        DEPLOY.replace('top: "prob"', 'top: "prob" pooling_param { stride: 2 }'),
        ["8: layer 'prob' (Softmax): pooling_param: found, but a Softmax layer does not read it"],
    ),
    (
        TWO_NAMES,
        [
            f'{place}: name: another layer with parameters has the same name; '
            'weights are saved and loaded by name'
            for place in ("3: layer 'conv' (Convolution)", "7: layer 'conv' (InnerProduct)")
        ],
    ),
    (
        FED.replace('top: "label"', 'top: "label" include { phase: TRAIN }'),
        [
            'the net has no loss in TRAIN, and learns nothing; '
            'needed: a loss layer, or a loss_weight'
        ],
    ),
    (
        FED.replace('type: "ReLU"', 'type: "TanH"') + LOSS,
        [
            "6: layer 'drop' (Dropout): top 'conv': is in place on the top of the TanH 'relu', "
            'whose gradient needs the overwritten values: as in Caffe, it comes out wrong; '
            'needed: a top of another name'
        ],
    ),
    (
        DEPLOY.replace('type: "Dropout"', 'type: "Dropout" dropout_param { dropout_ratio: 1 }'),
        [
            "6: layer 'drop' (Dropout): dropout_ratio: found 1, needed: less than 1; "
            'nothing passes in TRAIN'
        ],
    ),
]


@pytest.mark.parametrize(('text', 'expected'), NETS)
def test_nets(text, expected, folder):
    assert [line.replace('warning: ', '') for line in found(folder, text)] == [
        f'net.prototxt:{"" if line[0].isdigit() else " "}{line}' for line in expected
    ]
    assert all(finding.warning for finding in lint('net.prototxt'))


INTENDED = [
    DEPLOY,
    FED + LOSS,
    FED + LOSS + '\nlayer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc" }',
    FED + LOSS + '\nlayer { name: "l2" type: "EuclideanLoss" bottom: "ip" bottom: "ip" top: "l2" '
    'loss_weight: 0 }',
    FED + LOSS + '\nlayer { name: "t" type: "TanH" bottom: "ip" top: "t" }'
    'layer { name: "s" type: "Silence" bottom: "t" }',
    FED + LOSS.replace('top: "loss"', 'top: "loss" propagate_down: false propagate_down: false'),
    FED
    + LOSS.replace(
        'top: "loss"', 'top: "loss" loss_param { normalization: FULL } softmax_param { axis: 1 }'
    ),
]


@pytest.mark.parametrize('text', INTENDED)
def test_what_may_be_meant(text, folder):
    assert found(folder, text) == []


def test_settings_that_a_data_layer_no_longer_reads(folder):
    with create_database('images') as database:
        database.put(
            b'0', Datum(channels=3, height=8, width=8, data=bytes(192), label=1).SerializeToString()
        )
    text = train_val('images').replace('batch_size: 3', 'batch_size: 3 mirror: true')
    (finding,) = found(folder, text)
    assert finding == (
        "net.prototxt:2: warning: layer 'images' (Data): data_param.mirror: is not read here; "
        'needed: transform_param { mirror: ... }'
    )


STEPS = f'net_param {{ {FED} {LOSS} }}\n'.replace('\n', ' ') + '\nbase_lr: 1 max_iter: 9\n'
SOLVERS = [
    (
        'lr_policy: "step" stepsize: 2',
        ['3: warning: gamma: found 0, needed: more than 0; the rate is 0 after the first step'],
    ),
    (
        'lr_policy: "fixed"\ngamma: 0.5 power: 1',
        [
            f"4: warning: {field}: lr_policy 'fixed' does not read it"
            for field in ('gamma', 'power')
        ],
    ),
    (
        'lr_policy: "multistep" gamma: 0.5\nstepvalue: 4 stepvalue: 2',
        ['4: warning: stepvalue: found 4, 2, needed: in rising order'],
    ),
    (
        'lr_policy: "fixed"\ntest_interval: 5',
        ['4: warning: test_interval: found 5, but no test_iter: nothing is tested'],
    ),
    ('lr_policy: "inv" gamma: 0.1 power: 0.75', []),
    ('lr_policy: "poly" power: 0.75', []),
    ('lr_policy: "sigmoid" gamma: -0.1 stepsize: 3', []),
    ('lr_policy: "exp" gamma: 0.9', []),
]


@pytest.mark.parametrize(('fields', 'expected'), SOLVERS)
def test_solvers(fields, expected, folder):
    assert found(folder, STEPS + fields, 'solver.prototxt') == [
        f'solver.prototxt:{line}' for line in expected
    ]


def test_a_solver_without_iterations(folder):
    text = STEPS.replace('max_iter: 9', 'lr_policy: "fixed"')
    assert found(folder, text, 'solver.prototxt') == [
        'solver.prototxt:1: warning: max_iter: needed, the number of iterations; '
        'without it there are none'
    ]


def test_a_solver_of_a_net_without_a_loss(folder):
    text = f'net_param {{ {FED} }} base_lr: 1 max_iter: 9 lr_policy: "fixed"'
    (finding,) = found(folder, text, 'solver.prototxt')
    assert 'solver.prototxt: warning: the net has no loss in TRAIN' in finding
