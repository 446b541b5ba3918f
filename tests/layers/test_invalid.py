"""What BVLC Caffe refuses, as recorded: ours name the layer and say the same in the words that
matter."""

import numpy as np
import pytest
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.netlib.errors import GoodinitError
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import Phase
from goodinit.tools.caffe import main as caffe
from refusals import CASES, LAYER_AT_FAULT, NET_PHRASES, NETS, RECORDED, SOLVER_PHRASES, SOLVERS

# Values that inputs must hold for the error to happen.
VALUES = {'batchreindex_out_of_range': 3}

# Tested below, with a file made for them.
ELSEWHERE = {'weights_shape_mismatch', 'weights_blob_count_mismatch'}
ACCEPTED = {'dropout_ratio_1'}  # by Caffe too


def run(case):
    """Build, fill, run and save the net: whichever step is to fail."""
    net = Net(parse_net(case['prototxt'], 'net.prototxt'), Phase.Value(case['phase']), seed=0)
    fill(net, np.random.default_rng(0))
    for name in net.inputs:
        net.blobs[name].data = VALUES.get(case['name'], 0)
    net.forward()
    net.backward()
    if case.get('when') == 'save':
        net.save('o.h5')


def test_every_recorded_case_is_accounted_for():
    assert len(RECORDED) == len(CASES) == len(NETS) + len(SOLVERS)
    assert NET_PHRASES.keys() | ELSEWHERE | ACCEPTED == NETS.keys()
    assert SOLVER_PHRASES.keys() == SOLVERS.keys()
    assert not {name for name in NET_PHRASES if not NETS[name]['aborts']}


@pytest.mark.parametrize('name', NET_PHRASES)
def test_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file, content in NETS[name].get('files', {}).items():
        (tmp_path / file).write_text(content)
    with pytest.raises(GoodinitError) as caught:
        run(NETS[name])
    message = str(caught.value)
    assert NET_PHRASES[name] in message
    assert f"layer '{LAYER_AT_FAULT.get(name, 'bad')}'" in message
    assert 'net.prototxt:' in message and '\n' not in message


@pytest.mark.parametrize('name', SOLVERS)
def test_refused_by_the_command(name, tmp_path, monkeypatch, capsys):
    """Where BVLC's command aborts, ours writes one line and returns 1."""
    monkeypatch.chdir(tmp_path)
    files = SOLVERS[name]['files'] | {'solver.prototxt': SOLVERS[name]['prototxt']}
    for file, content in files.items():
        (tmp_path / file).write_text(content)
    assert caffe(['train', '--solver=solver.prototxt']) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith('goodinit caffe: ')
    assert SOLVER_PHRASES[name].split('  ')[0] in last


def test_accepted():
    run(NETS['dropout_ratio_1'])


WEIGHTS = """
layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: 3 dim: 4 }} }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param {{ {} }} }}
"""
OTHER_SHAPE = (
    "Cannot copy param 0 weights from layer 'ip'; shape mismatch.  Source param shape is 6 4 (24); "
    "target param shape is 5 4 (20). To learn this layer's parameters from scratch rather than "
    'copying from a saved net, rename the layer.'
)
OTHER_COUNT = 'Incompatible number of blobs for layer ip'


@pytest.mark.parametrize(
    'name, stored, phrase',
    [
        ('weights_shape_mismatch', 'num_output: 6', OTHER_SHAPE),
        ('weights_blob_count_mismatch', 'num_output: 5 bias_term: false', OTHER_COUNT),
    ],
)
def test_weights_refused(name, stored, phrase, tmp_path):
    Net(parse_net(WEIGHTS.format(stored))).save(tmp_path / 'w.caffemodel')
    with pytest.raises(GoodinitError) as caught:
        Net(parse_net(NETS[name]['prototxt']), load=tmp_path / 'w.caffemodel')
    assert phrase in str(caught.value) and 'w.caffemodel' in str(caught.value)
