"""`goodinit train --monitor`: rates at which layers change, measured, drawn and kept, while
training is as it was."""

import json
import shutil
import sys

import numpy as np
import pytest
from goodinit.solvers import Snapshotted
from goodinit.tools.plots import monitor
from goodinit.tools.plots.monitor import Monitor
from goodinit.tools.train import main
from monitored_runs import make
from toolkit import fails, with_solver

pytest.importorskip('matplotlib')


def watched(solver, path, every=1, iterations=6):
    """Train as `goodinit train` does; the numbers that are kept."""
    with Monitor(solver, path, every) as watch:
        solver.request, solver.report = watch.advance, watch.tell
        solver.step(iterations)
    return json.loads(path.with_suffix('.json').read_text())


@pytest.mark.parametrize(
    'fields',
    [
        'momentum: 0.9 weight_decay: 0.1',
        'type: "Nesterov" momentum: 0.9',
        'type: "AdaGrad" iter_size: 2',
        'type: "RMSProp" rms_decay: 0.9',
        'type: "AdaDelta" momentum: 0.9',
        'type: "Adam" momentum: 0.9 clip_gradients: 0.1',
    ],
)
def test_rates_are_of_what_the_weights_change_by(fields, tmp_path):
    solver, weights = make(fields), []
    solver.callbacks.append(
        (lambda: weights.append(solver.net.params['a'][0].data.copy()), lambda: None)
    )
    found = watched(solver, tmp_path / 'x.png')
    weights = np.array([*weights, solver.net.params['a'][0].data], np.float64)
    expected = np.sqrt(
        np.square(np.diff(weights, axis=0)).mean((1, 2)) / np.square(weights[1:]).mean((1, 2))
    )
    np.testing.assert_allclose(found['rates']['a'], expected, rtol=1e-3, atol=1e-7)  # of float32


def test_what_is_measured(tmp_path):
    """Weights that learn, by their owners; where they are zero there is no rate."""
    found = watched(make(base_lr=0), tmp_path / 'x.png', every=2)
    assert list(found['rates']) == ['a', 'r', 'zero'] and found['iterations'] == [0, 2, 4]
    assert found['rates']['zero'] == [None] * 3 and found['rates']['a'] == [0] * 3
    assert len(found['losses']) == 3


def test_the_picture(tmp_path):
    solver = make()
    found = watched(solver, tmp_path / 'x.svg')
    assert (tmp_path / 'x.svg').read_bytes().startswith(b'<?xml')
    with Monitor(solver, tmp_path / 'x.svg', 1) as watch:
        loss, rates = watch._figure().axes
    np.testing.assert_allclose(loss.lines[0].get_ydata(), found['losses'])
    assert [line.get_label() for line in rates.lines] == [
        'a',
        'r',
        'zero',
    ] and rates.get_yscale() == 'log'
    assert rates.lines[0].get_xdata().tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(('layers', 'named'), [(0, 0), (24, 24), (25, 13), (100, 20)])
def test_few_layers_are_named_in_the_legend(layers, named, tmp_path):
    watch = Monitor(make(), tmp_path / 'x.png', 1)
    watch.rates = {str(i): [] for i in range(layers)}
    assert len(watch._figure().legends[0].get_texts()) == named


def test_it_is_drawn_seldom_enough_and_at_snapshots(tmp_path, monkeypatch):
    watch = Monitor(make(), tmp_path / 'x.png', 1)
    written = []
    monkeypatch.setattr(
        monitor.figures, 'save', lambda figure, path: written.append(len(watch.iterations))
    )
    now = iter(range(100))  # each look at the clock is a second later, so that drawing takes one
    monkeypatch.setattr(monitor.time, 'perf_counter', lambda: next(now))
    with watch:
        for watch.solver.iter in range(1, 25):
            watch.advance()
        watch.tell(Snapshotted(24, 'weights', 'state'))
    assert written == [0, 11, 22, 24, 24]


def test_a_run_that_is_resumed_goes_on_with_its_curves(tmp_path):
    path = tmp_path / 'x.png'
    whole = watched(make(), path)
    solver = make()
    solver.step(4)
    assert watched(solver, path, iterations=2)['rates'] == whole['rates']
    assert watched(make(), path, iterations=1)['iterations'] == [0]  # from the start again
    (tmp_path / 'x.json').write_text('{"iterations": [0], "losses": [1], "rates": {"other": [1]}}')
    assert watched(solver, path, iterations=1)['iterations'] == [6]  # of another net


def test_training_survives_a_picture_that_cannot_be_written(tmp_path):
    solver, folder = make(), tmp_path / 'folder'
    folder.mkdir()
    with (
        pytest.warns(UserWarning, match=r'--monitor: cannot write .*x\.json: there is no folder'),
        Monitor(solver, folder / 'x.png', 1) as watch,
    ):
        solver.request = watch.advance
        shutil.rmtree(folder)
        solver.step(3)
    assert solver.iter == 3


# -- goodinit train


@pytest.fixture
def folder(folder):
    """A small solver with its data, in the current directory."""
    return with_solver(folder)


def test_training_is_the_same_with_it(folder):
    def result(*arguments):
        assert (
            main(['--solver', 'solver.prototxt', '--weights', 'init.caffemodel', *arguments]) == 0
        )
        return [
            (folder / f'tiny_iter_20.{end}').read_bytes() for end in ('caffemodel', 'solverstate')
        ]

    assert result() == result('--monitor', 'rates.png', '--monitor-every', '1')
    assert len(json.loads((folder / 'rates.json').read_text())['iterations']) == 20


@pytest.mark.parametrize(('text', 'expected'), [('', [0, 5, 10, 15]), ('display: 0', [0])])
def test_it_measures_as_often_as_the_solver_displays(text, expected, folder):
    solver = (folder / 'solver.prototxt').read_text()
    (folder / 'solver.prototxt').write_text(solver.replace('display: 5', text or 'display: 5'))
    assert main(['--solver', 'solver.prototxt', '--monitor', 'rates.pdf']) == 0
    found = json.loads((folder / 'rates.json').read_text())
    assert found['iterations'] == expected and list(found['rates']) == ['ip1', 'ip2']
    assert (folder / 'rates.pdf').exists()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (
            ['--monitor', 'rates.jpg'],
            "argument --monitor: found 'rates.jpg', needed: a path that ends in .png",
        ),
        (['--monitor', 'no/rates.png'], 'no/rates.png: there is no folder no'),
        (
            ['--monitor-every', '5'],
            '--monitor-every: found without --monitor or --report, which name what is written',
        ),
    ],
)
def test_mistakes(arguments, message, folder, capsys):
    assert fails(main, ['--solver', 'solver.prototxt', *arguments], capsys).startswith(message)


def test_without_matplotlib(folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    message = fails(main, ['--solver', 'solver.prototxt', '--monitor', 'rates.png'], capsys)
    assert (
        message.startswith("this needs the package 'matplotlib'")
        and "pip install 'goodinit[plot]'" in message
    )


@pytest.mark.parametrize(
    'text', ['{', '[]', '{"iterations": []}', '{"iterations": [], "losses": [], "rates": []}']
)
def test_a_file_of_another_kind_is_not_replaced(text, folder, capsys):
    (folder / 'rates.json').write_text(text)
    assert main(['--solver', 'solver.prototxt', '--monitor', 'rates.png']) == 1
    assert (
        'rates.json: found a file that --monitor did not write and would replace'
        in capsys.readouterr().err
    )
    assert (folder / 'rates.json').read_text() == text
