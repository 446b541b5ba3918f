"""`goodinit train`: from where it starts, what it says, and what it leaves."""
import shutil
import signal

import golden
import numpy as np
import pytest
from goodinit.proto import read_weights
from goodinit.solvers import events
from goodinit.tools import train
from goodinit.tools.train import main
from toolkit import fails


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A small solver with its data, in the current directory."""
    pytest.importorskip('h5py')
    for name in ('solver.prototxt', 'net.prototxt', 'init.caffemodel', 'train.h5', 'test.h5', 'train.txt', 'test.txt'):
        shutil.copy(golden.HERE / 'cli' / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


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
    assert lines[:4] == ['net: TinyNet; init.caffemodel', 'iteration 0: test net 0: accuracy = 0.75, loss = 0.854957',
                         'iteration 0: loss 0.898839, rate 0.1', 'iteration 5: loss 0.519938, rate 0.1']
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
    assert [line.split(':')[0] for line in lines[1:]] == [f'iteration {n}' for n in (10, 10, 15, 20, 20, 20)]


def test_an_interruption_can_be_taken_up(folder, monkeypatch, capsys):
    text = train.Report.text

    def interrupting(event):
        if isinstance(event, events.Displayed) and event.iter == 5:
            signal.raise_signal(signal.SIGINT)
        return text(event)
    monkeypatch.setattr(train.Report, 'text', staticmethod(interrupting))
    lines = run('--weights', 'init.caffemodel', capsys=capsys)
    assert lines[-2:] == ['iteration 6: snapshot tiny_iter_6.solverstate',
                          'stopped at iteration 6; --snapshot auto goes on from there']
    assert run('--snapshot', 'auto', capsys=capsys)[0] == 'net: TinyNet; resumed from tiny_iter_6.solverstate'


def test_the_net_is_found_beside_the_solver(folder, monkeypatch, tmp_path_factory, capsys):
    elsewhere = tmp_path_factory.mktemp('elsewhere')
    for name in ('train.h5', 'test.h5', 'train.txt', 'test.txt'):
        shutil.copy(folder / name, elsewhere)
    text = (folder / 'solver.prototxt').read_text()
    (folder / 'solver.prototxt').write_text(text.replace('test_iter: 2', '').replace('test_interval: 10', ''))
    monkeypatch.chdir(elsewhere)
    assert main(['--solver', str(folder / 'solver.prototxt')]) == 0


def test_clipping_is_told():
    assert train.Report.text(events.Clipped(3, 2.5)) == 'gradients clipped from norm 2.5'


@pytest.mark.parametrize('arguments, message', [
    (['--init', 'lsuv', '--weights', 'init.caffemodel'], 'found more than one of --init, --weights and --snapshot'),
    (['--init', 'lsvu'], "argument --init: unknown 'lsvu'; did you mean 'lsuv'?"),
    (['--snapshot', 'no.solverstate'], 'cannot resume from no.solverstate: File not found'),
])
def test_mistakes(arguments, message, folder, capsys):
    assert main(['--solver', 'solver.prototxt', *arguments]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith(f'goodinit train: {message}')


def test_a_solver_that_is_not_there(capsys):
    assert fails(main, ['--solver', 'nowhere'], capsys).startswith("'nowhere' is neither a file nor a bundled model")
