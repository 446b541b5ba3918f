"""Bundled models whose data do not exist train and are scored on digits."""

import re

import numpy as np
import pytest
from goodinit.feeding.bundled import find_model
from goodinit.feeding.digit_training import feed_digits, use_digits
from goodinit.initializers import fill
from goodinit.solvers import Solver
from goodinit.solvers.solver_param import read_solver_param
from goodinit.tools import models
from goodinit.tools import test as score
from goodinit.tools.train import main
from toolkit import fails


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_bundled_solver_learns_digits(empty, capsys):
    assert main(['--solver', 'lenet', '--iterations', '10']) == 0
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert lines[0] == (
        'note: mnist_train_lmdb and mnist_test_lmdb (made by `goodinit convert_mnist_data`) do not '
        "exist; using 1472 and 300 of scikit-learn's 1797 digits instead"
    )
    losses = [
        float(line.split('loss ')[1].split(',')[0])
        for line in lines
        if re.match(r'iteration \d+: loss', line)
    ]
    assert losses[-1] < losses[0]
    assert score.main(['--model', 'lenet', '--weights', 'lenet_iter_10.caffemodel']) == 0
    out, err = capsys.readouterr()
    accuracy = re.fullmatch(r'accuracy = (\S+)\nloss = \S+ \(\* 1 = \S+ loss\)\n', out)[1]
    assert err.splitlines() == [
        'note: mnist_test_lmdb (made by `goodinit convert_mnist_data`) does not exist; '
        "using 300 of scikit-learn's 1797 digits instead"
    ]
    assert 0 < float(accuracy) <= 1


def test_digits_go_on_where_they_were(empty):
    path = find_model('lenet', 'solver')
    param = read_solver_param(path)
    digits = use_digits(param, path)
    param.iter_size, param.max_iter, param.snapshot, param.random_seed = 2, 4, 2, 1
    whole, resumed = (
        Solver(param, fill=lambda net: fill(net, np.random.default_rng(0))) for _ in range(2)
    )
    for solver, start in ((whole, None), (resumed, 'lenet_iter_2.solverstate')):
        feed_digits(solver, digits)
        solver.solve(start)
    for ours, theirs in zip(resumed.learnable, whole.learnable, strict=True):
        np.testing.assert_array_equal(ours.data, theirs.data)


def test_digits_cannot_replace_everything(empty, capsys):
    assert fails(main, ['--solver', 'unet'], capsys).endswith(
        'isbi2012_train_label_lmdb does not exist, and digits cannot replace '
        "'label', 1 x 1 x 512 x 512\n"
    )


def test_a_solver_of_ones_own_wants_its_data(empty, capsys):
    assert models.main(['lenet', '--copy', 'mine']) == 0
    capsys.readouterr()
    said = fails(main, ['mine/solver.prototxt'], capsys)
    assert re.search(r"layer 'mnist' \(Data\), mine/train_val.prototxt:\d+: database", said)
    assert said.endswith("(--digits trains on scikit-learn's digits instead)\n")


def test_a_solver_of_ones_own_may_ask_for_digits(empty, capsys):
    assert models.main(['lenet', '--copy', 'mine']) == 0
    solver = 'mine/solver.prototxt'
    assert main([solver, '--digits', '--iterations', '1']) == 0
    assert "using 1472 and 300 of scikit-learn's 1797 digits" in capsys.readouterr().err
    weights = ['--weights', 'lenet_iter_1.caffemodel']
    assert score.main(['mine/train_val.prototxt', *weights, '--digits']) == 0
    assert "using 300 of scikit-learn's 1797 digits" in capsys.readouterr().err


def test_without_data_that_digits_replace_nothing_is_offered(empty, capsys):
    assert models.main(['unet', '--copy', 'mine']) == 0
    capsys.readouterr()
    assert '--digits' not in fails(main, ['mine/solver.prototxt'], capsys)
