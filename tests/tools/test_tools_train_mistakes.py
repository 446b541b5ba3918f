"""What `goodinit train` says of a user's mistakes, before any work."""

import pytest
from goodinit.solvers import Solver
from goodinit.tools import train
from goodinit.tools.train import main
from toolkit import fails, with_solver


@pytest.fixture
def folder(folder):
    """A small solver with its data, in the current directory."""
    return with_solver(folder)


@pytest.mark.parametrize(
    'arguments, message',
    [
        (
            ['--init', 'lsuv', '--weights', 'init.caffemodel'],
            'found more than one of --init, --weights and --snapshot',
        ),
        (['--dropout'], '--dropout: found without --init, which measures activations'),
        (['--init', 'lsvu'], "argument --init: unknown 'lsvu'; did you mean 'lsuv'?"),
        (['--on-nan', 'stpo'], "argument --on-nan: unknown 'stpo'; did you mean 'stop'?"),
        (
            ['--iterations', '-1'],
            "argument --iterations: found '-1', needed: a whole number, 0 or more",
        ),
        (['--snapshot', 'no.solverstate'], 'cannot resume from no.solverstate: File not found'),
    ],
)
def test_mistakes(arguments, message, folder, capsys):
    assert main(['--solver', 'solver.prototxt', *arguments]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith(f'goodinit train: {message}')


@pytest.mark.parametrize(
    'old, new, message',
    [
        (
            'snapshot_prefix: "tiny"',
            'snapshot_prefix: "nosuch/x"',
            "solver.prototxt: Cannot write to snapshot prefix 'nosuch/x'",
        ),
        (
            'net: "net.prototxt"',
            '',
            'solver.prototxt: SolverParameter must specify a train net using one of these fields: '
            'net, net_param',
        ),
        (
            'net: "net.prototxt"',
            'net: "net.prototxt" train_net: "net.prototxt"',
            'solver.prototxt: SolverParameter must not contain more than one of these fields '
            'specifying a train_net',
        ),
        (
            'net: "net.prototxt"',
            'net: "nosuch.prototxt"',
            "'nosuch.prototxt' is neither a file nor a bundled model",
        ),
        (
            'test_iter: 2',
            'test_iter: 2 test_iter: -1',
            'solver.prototxt: test_iter must be >= 0, found -1',
        ),
        (
            'test_iter: 2',
            'test_net: "net.prototxt" test_net: "net.prototxt" test_iter: 2',
            'solver.prototxt: test_iter must be specified for each test network. '
            'Found 1 test_iter for 2 test nets',
        ),
        (
            'snapshot_prefix: "tiny"',
            'snapshot_prefix: "tiny" snapshot_format: HDF4',
            'solver.prototxt:',
        ),
    ],
)
def test_mistakes_of_the_solver_are_told_before_any_work(
    old, new, message, folder, monkeypatch, capsys
):
    """One line, exit status 1, and neither the initialization nor an iteration has begun."""
    monkeypatch.setattr(train, 'initialize_and_report', None)
    monkeypatch.setattr(Solver, 'step', None)
    text = (folder / 'solver.prototxt').read_text()
    assert old in text
    (folder / 'solver.prototxt').write_text(text.replace(old, new))
    assert fails(main, ['--solver', 'solver.prototxt', '--init', 'lsuv'], capsys).startswith(
        message
    )


@pytest.mark.parametrize('name', ['train.h5', 'test.h5'])
def test_missing_data_are_told_before_any_work(name, folder, monkeypatch, capsys):
    monkeypatch.setattr(train, 'initialize_and_report', None)
    (folder / name).unlink()
    assert name in fails(main, ['--solver', 'solver.prototxt', '--init', 'lsuv'], capsys)


@pytest.mark.parametrize('kind', ['solverstate', 'caffemodel', 'resume'])
def test_a_cut_snapshot_is_told_at_once(kind, folder, capsys):
    assert main(['--solver', 'solver.prototxt', '--iterations', '10']) == 0
    capsys.readouterr()
    file = folder / f'tiny_iter_10.{kind}'
    file.write_bytes(file.read_bytes()[:60])
    message = fails(
        main, ['--solver', 'solver.prototxt', '--snapshot', 'tiny_iter_10.solverstate'], capsys
    )
    assert (
        message.startswith('cannot resume from tiny_iter_10.solverstate: ')
        and f'tiny_iter_10.{kind}' in message
    )


def test_a_solver_that_is_not_there(capsys):
    assert fails(main, ['--solver', 'nowhere'], capsys).startswith(
        "'nowhere' is neither a file nor a bundled model"
    )
