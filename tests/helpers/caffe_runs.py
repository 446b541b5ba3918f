"""Recorded runs of BVLC's `caffe`, and ours beside them: what a parser of logs reads."""

import re
import shutil

import golden
import numpy as np
import pytest
from goodinit.tools.caffe import main

RUNS = {run['name']: run for run in golden.read_json('cli/index.json')}
NUMBER = r'-?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf|nan)'
HEAD = re.compile(
    r'[IWE](?P<month>\d\d)(?P<day>\d\d) (?P<time>\d\d:\d\d:\d\d\.\d{6}) '
    r'+\d+ [\w.]+:\d+\] (?P<text>.*)'
)
SPEED = re.compile(rf'\({NUMBER} iter/s, {NUMBER}s/(\d+) iters\)')
LOSS = re.compile(rf'Iteration (\d+) \({NUMBER} iter/s, {NUMBER}s/\d+ iters\), loss = ({NUMBER})')
RATE = re.compile(rf'Iteration (\d+), lr = ({NUMBER})')
TESTED = re.compile(
    rf'    Test net output #(\d+): (\S+) = ({NUMBER})(?: \(\* {NUMBER} = {NUMBER} loss\))?'
)


def with_recorded(folder):
    """The folder, with what the recorded commands found in their working directory."""
    shutil.copytree(golden.HERE / 'cli', folder, dirs_exist_ok=True)
    shutil.copytree(golden.HERE / 'io/img_lmdb', folder / 'img_lmdb')
    return folder


def run(arguments, capsys):
    """The messages that the command logs."""
    assert main(arguments) == 0, capsys.readouterr().err
    out, err = capsys.readouterr()
    assert out == ''
    return messages(err.splitlines())


def messages(lines):
    return [head['text'] for line in lines if (head := HEAD.fullmatch(line))]


def found(pattern, lines):
    return [match.groups() for line in lines if (match := pattern.fullmatch(line))]


def need_data(arguments):
    """Skip where the package that reads the net's data is missing."""
    pytest.importorskip('lmdb' if any('lmdb' in argument for argument in arguments) else 'h5py')


def assert_same_lines(ours, theirs, rtol):
    """The same words, and numbers of which all but the speeds are close."""
    ours, theirs = ([SPEED.sub(r'(speed, \1)', line) for line in lines] for lines in (ours, theirs))
    assert [re.sub(NUMBER, '#', line) for line in ours] == [
        re.sub(NUMBER, '#', line) for line in theirs
    ]
    numbers = [[float(n) for n in re.findall(NUMBER, '\n'.join(lines))] for lines in (ours, theirs)]
    np.testing.assert_allclose(*numbers, rtol=rtol)
