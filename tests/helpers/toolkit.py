"""What the tests of the command line tools share: small nets, small data, and running a tool in
this process."""

import json
import shutil

import golden
import numpy as np
import pytest
from goodinit.tools.init_net import main as init
from goodinit.tools.lint import lint

FILLED = 'weight_filler { type: "gaussian" std: 0.3 }'
CONV = f'num_output: 4 kernel_size: 3 {FILLED} bias_filler {{ type: "constant" value: 0.1 }}'
IP = f'inner_product_param {{ num_output: 5 {FILLED} }}'
SHAPE = 'shape { dim: 2 dim: 3 dim: 8 dim: 8 }'
IMAGES = f'layer {{ name: "data" type: "Input" top: "data" input_param {{ {SHAPE} }} }}'
BODY = f"""
layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param {{ {CONV} }} }}
layer {{ name: "relu" type: "ReLU" bottom: "conv" top: "conv" }}
layer {{ name: "drop" type: "Dropout" bottom: "conv" top: "conv" }}
layer {{ name: "ip" type: "InnerProduct" bottom: "conv" top: "ip" {IP} }}"""
LOSS = '\nlayer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }'
PROB = 'layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }'
DEPLOY = f'name: "Small"\n{IMAGES}{BODY}\n{PROB}\n'


def train_val(source='no_such_lmdb', transform='', kind='Data', param='data_param'):
    """The same net fed by a data layer."""
    backend = 'backend: LMDB' if kind == 'Data' else ''
    return (
        f'name: "Small"\nlayer {{ name: "images" type: "{kind}" top: "data" top: "label" '
        f'include {{ phase: TRAIN }} transform_param {{ {transform} }} '
        f'{param} {{ source: "{source}" batch_size: 3 {backend} }} }}{BODY}{LOSS}\n'
    )


def written(folder, text=DEPLOY, name='net.prototxt'):
    """The path of a file with this text."""
    path = folder / name
    path.write_text(text)
    return str(path)


def samples(folder, shape=(40, 3, 8, 8), name='x.npy', seed=0):
    """The path of an .npy file of normal numbers."""
    np.save(folder / name, np.random.default_rng(seed).normal(size=shape).astype(np.float32))
    return str(folder / name)


def fails(main, arguments, capsys):
    """The one line that a tool writes when it fails, without its own name."""
    assert main([*map(str, arguments)]) == 1
    out, err = capsys.readouterr()
    assert out == '' and err.count('\n') == 1, out + err
    return err.partition(': ')[2]


def json_of(main, arguments, capsys):
    """What a tool prints with --json."""
    assert main([*map(str, arguments), '--json']) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def found(folder, text, name='net.prototxt'):
    """What goodinit lint finds in a file with this text, which lies in the current folder."""
    written(folder, text, name)
    return [str(finding) for finding in lint(name)]


def with_solver(folder):
    """The folder, with a small solver, its net, weights and data."""
    pytest.importorskip('h5py')
    for name in (
        'solver.prototxt',
        'net.prototxt',
        'init.caffemodel',
        'train.h5',
        'test.h5',
        'train.txt',
        'test.txt',
    ):
        shutil.copy(golden.HERE / 'cli' / name, folder)
    return folder


def initialized(folder, *arguments, text=DEPLOY):
    """Initialize a small net on normal numbers; the path of the caffemodel."""
    out = folder / 'out.caffemodel'
    proto, data = written(folder, text), samples(folder)
    assert init(['--proto', proto, '--data', data, '--out', str(out), '--quiet', *arguments]) == 0
    return out
