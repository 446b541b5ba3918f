"""`goodinit train`: from where it starts, what it says, and what it leaves."""

import re
import shutil
import signal
import sys

import golden
import numpy as np
import pytest
from goodinit.proto import read_weights
from goodinit.solvers import Solver, events
from goodinit.tools import caffe
from goodinit.tools.cli import solving
from goodinit.tools.train import main
from toolkit import with_solver


@pytest.fixture
def folder(folder):
    """A small solver with its data, in the current directory."""
    return with_solver(folder)


def run(*arguments, capsys):
    """What the tool says, line by line."""
    assert main(['--solver', 'solver.prototxt', *arguments]) == 0, capsys.readouterr().err
    out, err = capsys.readouterr()
    assert out == ''
    return err.splitlines()


def trained(path='tiny_iter_20.caffemodel'):
    return [np.array(blob.data) for layer in read_weights(path).layer for blob in layer.blobs]


def test_weights_are_trained_as_recorded(folder, capsys):
    lines = run('--weights', 'init.caffemodel', capsys=capsys)
    assert lines[:2] == [
        'net: TinyNet; init.caffemodel',
        'iteration 0: test net 0: accuracy = 0.75, loss = 0.854957',
    ]
    for line, i, loss in zip(lines[2:], (0, 5), (0.898839, 0.519938), strict=False):
        found = re.fullmatch(rf'iteration {i}: loss (\S+), rate 0.1', line)
        assert float(found[1]) == pytest.approx(loss, rel=1e-5)
    assert 'iteration 10: snapshot tiny_iter_10.solverstate' in lines
    expected = trained(golden.HERE / 'cli/expected_tiny_iter_20.caffemodel')
    for ours, theirs in zip(trained(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize('method', ['lsuv', 'kmeans'])
def test_training_starts_where_an_initialization_ends(method, folder, capsys):
    first, second = (run('--init', method, capsys=capsys) for _ in range(2))
    assert first == second and f'net: TinyNet; {method}' in first
    assert first != run(capsys=capsys)


def test_the_last_snapshot_is_found(folder, capsys):
    assert run('--snapshot', 'auto', capsys=capsys)[0] == 'net: TinyNet; fillers'
    (folder / 'tiny_iter_20.solverstate').unlink()
    (folder / 'tiny_iter_9.solverstate').write_text('older')
    (folder / 'tiny_iter_x.solverstate').write_text('of another name')
    lines = run('--snapshot', 'auto', '--init', 'lsuv', capsys=capsys)
    assert lines[0] == 'net: TinyNet; resumed from tiny_iter_10.solverstate'
    assert [line.split(':')[0] for line in lines[1:]] == [
        f'iteration {n}' for n in (10, 10, 15, 20, 20, 20)
    ]


def test_an_interruption_can_be_taken_up(folder, monkeypatch, capsys):
    class Interrupting(solving.Progress):
        def tell(self, event):
            super().tell(event)
            if isinstance(event, events.Displayed) and event.iter == 5:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(solving, 'Progress', Interrupting)
    lines = run('--weights', 'init.caffemodel', capsys=capsys)
    assert lines[-2:] == [
        'iteration 6: snapshot tiny_iter_6.solverstate',
        'stopped at iteration 6; --snapshot auto resumes from there',
    ]
    assert (
        run('--snapshot', 'auto', capsys=capsys)[0]
        == 'net: TinyNet; resumed from tiny_iter_6.solverstate'
    )


def test_a_resumed_training_ends_as_one_that_was_not_stopped(folder, capsys):
    """The batches go on where they were; the net reads each file of its data several times."""
    run('--weights', 'init.caffemodel', capsys=capsys)
    whole = trained()
    (folder / 'tiny_iter_20.solverstate').unlink()
    assert (
        run('--snapshot', 'auto', capsys=capsys)[0]
        == 'net: TinyNet; resumed from tiny_iter_10.solverstate'
    )
    for ours, theirs in zip(trained(), whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_an_incomplete_snapshot_is_named(folder, capsys):
    run('--weights', 'init.caffemodel', capsys=capsys)
    (folder / 'tiny_iter_20.caffemodel').unlink()
    assert run('--snapshot', 'auto', capsys=capsys)[:2] == [
        'note: skipping tiny_iter_20.solverstate: File not found: tiny_iter_20.caffemodel '
        f'(looked in {folder})',
        'net: TinyNet; resumed from tiny_iter_10.solverstate',
    ]


def test_the_number_of_iterations(folder, capsys):
    lines = run('--weights', 'init.caffemodel', '--iterations', '12', capsys=capsys)
    assert lines[-1] == 'iteration 12: snapshot tiny_iter_12.solverstate'


def test_the_net_is_found_beside_the_solver(folder, monkeypatch, tmp_path_factory, capsys):
    elsewhere = tmp_path_factory.mktemp('elsewhere')
    for name in ('train.h5', 'test.h5', 'train.txt', 'test.txt'):
        shutil.copy(folder / name, elsewhere)
    text = (folder / 'solver.prototxt').read_text()
    (folder / 'solver.prototxt').write_text(
        text.replace('test_iter: 2', '').replace('test_interval: 10', '')
    )
    monkeypatch.chdir(elsewhere)
    assert main(['--solver', str(folder / 'solver.prototxt')]) == 0


@pytest.mark.parametrize(
    'event, text',
    [
        (events.Clipped(3, 2.5, 1), 'gradients clipped from norm 2.5'),
        (events.NotFinite(3, 'the loss is nan'), 'warning: the loss is nan'),
        (
            events.Magnitude('Forward', 'ip', 'top blob ip', 'data', 0.5),
            'forward, ip, top blob ip, mean absolute data 0.5',
        ),
        (events.Rated(3, 0.1), None),
    ],
)
def test_events_are_told(event, text, folder, capsys):
    solving.Progress(Solver('solver.prototxt')).tell(event)
    assert capsys.readouterr().err == (f'iteration 0: {text}\n' if text else '')


def test_a_terminal_shows_a_bar(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: True)
    text = '\n'.join(run('--weights', 'init.caffemodel', capsys=capsys))
    assert re.search(r'iteration 5: loss 0\.519938, rate 0\.1', text)
    assert re.search(
        r' \d+/20 \[\d\d:\d\d<(\d\d:\d\d|\?)(, loss \S+, rate 0\.0?\d+, \d+ images/s)?\]', text
    )


# -- numbers that are not finite


@pytest.fixture
def diverging(folder):
    text = (folder / 'solver.prototxt').read_text()
    (folder / 'solver.prototxt').write_text(text.replace('base_lr: 0.1', 'base_lr: 1e30'))


def test_training_stops_where_numbers_end(diverging, folder, capsys):
    assert main(['--solver', 'solver.prototxt', '--weights', 'init.caffemodel']) == 1
    err = capsys.readouterr().err
    assert 'invalid value' not in err  # NumPy's warnings would say less
    last = err.splitlines()[-1]
    assert re.fullmatch(
        r'goodinit train: iteration 1: the loss is (nan|inf); the first that is not finite: '
        r"\w+ blob .* of layer '\w+' \(\w+\)\. Try a lower base_lr \(now 1e\+30\), clip_gradients, "
        r'or weights initialized from data \(--init lsuv\)',
        last,
    )
    assert not list(folder.glob('tiny_iter_*'))


def test_training_goes_on_where_it_is_told_to(diverging, capsys):
    lines = run('--weights', 'init.caffemodel', '--on-nan', 'warn', capsys=capsys)
    assert (
        len(
            [
                line
                for line in lines
                if line.startswith('iteration 1: warning: iteration 1: the loss is ')
            ]
        )
        == 1
    )
    assert 'iteration 20: snapshot tiny_iter_20.solverstate' in lines


@pytest.mark.parametrize(
    'flag, status, text',
    [
        ([], 0, 'Optimization Done.'),
        (['-on_nan', 'warn'], 0, 'iteration 1: the loss is '),
        (['--on_nan=stop'], 1, 'goodinit caffe: iteration 1: the loss is '),
    ],
)
def test_the_command_of_bvlc_goes_on_unless_told_otherwise(flag, status, text, diverging, capsys):
    assert (
        caffe.main(['train', '-solver', 'solver.prototxt', '-weights', 'init.caffemodel', *flag])
        == status
    )
    err = capsys.readouterr().err
    assert text in err and ('the first that is not finite' in err) == bool(flag)
