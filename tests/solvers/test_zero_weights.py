"""A solver fills its nets as Caffe does, says which weights never learn, and shows itself."""

import re
import warnings

import numpy as np
import pytest
from goodinit.initializers import fill
from goodinit.proto import parse_solver
from goodinit.solvers import Solver
from goodinit.tools import lint, stats
from goodinit.tools.train import main as train
from toolkit import found, json_of

GAUSSIAN = 'weight_filler { type: "gaussian" std: 0.3 }'
NOTE = 'layers c1, ip have no weight_filler: their weights are 0 and never learn'


def net_text(first='', last=''):
    return f"""name: "small"
layer {{ name: "data" type: "DummyData" top: "data" top: "label" dummy_data_param {{
  shape {{ dim: 8 dim: 4 }} shape {{ dim: 8 }}
  data_filler {{ type: "gaussian" std: 1 }} data_filler {{ type: "constant" }} }} }}
layer {{ name: "c1" type: "InnerProduct" bottom: "data" top: "c1"
  inner_product_param {{ num_output: 5 {first} }} }}
layer {{ name: "r1" type: "ReLU" bottom: "c1" top: "c1" }}
layer {{ name: "ip" type: "InnerProduct" bottom: "c1" top: "ip"
  inner_product_param {{ num_output: 3 {last} bias_filler {{ type: "constant" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}
"""


def solver_of(net, fields='', **options):
    text = f'net_param {{ {net} }} base_lr: 1e-5 lr_policy: "fixed" max_iter: 40 display: 20'
    return Solver(parse_solver(f'{text} snapshot_after_train: false {fields}'), **options)


def weights(net):
    return [param.data.copy() for param in net.all_params()]


# -- filling


def test_without_more_the_fillers_fill():
    solver = solver_of(net_text(GAUSSIAN, GAUSSIAN), 'test_iter: 1 test_interval: 50')
    first, *_ = weights(solver.net)
    assert first.std() == pytest.approx(0.3, rel=0.4)
    (test,) = solver.test_nets
    np.testing.assert_array_equal(test.params['c1'][0].data, first)


def test_a_seed_decides_what_they_fill():
    def filled(fields='', **options):
        return weights(solver_of(net_text(GAUSSIAN, GAUSSIAN), fields, **options).net)[0]

    np.testing.assert_array_equal(filled('random_seed: 3'), filled(seed=3))
    assert (filled('random_seed: 3') != filled('random_seed: 3', seed=4)).any()
    assert (filled() != filled()).any()
    given = filled(fill=lambda net: fill(net, np.random.default_rng(3)))
    np.testing.assert_array_equal(given, filled('random_seed: 3'))


def test_weights_of_a_file_replace_what_was_filled(tmp_path):
    saved = tmp_path / 'w.caffemodel'
    trained = solver_of(net_text(GAUSSIAN, GAUSSIAN)).net
    trained.save(saved)
    ours = weights(solver_of(net_text(GAUSSIAN, GAUSSIAN), f'weights: "{saved}"').net)
    for one, other in zip(ours, weights(trained), strict=True):
        np.testing.assert_array_equal(one, other)


# -- weights that never learn


def test_they_are_warned_of_once_before_training():
    solver = solver_of(net_text())
    with pytest.warns(UserWarning) as told:
        solver.step(1)
        solver.step(1)
    assert [str(each.message) for each in told] == [
        f'{NOTE}; needed: a weight_filler such as {{ type: "msra" }}, or weights from data '
        '(goodinit train --init lsuv, goodinit.initialize)'
    ]
    assert told[0].filename == __file__


def test_weights_that_a_program_sets_are_not_warned_of():
    solver = solver_of(net_text())
    solver.net.params['c1'][0].data = 0.1
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        solver.step(1)


@pytest.fixture
def zeros(tmp_path, monkeypatch):
    """A solver file whose net has no fillers, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'net.prototxt').write_text(net_text())
    (tmp_path / 'solver.prototxt').write_text(
        'net: "net.prototxt" base_lr: 1e-5 lr_policy: "fixed" max_iter: 40 display: 10 '
        'snapshot_after_train: false'
    )
    return tmp_path


@pytest.mark.filterwarnings('always')
def test_train_says_so_and_that_the_loss_stays(zeros, capsys):
    assert train(['--solver', 'solver.prototxt']) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[1].startswith(f'warning: {NOTE}; needed: a weight_filler')
    still = [line for line in lines if line.startswith('note: ')]
    assert still == [
        'note: the loss has moved by less than 1% since iteration 0: the weights of c1, ip are 0 '
        'and never learn'
    ]
    assert train(['--solver', 'solver.prototxt', '--init', 'lsuv']) == 0
    assert 'never learn' not in capsys.readouterr().err


def test_a_loss_that_stays_for_other_reasons_is_not_explained(zeros, capsys):
    (zeros / 'net.prototxt').write_text(net_text(GAUSSIAN, GAUSSIAN))
    assert train(['--solver', 'solver.prototxt']) == 0
    assert 'note: the loss' not in capsys.readouterr().err


def test_stats_says_so(zeros, capsys):
    notes = json_of(stats.main, ['--proto', 'net.prototxt'], capsys)['notes']
    assert f'{NOTE} (goodinit init gives them weights)' in notes
    (zeros / 'net.prototxt').write_text(net_text(GAUSSIAN))
    notes = json_of(stats.main, ['--proto', 'net.prototxt'], capsys)['notes']
    assert not [note for note in notes if 'never learn' in note]


def test_lint_says_so(zeros):
    expected = (
        "net.prototxt:5: warning: layer 'c1' (InnerProduct): "
        f'{NOTE} (weight_filler {{ type: "msra" }}, or train --init lsuv)'
    )
    assert found(zeros, net_text()) == [expected]
    assert [str(finding) for finding in lint.lint('solver.prototxt')] == [expected]
    assert found(zeros, net_text(GAUSSIAN)) == []
    only = found(zeros, net_text('', GAUSSIAN))
    assert len(only) == 1 and 'layer c1 has no weight_filler: its weights are 0' in only[0]


# -- what is shown


def test_a_solver_shows_as_a_table():
    solver = solver_of(net_text(GAUSSIAN, GAUSSIAN))
    lines = repr(solver).splitlines()
    assert lines[0] == 'Solver, SGD: iteration 0 of 40, rate 1e-05'
    assert re.fullmatch(r"Net 'small' in TRAIN: 5 layers, 43 parameters", lines[1])
    assert '<td>SoftmaxWithLoss</td>' in solver._repr_html_()
