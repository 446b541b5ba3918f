"""Reading the logs of trainings: recorded ones of BVLC's `caffe`, our own, old and damaged ones."""

import math
import os
import re
import shutil
from datetime import datetime

import golden
import numpy as np
import pytest
from goodinit.netlib.errors import DataError
from goodinit.solvers.log.reader import read_log
from goodinit.tools import caffe, train
from toolkit import written
from training_logs import NEW, OLD, OLDEST, line

RUNS = {run['name']: run for run in golden.read_json('cli/index.json')}
RECORDED = {
    name: path
    for key, path in golden.find('cli/*.stderr.txt').items()
    if (name := key.split('/')[1].removesuffix('.stderr')) in RUNS
    and (RUNS[name]['loss'] or RUNS[name]['test_outputs'])
}
OURS = [
    name
    for name, run in RUNS.items()
    if (run['loss'] or run['test_outputs']) and not name.startswith('sigint')
]
# What BVLC's parse_log.py looks for.
PUBLISHED = {
    'iter': r'Iteration (\d+)',
    'lr': r'lr = ([-+]?[0-9]*\.?[0-9]+([eE]?[-+]?[0-9]+)?)',
    'train': r'Train net output #(\d+): (\S+) = ([\.\deE+-]+)',
    'test': r'Test net output #(\d+): (\S+) = ([\.\deE+-]+)',
}


def read(folder, text):
    return read_log(written(folder, text, 'train.log'))


def assert_as_recorded(log, case, rtol):
    """The rows have the numbers that the index of the recorded runs has."""
    losses = [(row.iter, row.loss) for row in log.train if row.outputs]
    np.testing.assert_allclose(
        np.reshape(losses, (-1, 2)), np.reshape(case['loss'], (-1, 2)), rtol=rtol
    )
    rates = {row.iter: row.lr for row in log.train}
    for i, lr in case['lr']:
        assert rates[i] == lr
    tested = [(name, value) for row in log.test for name, value in row.outputs.items()]
    assert [name for name, _ in tested] == [name for _, name, _ in case['test_outputs']]
    np.testing.assert_allclose(
        [value for _, value in tested], [value for *_, value in case['test_outputs']], rtol=rtol
    )


@pytest.mark.parametrize('name', RECORDED)
def test_recorded_logs(name):
    log = read_log(RECORDED[name])
    assert_as_recorded(log, RUNS[name], 0)
    assert log.notes == []
    seconds = [row.seconds for row in log.train]
    assert seconds == sorted(seconds) and seconds[0] > 0


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The recorded commands' working directory."""
    shutil.copytree(golden.HERE / 'cli', tmp_path, dirs_exist_ok=True)
    shutil.copytree(golden.HERE / 'io/img_lmdb', tmp_path / 'img_lmdb')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize('name', OURS)
def test_our_logs_are_read_as_bvlc_s_are(name, folder, capsys):
    pytest.importorskip('lmdb' if name == 'train_lmdb' else 'h5py')
    if name == 'train_resume':
        assert caffe.main(RUNS['train_hdf5']['args']) == 0
        (folder / 'tiny_iter_10.resume').unlink()  # BVLC reads the data from the start again
        capsys.readouterr()
    assert caffe.main(RUNS[name]['args']) == 0
    text = capsys.readouterr().err
    assert_as_recorded(read(folder, text), RUNS[name], 1e-4)
    found = {key: re.findall(pattern, text) for key, pattern in PUBLISHED.items()}
    assert [float(lr) for lr, _ in found['lr']] == [lr for _, lr in RUNS[name]['lr']]
    assert [(int(i), output) for i, output, _ in found['test']] == [
        (i, n) for i, n, _ in RUNS[name]['test_outputs']
    ]
    np.testing.assert_allclose(
        [float(value) for *_, value in found['test']],
        [value for *_, value in RUNS[name]['test_outputs']],
        rtol=1e-4,
    )
    assert len(found['train']) == len(RUNS[name]['loss'])
    assert {int(i) for i in found['iter']} >= {i for i, _ in RUNS[name]['loss']}


@pytest.mark.parametrize(
    ('text', 'outputs'), [(NEW, {'loss': 2.5}), (OLD, {'loss': 2.5}), (OLDEST, {})]
)
def test_old_and_new_forms(text, outputs, tmp_path):
    log = read(tmp_path, text)
    (row,) = log.train
    assert (row.iter, row.seconds, row.lr, row.loss, row.outputs) == (0, 2, 0.01, 2.25, outputs)
    if text != OLDEST:
        (row,) = log.test
        assert (row.seconds, row.lr, row.loss, row.outputs) == (
            1,
            0.01,
            1.25,
            {'accuracy': 0.1, 'loss': 2.5},
        )
        assert log.losses == {'loss'}


def test_lines_of_goodinit_train(folder, capsys):
    pytest.importorskip('h5py')
    assert train.main(['--solver', 'solver.prototxt', '--weights', 'init.caffemodel']) == 0
    log = read(folder, capsys.readouterr().err)
    assert [(row.iter, row.lr) for row in log.train[:-1]] == [
        (i, lr) for i, lr in RUNS['train_hdf5']['lr']
    ]
    np.testing.assert_allclose(
        [row.loss for row in log.train[:-1]], [x for _, x in RUNS['train_hdf5']['loss']], 1e-4
    )
    assert [row.iter for row in log.test] == [0, 10, 20]
    assert (
        list(log.test[0].outputs) == ['accuracy', 'loss']
        and log.test[2].outputs['accuracy'] == 0.875
    )


def test_seconds_pass_midnight_and_new_year(tmp_path):
    text = ''.join(
        line(time, text, day)
        for day, time, text in (
            ('1231', '23:59:58.000000', 'Solving LeNet'),
            ('1231', '23:59:59.500000', 'Iteration 0, loss = 2'),
            ('0101', '00:00:01.000000', 'Iteration 1, loss = 1'),
            ('0229', '00:00:00.500000', 'Iteration 2, loss = 1'),
            ('0301', '00:00:00.500000', 'Iteration 3, loss = 1'),
        )
    )
    path = written(tmp_path, text, 'train.log')
    for year, days in ((2024, 1), (2023, 0)):  # 2024 is a leap year; in 2023 there is no such day
        changed = datetime(year, 5, 1).timestamp()
        os.utime(path, (changed, changed))
        seconds = [row.seconds for row in read_log(path).train]
        assert seconds[:2] == [1.5, 3] and seconds[3] - seconds[2] == days * 86400
    with_years = text.replace('I12', 'I202312').replace('I0', 'I20240')
    assert [row.seconds for row in read(tmp_path, with_years).train][:2] == [1.5, 3]


def test_runs_that_resume_one_another(tmp_path):
    parts = [[0, 5, 10, 15, 20], [10, 15], [15]]
    lines = [
        line(f'12:0{p}:00.000000', text)
        for p, part in enumerate(parts)
        for i in part
        for text in (f'Iteration {i}, loss = {p}', f'Iteration {i}, lr = {p + 1}')
    ]
    log = read(tmp_path, ''.join(lines))
    assert [(row.iter, row.loss, row.lr) for row in log.train] == [
        (0, 0, 1),
        (5, 0, 1),
        (10, 1, 2),
        (15, 2, 3),
    ]
    assert log.notes == [
        'line 11: iteration 10 follows iteration 20; from 10 on, the later lines count'
    ]


def test_seconds_of_a_run_that_began_anew(tmp_path):
    text = ''.join(
        line(time, text)
        for time, text in (
            ('12:00:00.000000', 'Solving a'),
            ('12:00:01.000000', 'Iteration 0, loss = 1'),
            ('12:00:05.000000', 'Iteration 9, loss = 1'),
            ('12:01:00.000000', 'Solving a'),
            ('12:01:01.000000', 'Iteration {}, loss = 1'),
        )
    )
    assert [row.seconds for row in read(tmp_path, text.format(5)).train] == [1, 61]
    assert [row.seconds for row in read(tmp_path, text.format(0)).train] == [1]


def test_an_iteration_that_is_tested_again_is_replaced(tmp_path):
    tests = [
        line('12:00:00.000000', f'Iteration 10, Testing net (#{net})')
        + line('12:00:00.000000', f'    Test net output #0: acc = {value}')
        for net, value in ((0, 0.1), (1, 0.2), (0, 0.3), (1, 0.4))
    ]
    (row,) = read(tmp_path, ''.join(tests)).test
    assert row.outputs == {'acc': 0.3, 'acc#1': 0.4}


def test_outputs_of_several_numbers(tmp_path):
    lines = [
        line('12:00:00.000000', text)
        for text in (
            'Iteration 10, Testing net (#0)',
            '    Test net output #0: each = 0.1',
            '    Test net output #1: each = 0.2',
            '    Test net output #2: each = nan',
            '    Test net output #3: top1/loss = -1e-05 (* 1 = -1e-05 loss)',
            '    Test net output #4: top2/loss = 1e+10 (* 1 = 1e+10 loss)',
        )
    ]
    (row,) = read(tmp_path, ''.join(lines)).test
    assert list(row.outputs) == ['each', 'each[1]', 'each[2]', 'top1/loss', 'top2/loss']
    assert math.isnan(row.outputs['each[2]']) and row.loss == 1e10 - 1e-5


@pytest.mark.parametrize(
    'damage',
    [
        lambda text: (
            text + 'I1120 12:00:03.000000 7 solver.cpp:1] Iteration 5, loss = 0.1'
        ),  # of 0.123456
        lambda text: text.replace(
            'I1120 12:00:02.500000',
            'I1120 12:00:02.4 7 solver.cpp:1] Iteration 5, loss = 0.1I1120 12:00:02.500000',
        ),
        lambda text: text + line('12:00:03.000000', 'Iteration 5 (2.5 iter/s, 40'),
        lambda text: text + line('12:00:03.000000', 'Iteration 5, loss ='),
        lambda text: text + line('12:00:03.000000', '    Train net output #1: x = 0.1 (* 1 ='),
        lambda text: text + line('12:00:03.000000', 'Iteration 5, loss = 1', day='9999'),
        lambda text: text.replace(
            '\n', '\nsome other program says Iteration 7, loss = 3\n 50%|###  | 1/2\r'
        ),
        lambda text: (
            'Test net output #0: lost = 1\n'
            + line('11:00:00.000000', ' Train net output #0: lost = 1')
            + text
        ),
        lambda text: text.replace('\n', '\r\n'),
        lambda text: text + '\udcff\n',
    ],
)
def test_damaged_lines_are_passed_over(damage, tmp_path):
    path = tmp_path / 'train.log'
    path.write_bytes(damage(NEW).encode('utf-8', 'surrogateescape'))
    assert read_log(path) == read(tmp_path, NEW)


def test_without_the_start_seconds_count_from_the_first_line(tmp_path):
    log = read(tmp_path, NEW.partition('\n')[2])
    assert (log.test[0].seconds, log.train[0].seconds) == (1, 2)


@pytest.mark.parametrize(
    'text', ['', 'hello\n', line('12:00:00.000000', 'Solving LeNet'), NEW[:60], '\0' * 100]
)
def test_a_file_without_iterations(text, tmp_path):
    with pytest.raises(DataError, match=r'train\.log: found no iterations; needed: a training log'):
        read(tmp_path, text)
