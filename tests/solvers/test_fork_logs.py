"""Logs with more, fewer or other words than BVLC's."""

import math
import re

import pytest
from goodinit.netlib.errors import ProtoError
from goodinit.solvers.log.reader import read_log
from toolkit import written
from training_logs import NEW, line


def read(folder, text):
    return read_log(written(folder, text, 'train.log'))


FORKS = (
    'Iteration 100, Testing net (#0), 3 of 4 nodes',
    '[0] Test net output #0: top1 = 0.5, over 20 batches',
    '[node 1]    Test net output #1: loss = 0.7 (* 1 = 0.7 loss), over 20 batches',
    '[0.0] Iteration 100 (10.2 iter/s, 1.96s/20 iter), 1.3/88.8ep, loss = 0.69',
    'Solver 0: Iteration 100, lr = 0.02, m = 0.9, lrm = 0.1, wd = 0.0005, gs = 1',
    '[0]     Train net output #0: loss = 0.69 (* 1 = 0.69 loss)',
    'Iteration 120 speed 3.2s, average loss = 0.5, lr = 0.01',
    'Iteration 140, snapshot in 3s',
)


def test_lines_with_more_words(tmp_path):
    """As NVIDIA's and Intel's forks and DIGITS write them."""
    text = ''.join(f'worker | {line("12:00:01.000000", words)}' for words in FORKS)
    log = read(tmp_path, text)
    (test,) = log.test
    assert (test.iter, test.lr, test.outputs) == (100, 0.02, {'top1': 0.5, 'loss': 0.7})
    assert [(row.iter, row.lr, row.loss) for row in log.train] == [
        (100, 0.02, 0.69),
        (120, 0.01, 0.5),
    ]
    assert log.train[0].outputs == {'loss': 0.69} and log.notes == []


def test_a_log_without_heads(tmp_path):
    bare = re.sub(r'^I.*?\] ', '', NEW, flags=re.M)
    log = read(tmp_path, bare)
    headed = read(tmp_path, NEW)
    assert log.test[0].outputs == headed.test[0].outputs
    assert [(row.loss, row.lr) for row in log.train] == [(2.25, 0.01)]
    assert math.isnan(log.train[0].seconds)


def test_a_log_without_rates(tmp_path):
    text = line('12:00:00.000000', 'Iteration 0, loss = 2')
    text += line('12:00:00.000000', 'Iteration 9, loss = 1')
    assert read(tmp_path, text).notes == [
        "found no learning rates, as in 'Iteration 100, lr = 0.01'"
    ]


def test_a_log_in_utf_16(tmp_path):
    """As PowerShell's 2> writes it."""
    path = tmp_path / 'train.log'
    path.write_text(NEW, encoding='utf-16')
    with pytest.raises(ProtoError, match=r'train\.log: it is text in UTF-16, needed: UTF-8'):
        read_log(path)
