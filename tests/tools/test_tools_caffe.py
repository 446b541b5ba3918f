"""`goodinit caffe train` beside recorded runs of BVLC's: the log as parsers read it, the files."""

import re
import signal

import numpy as np
import pytest
from caffe_runs import (
    LOSS,
    NUMBER,
    RATE,
    RUNS,
    TESTED,
    assert_same_lines,
    found,
    messages,
    need_data,
    run,
    with_recorded,
)
from goodinit.solvers import events
from goodinit.solvers.log.caffe_log import SolverLog
from goodinit.tools.bvlc import training
from goodinit.tools.cli.signals import Signals

TRAINED = [
    'train_hdf5',
    'train_adam_clip_hdf5_snapshot',
    'train_average_loss',
    'train_debug_info',
    'train_lmdb',
    'train_no_prefix',
    'train_zero_iter',
]


@pytest.fixture
def folder(folder):
    """The recorded commands' working directory."""
    return with_recorded(folder)


@pytest.mark.parametrize('name', [*TRAINED, 'train_resume'])
def test_training_is_logged_as_recorded(name, folder, capsys):
    case = RUNS[name]
    need_data(case['args'])
    if name == 'train_resume':
        run(RUNS['train_hdf5']['args'], capsys)
        (folder / 'tiny_iter_10.resume').unlink()  # BVLC reads the data from the start again
    before = set(folder.iterdir())
    lines = run(case['args'], capsys)
    losses, rates = (
        [(int(i), float(x)) for i, x in found(pattern, lines)] for pattern in (LOSS, RATE)
    )
    np.testing.assert_allclose(
        np.reshape(losses, (-1, 2)), np.reshape(case['loss'], (-1, 2)), rtol=1e-4
    )
    np.testing.assert_allclose(
        np.reshape(rates, (-1, 2)), np.reshape(case['lr'], (-1, 2)), rtol=1e-6
    )
    tested = [(int(i), name, float(x)) for i, name, x in found(TESTED, lines)]
    assert [row[:2] for row in tested] == [tuple(row[:2]) for row in case['test_outputs']]
    np.testing.assert_allclose(
        [row[2] for row in tested], [row[2] for row in case['test_outputs']], rtol=1e-4
    )
    created = {path.name for path in set(folder.iterdir()) - before if path.suffix != '.resume'}
    assert created == set(case['files_created'])
    last = case['final_lines'][-2 if name == 'train_debug_info' else 0 :]
    assert_same_lines(lines[-len(last) :], last, 1e-4)


@pytest.mark.parametrize(
    'name', ['train_hdf5', 'train_debug_info', 'train_adam_clip_hdf5_snapshot']
)
def test_the_whole_log_of_a_training(name, folder, capsys):
    pytest.importorskip('h5py')
    recorded = re.sub(
        r'^([IE])\d{4}', r'\1', (folder / f'{name}.stderr.txt').read_text(), flags=re.M
    )
    ours, theirs = run(RUNS[name]['args'], capsys), messages(recorded.splitlines())
    start = 'Starting Optimization'
    assert_same_lines(ours[ours.index(start) :], theirs[theirs.index(start) :], 1e-4)
    about_nets = re.compile(
        'Creating Layer|Setting up|Top shape|Memory required|    with loss|.* backward computation|'
        r'.* (<-|->) |This network|Network init|Finetuning|Use CPU|Solver scaffolding'
    )
    ours, theirs = ([line for line in lines if about_nets.match(line)] for lines in (ours, theirs))
    assert ours == theirs


def test_steps_of_multistep_are_told_before_their_rate(folder, capsys):
    pytest.importorskip('h5py')
    lines = run(
        ['train', '-solver', 'solver_multistep_iter2.prototxt', '-weights', 'init.caffemodel'],
        capsys,
    )
    status = [i for i, line in enumerate(lines) if line.startswith('MultiStep')]
    assert [lines[i].partition(': ')[2] for i in status] == [
        'Iteration 4, step = 1',
        'Iteration 9, step = 2',
    ]
    assert lines[status[0] - 1].startswith('    Train net output #0: loss = ')
    assert lines[status[0] + 1] == 'Iteration 4, lr = 0.05'


def test_debug_info_of_nets_that_are_tested(folder, capsys):
    """The solver's field is that of its test nets; `caffe test` reads the net's own."""
    pytest.importorskip('h5py')
    text = (folder / 'solver_debug.prototxt').read_text()
    text = text.replace('max_iter: 2', 'max_iter: 0 test_iter: 1 test_interval: 1')
    (folder / 'tested.prototxt').write_text(text)
    (folder / 'net_debug.prototxt').write_text(
        (folder / 'net.prototxt').read_text() + 'debug_info: true'
    )
    for arguments in (
        ['train', '-solver', 'tested.prototxt'],
        ['test', '-model', 'net_debug.prototxt', '-iterations', '1'],
    ):
        lines = run([*arguments, '-weights', 'init.caffemodel'], capsys)
        layers = found(
            re.compile(rf'    \[Forward\] Layer (\S+), top blob \S+ data: {NUMBER}'), lines
        )
        assert [layer for (layer,) in dict.fromkeys(layers)] == [
            'data',
            'label_data_1_split',
            'ip1',
            'relu1',
            'ip2',
            'ip2_ip2_0_split',
            'accuracy',
            'loss',
        ]


def test_parameters_are_filled_from_the_seed(folder, capsys):
    pytest.importorskip('h5py')
    first, second = (
        found(LOSS, run(['train', '-solver', 'solver.prototxt'], capsys)) for _ in range(2)
    )
    assert first == second != [] and first[0][1] != '1.09861'  # log 3: the parameters are not zero


@pytest.mark.parametrize(
    'name, last, kept',
    [('SIGINT', 'Optimization stopped early.', [4]), ('SIGHUP', 'Optimization Done.', [4, 9])],
)
def test_signals_while_training(name, last, kept, folder, monkeypatch, capsys):
    """SIGINT stops after a snapshot; SIGHUP takes one, and training goes on."""
    pytest.importorskip('h5py')
    if not hasattr(signal, name):
        pytest.skip(f'this system has no {name}')

    class Raising(SolverLog):
        def __call__(self, event):
            super().__call__(event)
            if isinstance(event, events.Displayed) and event.iter == 3:
                signal.raise_signal(getattr(signal, name))

    monkeypatch.setattr(training, 'SolverLog', Raising)
    text = (folder / 'solver_long.prototxt').read_text()
    (folder / 'nine.prototxt').write_text(
        re.sub('max_iter.*', 'max_iter: 9', text.replace('20000', '1'))
    )
    lines = run(['train', '--solver=nine.prototxt'], capsys)
    assert lines[-2:] == [last, 'Optimization Done.']
    assert {path.name for path in folder.glob('*long*.solverstate')} == {
        f'long_iter_{n}.solverstate' for n in kept
    }


def test_signals_become_requests():
    before = signal.getsignal(signal.SIGINT)
    with Signals('snapshot') as signals:
        assert signals.request() is None
        signal.raise_signal(signal.SIGINT)
        assert (signals.request(), signals.request()) == ('snapshot', None)
    if hasattr(signal, 'SIGTERM'):
        with Signals(sigterm='stop') as signals:
            signal.raise_signal(signal.SIGTERM)
            assert signals.request() == 'stop'
    with Signals('none') as signals:
        signal.raise_signal(signal.SIGINT)
        assert signals.request() is None
    with Signals() as signals:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert signals.request() == 'stop'
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    'event, expected',
    [
        (
            events.Clipped(3, 0.5, 0.125),
            [
                'Gradient clipping: scaling down gradients (L2 norm 0.5 > 0.125) '
                'by scale factor 0.25'
            ],
        ),
        (events.NotFinite(3, 'the loss is nan'), ['the loss is nan']),
        (
            events.Snapshotted(3, 'x.caffemodel.h5', 'x.solverstate.h5'),
            [
                'Snapshotting to HDF5 file x.caffemodel.h5',
                'Snapshotting solver state to HDF5 file x.solverstate.h5',
            ],
        ),
        (
            events.Tested(
                3,
                1,
                (
                    events.Output('p', np.array([0.25, 1e-7]), 0),
                    events.Output('l', np.array(2.0), 0.5),
                ),
                1,
            ),
            [
                'Iteration 3, Testing net (#1)',
                'Test loss: 1',
                '    Test net output #0: p = 0.25',
                '    Test net output #1: p = 1e-07',
                '    Test net output #2: l = 2 (* 0.5 = 1 loss)',
            ],
        ),
    ],
)
def test_lines_of_events(event, expected, capsys):
    SolverLog(1)(event)
    assert messages(capsys.readouterr().err.splitlines()) == expected
