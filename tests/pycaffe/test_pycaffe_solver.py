"""caffe's solvers: they train as BVLC Caffe did, on the very nets that they show."""

import os
import re

import golden
import numpy as np
import pytest
from goodinit.netlib.errors import GoodinitError
from pycaffe_nets import net, normal, written

from goodinit import caffe

CASES = {
    name.partition('/')[2].partition('_')[0]: path
    for name, path in golden.find('solvers/*_fixed.npz').items()
}
CASES['adagrad'] = golden.find('solvers/adagrad_exp.npz')['solvers/adagrad_exp']
CASES['adam'] = golden.find('solvers/adam_poly.npz')['solvers/adam_poly']
CLASSES = {
    'sgd': caffe.SGDSolver,
    'nesterov': caffe.NesterovSolver,
    'adagrad': caffe.AdaGradSolver,
    'rmsprop': caffe.RMSPropSolver,
    'adadelta': caffe.AdaDeltaSolver,
    'adam': caffe.AdamSolver,
}
NET = """layer { name: "data" type: "DummyData" top: "data"
           dummy_data_param { shape { dim: 4 dim: 3 } data_filler { type: "constant" value: 1 } } }
         layer { name: "ip" type: "InnerProduct" bottom: "data" top: "out"
           inner_product_param { num_output: 2 weight_filler { type: "gaussian" std: 1 } } }
         layer { name: "loss" type: "Reduction" bottom: "out" top: "loss" loss_weight: 1 }"""
FIELDS = (
    'net: "net.prototxt" base_lr: 0.1 lr_policy: "step" gamma: 0.5 stepsize: 2 '
    'max_iter: 4 snapshot_prefix: "s" '
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(NET)


def solver(fields='', make=caffe.SGDSolver):
    return make(written(FIELDS + fields, 'solver.prototxt'))


def of_case(case, make):
    """The solver of a recorded run at its beginning."""
    written(str(case['net']))
    out = make(written(str(case['solver']), 'solver.prototxt'))
    for blob, key in golden.keys(case, 'data/').items():
        out.net.blobs[blob].data[...] = case[key]
    for key, layer, i in golden.split_keys(case, 'init/'):
        out.net.params[layer][i].data[...] = case[key]
    return out


@pytest.mark.parametrize('get', [False, True], ids=['class', 'get_solver'])
@pytest.mark.parametrize('rule', CLASSES)
def test_trains_as_caffe_did(rule, get):
    with np.load(CASES[rule]) as case:
        s = of_case(case, caffe.get_solver if get else CLASSES[rule])
        assert type(s) is CLASSES[rule]
        for k in range(1, 4):
            s.step(1)
            for key, layer, i in golden.split_keys(case, f'iter{k}/param/'):
                golden.assert_close(key, s.net.params[layer][i].data, case[key], 1e-4, 5e-5)
        assert s.iter == 3


def test_the_class_says_the_rule_whatever_the_file_says():
    assert solver('type: "Adam"', caffe.NesterovSolver).param.type == 'Nesterov'


def test_solve_snapshot_restore():
    s = solver('snapshot: 2')
    assert (s.iter, s.lr, s.test_nets) == (0, pytest.approx(0.1), [])
    s.solve()
    assert (s.iter, s.lr) == (4, pytest.approx(0.025)) and os.path.isfile('s_iter_4.caffemodel')
    other = solver()
    other.restore('s_iter_2.solverstate')
    other.step(2)
    np.testing.assert_allclose(
        other.net.params['ip'][0].data, s.net.params['ip'][0].data, rtol=1e-6
    )
    other = solver()
    other.solve('s_iter_2.solverstate')
    assert other.iter == 4
    other.snapshot()


def test_test_nets_use_the_weights_of_the_train_net():
    s = solver('test_iter: 1 test_interval: 100')
    s.net.params['ip'][0].data[0, 0] = 55
    assert s.test_nets[0].params['ip'][0].data[0, 0] == 55
    other = net(NET)
    s.share_weights(other)
    assert other.params['ip'][0].data[0, 0] == 55


def test_apply_update():
    s = solver()
    before = s.net.params['ip'][0].data.copy()
    gradient = s.net.params['ip'][0].diff
    gradient[...] = normal(2, 3)
    expected = before - np.float32(0.1) * gradient
    s.apply_update()
    np.testing.assert_allclose(s.net.params['ip'][0].data, expected, rtol=1e-6)
    assert s.iter == 1


def test_callbacks():
    s, seen = solver(), []
    s.add_callback(
        lambda: seen.append(('start', s.iter)), lambda: seen.append(('gradients', s.iter))
    )
    s.step(2)
    assert seen == [('start', 0), ('gradients', 0), ('start', 1), ('gradients', 1)]


def test_gradients_can_be_changed_before_the_update():
    """What NCCL did, and what scripts do that clip or mask."""
    s = solver()
    before = s.net.params['ip'][0].data.copy()
    s.add_callback(lambda: None, lambda: s.net.params['ip'][0].diff.fill(0))
    s.step(1)
    np.testing.assert_array_equal(s.net.params['ip'][0].data, before)


def test_training_is_logged(capsys, monkeypatch):
    """In lines that parse_log.py and its kin find."""
    monkeypatch.delenv('GLOG_minloglevel', raising=False)
    solver('display: 2 snapshot_after_train: false').solve()
    lines = capsys.readouterr().err.splitlines()
    assert all(
        re.match(r'I\d{4} [\d:.]{15} +\d+ (sgd_)?solver\.cpp:\d+\] ', line) for line in lines
    )
    pattern = r'\] Iteration (\d+) .*loss = \S+|Train net output #0: (loss) = |(lr) = '
    shown = [re.search(pattern, line) for line in lines]
    assert [next(filter(None, match.groups())) for match in shown if match] == [
        '0',
        'loss',
        'lr',
        '2',
        'loss',
        'lr',
    ]


def test_random_seed_of_the_file():
    weights = [solver(f'random_seed: {seed}').net.params['ip'][0].data for seed in (3, 3, 4)]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).all()


def test_fields_can_be_changed():
    s = solver()
    s.param.base_lr = 0.7
    assert (s.lr, s.param.max_iter, s.param.display) == (pytest.approx(0.7), 4, 0)


def test_mistakes_are_exceptions():
    for make in (caffe.SGDSolver, caffe.get_solver):
        with pytest.raises(GoodinitError, match='iter_size must be > 0, found 0'):
            solver('iter_size: 0', make)
        with pytest.raises(GoodinitError, match=r'File not found: no\.prototxt'):
            make('no.prototxt')
    with pytest.raises(GoodinitError, match='Unknown solver type: Adamm'):
        solver('type: "Adamm"', caffe.get_solver)
