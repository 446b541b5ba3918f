"""goodinit lint: all errors at once, each at its line; nothing said of files that are right."""

import json
import os

import golden
import numpy as np
import pytest
import test_invalid
import test_solver_fields
from goodinit.feeding.bundled import MODELS
from goodinit.netlib.data.databases import create_database
from goodinit.tools.lint import lint, main
from toolkit import BODY, DEPLOY, IMAGES, LOSS, found, train_val, written

INVALID = {case['name']: case for case in golden.read_json('upgrade/invalid.json')}
PHRASES = (
    test_invalid.PHRASES
    | test_solver_fields.PHRASES
    | {
        'solver_net_missing': "'nosuch.prototxt' is neither a file nor a bundled model",
        'solver_solver_parse_error': 'Couldn\'t parse float: "x"',
    }
)
# What only happens when a net runs, saves or loads, on values and files that lint does not have.
LATER = {
    'pool_stochastic_cpu',
    'accuracy_force_backward',
    'filter_force_backward',
    'infogain_3_bottoms_force_backward',
    'batchreindex_out_of_range',
    'save_hdf5_layer_name_with_slash',
    'weights_shape_mismatch',
    'weights_blob_count_mismatch',
}
WARNED = {'dropout_ratio_1': 'dropout_ratio: found 1, needed: less than 1; nothing passes in TRAIN'}
MISSING = 'no such file or folder'


# -- what Caffe refuses


@pytest.mark.parametrize('name', INVALID.keys() - LATER)
def test_what_caffe_refuses(name, folder):
    case = INVALID[name]
    for file, text in case.get('files', {}).items():
        (folder / file).write_text(text)
    file = f'{case["kind"]}.prototxt'
    written(folder, case['prototxt'], file)
    findings = lint(file)
    phrase = (PHRASES | WARNED)[name].removeprefix('solver.prototxt:4:10: ')
    assert any(
        phrase in finding.message and finding.line and finding.file in (file, 'net.prototxt')
        for finding in findings
    ), findings
    layer = test_invalid.NAMED.get(name, 'bad')
    assert case['kind'] == 'solver' or all(
        finding.layer == layer or f"layer '{layer}'" in finding.message for finding in findings
    )


# -- what is right


@pytest.mark.parametrize(
    'path',
    sorted(MODELS.rglob('*.prototxt')),
    ids=lambda path: path.relative_to(MODELS).with_suffix('').as_posix(),
)
def test_bundled_models(path, folder):
    """Their data are somewhere else, which is all that there is to say."""
    assert [
        str(finding)
        for finding in lint(str(path))
        if not (finding.warning and MISSING in finding.message)
    ] == []


# What is indeed odd about recorded nets.
ODD = {
    'nets/mnist_autoencoder_slim': 'inner_product_param: found, but a ',
    'layers/Split/loss_weight_on_split_blob': "top 'g': nobody reads it",
    'layers/_mechanisms/inplace_chain': "is in place on the top of the ReLU 'r', whose gradient needs what was there",
    'layers/_mechanisms/unused_branch_no_backward': 'its parameters do not learn: no loss depends on what it makes',
}
RECORDED = {
    name: path
    for kind in ('nets/*', 'layers/*/*')
    for name, path in golden.find(f'{kind}.npz').items()
}


@pytest.mark.parametrize('kind', sorted({name.rpartition('/')[0] for name in RECORDED}))
def test_recorded_nets(kind, folder):
    for name, path in RECORDED.items():
        if name.rpartition('/')[0] == kind:
            with np.load(path) as recorded:
                findings = found(folder, str(recorded['prototxt']))
            assert all('warning: ' in line and ODD.get(name, '?') in line for line in findings), (
                name,
                findings,
            )
            assert bool(findings) == (name in ODD)


# -- all at once

FIVE = """name: "Five"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_outptu: 4 kernel_size: 3 } }
layer { name: "conv2" type: "Convolution" bottom: "data" top: "conv2"
  convolution_param { num_output: 4 kernel_size: 3 group: 2 } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool"
  pooling_param { pool: MAXX kernel_size: 2 } }
layer { name: "relu" type: "Relu" bottom: "data" top: "relu" }
layer { name: "ip" type: "InnerProduct" bottom: "dta" top: "ip" inner_product_param { num_output: 5 } }
"""
PLANTED = [
    'net.prototxt:4:23: Message type "caffe.ConvolutionParameter" has no field named "num_outptu", in layer \'conv1\' '
    "> convolution_param; did you mean 'num_output'?",
    "net.prototxt:5: layer 'conv2' (Convolution): group: 2 must divide the 3 channels of bottom 'data'",
    'net.prototxt:8:25: Enum type "caffe.PoolingParameter.PoolMethod" has no value named MAXX, in layer \'pool\' > '
    "pooling_param; it has MAX, AVE, STOCHASTIC; did you mean 'MAX'?",
    "net.prototxt:9: layer 'relu' (Relu): Unknown layer type: Relu; did you mean 'ReLU'? (known types: ",
    "net.prototxt:10: layer 'ip' (InnerProduct): Unknown bottom blob 'dta' (layer 'ip', bottom index 0); did you mean "
    "'data'?",
]


def test_five_planted_errors(folder):
    findings = found(folder, FIVE)
    assert len(findings) == 5
    assert all(line.startswith(planted) for line, planted in zip(findings, PLANTED, strict=True))


SOLVER = """net: "net.prototxt"
base_lr: 0.1
lr_policy: "stp"
type: "AdamW"
regularization_type: "L3"
iter_size: 0
average_loss: -1
test_iter: 5
snapshot_prefix: "no/such"
max_iter: 5
solver_mode: CPUU
"""
SOLVER_ERRORS = [
    "3: Unknown learning rate policy: stp; did you mean 'step'?",
    "4: Unknown solver type: AdamW; did you mean 'Adam'?",
    '5: Unknown regularization type: L3',
    '6: iter_size must be > 0',
    '7: average_loss must be > 0',
    '8: test_interval must be > 0',
    "9: Cannot write to snapshot prefix 'no/such'.",
    '11:14: Enum type ',
]


def test_a_solver_and_its_net(folder):
    written(folder, FIVE)
    findings = found(folder, SOLVER, 'solver.prototxt')
    expected = [f'solver.prototxt:{error}' for error in SOLVER_ERRORS] + PLANTED
    assert len(findings) == len(expected)
    assert all(line.startswith(start) for line, start in zip(findings, expected, strict=True)), (
        findings
    )


def test_what_follows_from_the_text_of_a_solver_is_not_said(folder):
    text = SOLVER.replace('"stp"', '"step').replace('net:', 'nets:').replace('"L3"', 'L3')
    lines = [line.split(':')[1] for line in found(folder, text, 'solver.prototxt')]
    assert lines == ['1', '1', '3', '4', '5', '6', '7', '9', '11']


def test_the_weights_of_a_solver(folder):
    text = f'net_param {{ {DEPLOY} }}\nbase_lr: 1 lr_policy: "fixed" max_iter: 1\nweights: "a.caffemodel, b"'
    assert [line.partition(' (looked')[0] for line in found(folder, text, 'solver.prototxt')][
        -2:
    ] == [
        'solver.prototxt:11: File not found: a.caffemodel',
        'solver.prototxt:11: File not found: b',
    ]


def test_the_states_of_a_solver(folder):
    """Each net is checked in the state in which the solver runs it, and the test nets against the
    train net."""
    pool = 'layer { name: "odd" type: "Pooling" bottom: "conv" top: "odd" include { stage: "odd" } pooling_param { } }'
    net = (
        f'{IMAGES}{BODY}\n{pool}\n'
        + 'layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 2 } } }'
        + LOSS
    )
    solver = (
        'base_lr: 1 lr_policy: "fixed" max_iter: 1 test_interval: 1 test_iter: 1 test_state { stage: "odd" }\n'
        f'train_net_param {{\n{net}\n}}\n'
    )
    (finding,) = found(folder, f'{solver}test_net_param {{\n{net}\n}}', 'solver.prototxt')
    line = solver.count('\n') + 1 + net[: net.index('name: "odd"')].count('\n') + 1
    assert finding.startswith(
        f"solver.prototxt:{line}: layer 'odd' (Pooling): Filter size is kernel_size OR kernel_h"
    )
    other = net.replace('num_output: 5', 'num_output: 6').replace('stage: "odd"', 'stage: "none"')
    (finding,) = found(folder, f'{solver}test_net_param {{\n{other}\n}}', 'solver.prototxt')
    assert "Cannot share param weights from layer 'ip'; shape mismatch" in finding


def test_a_net_that_the_snapshots_cannot_hold(folder):
    net = DEPLOY.replace('name: "ip"', 'name: "a/ip"')
    solver = (
        f'net_param {{\n{net}\n}} base_lr: 1 lr_policy: "fixed" max_iter: 1 snapshot_format: HDF5'
    )
    (error,) = [line for line in found(folder, solver, 'solver.prototxt') if 'warning' not in line]
    assert error.startswith("solver.prototxt:8: layer 'a/ip' (InnerProduct): ")


# -- other files

OLD = """layers { layer { name: "d" type: "relu" kernelsize: 3 } bottom: "x" top: "d" }
input: "x" input_dim: 1 input_dim: 1 input_dim: 5 input_dim: 5"""


def test_old_formats(folder):
    assert found(folder, OLD) == [
        "net.prototxt:1: warning: layer 'd' (relu): Unknown parameter kernelsize for layer type relu: left out"
    ]
    assert found(folder, OLD + ' layer { name: "new" }') == [
        'net.prototxt: a net has either `layer` or the older `layers`, and this one both (at net.prototxt:2 and '
        'net.prototxt:1): upgrade the `layers` first'
    ]


# -- data


def test_data_that_are_not_here(folder):
    """Their shape is told by the prototxt or by the user; else the layers above them are left
    alone."""
    text = train_val(transform='crop_size: 8').replace('num_output: 4', 'num_output: 0')
    findings = found(folder, text)
    missing = "net.prototxt:2: warning: layer 'images' (Data): database no_such_lmdb: no such file or folder"
    assert len(findings) == 1 and findings[0].startswith(
        f"{missing}; top 'data': its channels cannot be determined"
    )
    told = [str(finding) for finding in lint('net.prototxt', images=(3, 8, 8))]
    assert len(told) == 2 and told[0] == missing
    assert told[1].startswith(
        "net.prototxt:3: layer 'conv' (Convolution): num_output: must be positive"
    )


def test_data_that_are_wrong(folder):
    with create_database('no_such_lmdb') as database:
        database.put(b'0', b'no datum at all')
    findings = found(folder, train_val())
    assert (
        len(findings) == 1 and 'warning' not in findings[0] and 'is no Datum message' in findings[0]
    )


# -- the tool


def test_fillers_of_layers_that_no_memory_holds(folder):
    huge = DEPLOY.replace('num_output: 5', 'num_output: 2000000000').replace(
        'std: 0.3 } }', 'std: 0.3 sparse: 3 } }'
    )
    assert found(folder, huge) == []


def test_exit_status_and_summary(folder, capsys):
    written(folder, DEPLOY)
    written(folder, FIVE, 'five.prototxt')
    assert main(['net.prototxt']) == 0
    assert capsys.readouterr() == ('', 'no errors, no warnings\n')
    assert main(['net.prototxt', 'five.prototxt', 'lenet', 'nowhere']) == 1
    out, err = capsys.readouterr()
    assert err == '6 errors, 2 warnings\n' and len(out.splitlines()) == 8
    assert "nowhere: 'nowhere' is neither a file nor a bundled model" in out


def test_json(folder, capsys):
    written(folder, FIVE)
    assert main(['net.prototxt', '--json']) == 1
    out, err = capsys.readouterr()
    assert err == '' and json.loads(out)[1] == {
        'file': 'net.prototxt',
        'line': 5,
        'column': 0,
        'layer': 'conv2',
        'type': 'Convolution',
        'warning': False,
        'message': "group: 2 must divide the 3 channels of bottom 'data'",
    }


def test_files_that_are_no_prototxts(folder):
    (folder / 'binary').write_bytes(b'\0\1')
    (folder / 'empty').touch()
    assert 'a binary file, where the text of a net or solver' in str(lint('binary')[0])
    assert str(lint('empty')[0]) == "empty: net '': no layer is left in this phase and state"


def test_the_code_of_python_layers(folder, monkeypatch):
    """It runs, and its own errors are findings like others."""
    monkeypatch.syspath_prepend(folder)
    written(
        folder,
        """from goodinit.netlib.layers.host.python import PythonLayer
class Bad(PythonLayer):
    def setup(self, bottom, top):
        raise ValueError('two')""",
        'linted_layer.py',
    )
    layer = (
        'layer {{ name: "p" type: "Python" bottom: "ip" top: "{0}" '
        'python_param {{ module: "{0}" layer: "Bad" }} }}\n'
    )
    findings = found(folder, DEPLOY + layer.format('linted_layer') + layer.format('nosuch'))
    assert findings == [
        f"net.prototxt:9: layer 'p' (Python): its code at {folder}/linted_layer.py:4 raised ValueError: two",
        "net.prototxt:10: layer 'p' (Python): module 'nosuch': No module named 'nosuch'; put its folder on PYTHONPATH",
    ]
    assert main(['net.prototxt', '--no-python-layers']) == 1


def test_nothing_is_written(folder):
    written(
        folder,
        DEPLOY + 'layer { name: "out" type: "HDF5Output" bottom: "prob" bottom: "prob" '
        'hdf5_output_param { file_name: "out.h5" } }',
    )
    assert lint('net.prototxt') == [] and os.listdir() == ['net.prototxt']


def test_level_and_stages(folder):
    written(
        folder,
        DEPLOY + 'layer { name: "p" type: "Pooling" bottom: "conv" top: "p" '
        'include { stage: "x" min_level: 2 } }',
    )
    assert main(['net.prototxt']) == main(['net.prototxt', '--stage', 'x']) == 0
    assert main(['net.prototxt', '--stage', 'y,x', '--level', '2']) == 1
