"""goodinit reproduce."""

import io
import re
import sys

import numpy as np
import pytest
import stand_in_experiment as stand_in
from goodinit.experiments.runner.catalog import names, open_experiment, papers, title_of
from goodinit.tools import reproduce
from toolkit import fails

NAME = 'paper/line'


@pytest.fixture
def points(folder, monkeypatch):
    """Points in the folder `data`, and the stand-in as an experiment among the others."""
    (folder / 'data' / 'points').mkdir(parents=True)
    np.save(folder / 'data' / 'points' / 'points.npy', np.linspace(-1, 1, 30))

    def open_one(name):
        return stand_in.EXPERIMENT if name == NAME else open_experiment(name)

    monkeypatch.setattr(reproduce, 'open_experiment', open_one)
    return folder


def test_cells_are_run_once(points, capsys):
    assert reproduce.main([NAME, '--cells', '^0']) == 0
    out, err = capsys.readouterr()
    assert out == (points / 'reproduced/paper/line.md').read_text() + '\n'
    lines = err.splitlines()
    assert [line.partition(':')[0] for line in lines[:2]] == ['0.01', '0.02']
    assert reproduce.main([NAME, '--cells', '^0']) == 0
    assert capsys.readouterr().err.splitlines() == lines[2:]


def test_a_terminal_shows_a_bar(points, capsys, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, 'stderr', terminal)
    assert reproduce.main([NAME, '--reduced']) == 0
    text = terminal.getvalue()
    assert re.search(r'paper/line: +\d+%\|.*/1 cells', text) and '\n0.01: ' in text.replace(
        '\r', '\n'
    )


def test_the_list_says_what_is_done(points, capsys, monkeypatch):
    reproduce.main([NAME, '--cells', '0.02'])
    monkeypatch.setattr(reproduce, 'papers', lambda: ['paper'])
    monkeypatch.setattr(reproduce, 'names', lambda: [NAME])
    monkeypatch.setattr(reproduce, 'title_of', lambda paper: 'A. Author 2019, A line')
    capsys.readouterr()
    assert reproduce.main([]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ['A.', 'Author', '2019,', 'A', 'line'],
        ['done', 'cost', 'reduced:', 'done', 'cost'],
        [NAME, '1/3', 'a', 'second', '0/1', 'less', 'a', 'line'],
    ]


MISTAKES = {
    'luther2019/figur1': r"unknown experiment '.*'; did you mean 'luther2019/figure1'\?",
    f'{NAME} --cells xyz': r"--cells: 'xyz' matches no cell of paper/line \(0\.01, 0\.02, 1e\+30",
    f'{NAME} --data elsewhere': r'Points: found no points.npy in elsewhere/points; fetch points',
    f'{NAME} --jobs 0': r"--jobs: found '0', needed: a whole number, 1 or more",
    f'{NAME} --cells [': r"--cells: found '\[', which is not a regular expression",
}


@pytest.mark.parametrize('command', MISTAKES)
def test_mistakes_end_in_one_line(command, points, capsys):
    message = fails(reproduce.main, command.split(), capsys)
    assert re.search(MISTAKES[command], message), message
    assert not (points / 'reproduced').exists()


def test_one_process_uses_a_gpu(points, capsys, monkeypatch):
    monkeypatch.setattr('goodinit.tools.cli.values.use_gpu', lambda number: 'cuda')
    message = fails(reproduce.main, [NAME, '--gpu', '0', '--jobs', '2'], capsys)
    assert message.startswith('--jobs: found more than one with --gpu')


def test_reduced_without_a_reduced_protocol(points, capsys, monkeypatch):
    monkeypatch.setattr(reproduce, 'open_experiment', lambda name: stand_in.CHEAP)
    assert reproduce.main([NAME, '--reduced']) == 0
    assert 'has one protocol, which is cheap' in capsys.readouterr().err
    assert (points / 'reproduced/paper/line/cells/0.01.json').exists()


# -- all experiments


@pytest.mark.parametrize('name', names())
def test_every_experiment_is_complete(name):
    experiment = open_experiment(name)
    assert experiment.title and title_of(name.split('/')[0])
    for protocol in filter(None, [experiment.full, experiment.reduced]):
        cells = [cell.name for cell in protocol.cells]
        assert protocol.cost and cells and len(set(cells)) == len(cells)
        assert all(re.fullmatch(r'[\w.+-]+', cell) for cell in cells)


def test_tables_are_in_the_order_of_their_numbers():
    tables = [name for name in names() if name.startswith('mishkin2016/table')]
    assert tables[:2] == ['mishkin2016/table2', 'mishkin2016/table3']
    assert tables[-1] == 'mishkin2016/table10'


def test_every_paper_has_experiments():
    assert papers() == sorted({name.split('/')[0] for name in names()})
