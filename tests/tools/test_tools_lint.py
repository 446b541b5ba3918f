"""goodinit lint: all errors at once, each at its line; nothing said of files that are right."""

import json
import os
import re

import golden
import numpy as np
import pytest
from goodinit.feeding.bundled import MODELS
from goodinit.netlib.data.databases import create_database
from goodinit.tools.lint import lint, main
from planted_errors import FIVE, PLANTED
from refusals import CASES, LAYER_AT_FAULT, NET_PHRASES, SOLVER_PHRASES
from toolkit import DEPLOY, found, train_val, written

PHRASES = {
    **NET_PHRASES,
    **SOLVER_PHRASES,
    'solver_net_missing': "'nosuch.prototxt' is neither a file nor a bundled model",
    'solver_solver_parse_error': 'Couldn\'t parse float: "x"',
}
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
MISSING = re.compile('no such (file or )?folder')


# -- what Caffe refuses


@pytest.mark.parametrize('name', sorted(CASES.keys() - LATER))
def test_what_caffe_refuses(name, folder):
    case = CASES[name]
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
    layer = LAYER_AT_FAULT.get(name, 'bad')
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
        if not (finding.warning and MISSING.search(finding.message))
    ] == []


# What is indeed odd about recorded nets.
ODD = {
    'nets/mnist_autoencoder_slim': 'inner_product_param: found, but a ',
    'layers/Split/loss_weight_on_split_blob': "top 'g': no layer reads it",
    'layers/_mechanisms/inplace_chain': (
        "is in place on the top of the ReLU 'r', whose gradient needs the overwritten values"
    ),
    'layers/_mechanisms/unused_branch_no_backward': (
        'its parameters do not learn: no loss depends on what it makes'
    ),
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


def test_five_planted_errors(folder):
    findings = found(folder, FIVE)
    assert len(findings) == 5
    assert all(line.startswith(planted) for line, planted in zip(findings, PLANTED, strict=True))


# -- other files

OLD = """layers { layer { name: "d" type: "relu" kernelsize: 3 } bottom: "x" top: "d" }
input: "x" input_dim: 1 input_dim: 1 input_dim: 5 input_dim: 5"""


def test_old_formats(folder):
    assert found(folder, OLD) == [
        "net.prototxt:1: warning: layer 'd' (relu): Unknown parameter kernelsize "
        'for layer type relu: left out'
    ]
    assert found(folder, OLD + ' layer { name: "new" }') == [
        'net.prototxt: a net has either `layer` or the older `layers`, and this one has both '
        '(at net.prototxt:2 and net.prototxt:1): upgrade the `layers` first'
    ]


# -- data


def test_data_that_are_not_here(folder):
    """Their shape is told by the prototxt or by the user; else the layers above them are left
    alone."""
    text = train_val(transform='crop_size: 8').replace('num_output: 4', 'num_output: 0')
    findings = found(folder, text)
    missing = (
        "net.prototxt:2: warning: layer 'images' (Data): "
        'database no_such_lmdb: no such file or folder'
    )
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
        len(findings) == 1 and 'warning' not in findings[0] and 'not a Datum message' in findings[0]
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
    assert 'a binary file; needed: the text of a net or solver' in str(lint('binary')[0])
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
        f"net.prototxt:9: layer 'p' (Python): its code at {folder}/linted_layer.py:4 "
        'raised ValueError: two',
        "net.prototxt:10: layer 'p' (Python): module 'nosuch': No module named 'nosuch'; "
        'put its folder on PYTHONPATH',
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
