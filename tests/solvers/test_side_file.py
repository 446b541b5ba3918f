"""The side file of a snapshot: what layers remember comes back from it, and only into the nets that
it belongs to."""

import re
from collections import deque

import golden
import killed_training as killed
import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.errors import SolverError
from goodinit.proto import read_solver_state
from goodinit.proto.caffe_pb2 import Phase
from goodinit.solvers import Solver, side_file
from goodinit.solvers.solver_nets import SolverNets
from goodinit.solvers.state import TrainingState
from killed_training import make_solver


@pytest.fixture
def folder(folder):
    """The current folder, with a solver and what it reads."""
    killed.write_training(folder, 12)
    return folder


TYPES = {name.split('/')[1]: path for name, path in golden.find('layers/[A-Z]*/*.npz').items()}


@pytest.mark.parametrize('type', TYPES)
def test_the_state_of_every_layer_survives_the_file(type, tmp_path):
    """What a layer remembers comes back as it was, whatever it is made of, into a net of another
    seed."""
    with np.load(TYPES[type]) as case:
        nets = [
            Net(golden.net_of(TYPES[type]), Phase.Value(str(case['phase'])), seed=seed)
            for seed in (0, 1)
        ]
        nets[0].forward()
    path = str(tmp_path / 'x')
    side_file.write(side_file.layers_of(SolverNets(nets[0], [])), [], 1, path, [])
    side_file.restore(side_file.read(path), SolverNets(nets[1], []), TrainingState([], deque()))
    ours, theirs = ([layer.state() for layer in net.layers] for net in nets)
    np.testing.assert_equal(ours, theirs)


def test_parameters_of_a_test_net_alone_are_kept(folder):
    extra = (
        'layer { name: "own" type: "InnerProduct" bottom: "rows" top: "own" '
        'include { phase: TEST } '
        'inner_product_param { num_output: 2 weight_filler { type: "gaussian" } } }'
    )
    (folder / 'net.prototxt').write_text(killed.NET + extra)
    solver = make_solver()
    solver.step(1)
    resumed = Solver('solver.prototxt')
    resumed.restore('run_iter_1.solverstate')
    ours, theirs = (each.test_nets[0].params['own'][0].data for each in (resumed, solver))
    assert ours.any()
    np.testing.assert_array_equal(ours, theirs)
    assert read_solver_state('run_iter_1.solverstate').iter == 1


# -- of something else


def test_a_side_file_of_another_snapshot(folder):
    make_solver().step(2)
    (folder / 'run_iter_1.resume').rename(folder / 'run_iter_2.resume')
    message = (
        'run_iter_2.resume belongs to other files than run_iter_2.caffemodel: delete it to '
        'resume as Caffe does, with the data from the start'
    )
    with pytest.raises(SolverError, match=re.escape(message)):
        make_solver().restore('run_iter_2.solverstate')


@pytest.mark.parametrize(
    'old, new, fields, message',
    [
        ('', '', 'test_iter: 1', 'found 1 test nets, needed 2'),
        (
            'name: "cont"',
            'name: "other"',
            '',
            "found layer 'cont' (DummyData), needed 'other' (DummyData)",
        ),
        (
            'name: "Forgetful"',
            'layer { name: "more" type: "Input" top: "more" input_param { shape { dim: 1 } } }',
            '',
            'found 12 layers, needed 13',
        ),
    ],
)
def test_a_side_file_of_other_nets(old, new, fields, message, folder):
    make_solver().step(1)
    (folder / 'net.prototxt').write_text(
        (folder / 'net.prototxt').read_text().replace(old, new) if old else killed.NET
    )
    with pytest.raises(
        SolverError,
        match=re.escape(f'run_iter_1.resume belongs to other nets: {message}: delete it'),
    ):
        make_solver(fields).restore('run_iter_1.solverstate')


def test_a_state_of_a_layer_that_does_not_fit(folder):
    make_solver().step(1)
    document = side_file.read('run_iter_1.resume')
    del document['nets'][0][0]['state']
    with pytest.raises(
        SolverError,
        match=r"state of layer 'images' \(ImageData\) does not fit: KeyError\('state'\)",
    ):
        solver = make_solver()
        side_file.restore(document, solver.nets, solver.state)
