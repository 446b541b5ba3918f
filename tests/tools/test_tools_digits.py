"""Bundled models whose data do not exist train and are scored on digits."""

import re
import shutil

import numpy as np
import pytest
from goodinit.feeding.bundled import find_model
from goodinit.feeding.digit_training import feed_digits, use_digits
from goodinit.initializers import fill
from goodinit.solvers import Solver
from goodinit.solvers.solver_param import read_solver_param
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
    assert lines[:2] == [
        f"note: layer 'mnist' (Data): its source mnist_{kind}_lmdb does not exist (`goodinit "
        f"convert_mnist_data` makes it); using {n} of scikit-learn's 1797 digits instead"
        for kind, n in (('train', 1472), ('test', 300))
    ]
    losses = [
        float(line.split('loss ')[1].split(',')[0])
        for line in lines
        if re.match(r'iteration \d+: loss', line)
    ]
    assert losses[-1] < losses[0]
    assert score.main(['--model', 'lenet', '--weights', 'lenet_iter_10.caffemodel']) == 0
    out, err = capsys.readouterr()
    accuracy = re.fullmatch(r'accuracy = (\S+)\nloss = \S+ \(\* 1 = \S+ loss\)\n', out)[1]
    assert err.splitlines() == [lines[1]] and 0 < float(accuracy) <= 1


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
    shutil.copy(find_model('lenet', 'solver'), empty / 'my.prototxt')
    shutil.copy(find_model('lenet'), empty / 'net.prototxt')
    (empty / 'my.prototxt').write_text(
        (empty / 'my.prototxt').read_text().replace('models/lenet/train_val', 'net')
    )
    assert "layer 'mnist' (Data), net.prototxt:" in fails(main, ['--solver', 'my.prototxt'], capsys)
