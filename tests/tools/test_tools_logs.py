"""`goodinit parse_log` and `goodinit plot_log`: the tables, the pictures, and what is said of
mistakes."""

import csv

import pytest
from goodinit.tools import parse_log, plot_log
from goodinit.tools.plots import figures
from goodinit.tools.plots.training_curves import smoothed
from toolkit import fails, json_of, written
from training_logs import NEW, OLDEST, line


def table(path, delimiter=','):
    """The dicts of a file that parse_log wrote."""
    with open(path, newline='') as file:
        return list(csv.DictReader(file, delimiter=delimiter))


# -- parse_log


def test_tables(tmp_path, capsys):
    path = written(tmp_path, NEW + line('12:00:10.000000', 'Iteration 20, loss = 1'), 'train.log')
    assert parse_log.main([path]) == 0
    assert capsys.readouterr() == ('', '')
    assert (
        tmp_path / 'train.log.train'
    ).read_text() == 'NumIters,Seconds,LearningRate,loss\n0,2.0,0.01,2.5\n'
    assert (
        tmp_path / 'train.log.test'
    ).read_text() == 'NumIters,Seconds,LearningRate,accuracy,loss\n0,1.0,0.01,0.1,2.5\n'


@pytest.mark.parametrize(('given', 'delimiter'), [(';', ';'), ('\\t', '\t')])
def test_delimiter_and_folder(given, delimiter, tmp_path, capsys):
    (tmp_path / 'out').mkdir()
    log = written(tmp_path, NEW, 'train.log')
    assert parse_log.main([log, str(tmp_path / 'out'), '--delimiter', given, '--verbose']) == 0
    (row,) = table(tmp_path / 'out/train.log.test', delimiter)
    assert {name: float(value) for name, value in row.items()} == {
        'NumIters': 0,
        'Seconds': 1,
        'LearningRate': 0.01,
        'accuracy': 0.1,
        'loss': 2.5,
    }
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines()] == ['wrote', 'wrote']


def test_a_log_without_outputs_has_its_losses(tmp_path, capsys):
    assert parse_log.main([written(tmp_path, OLDEST, 'train.log'), '--verbose']) == 0
    assert (
        capsys.readouterr().err.splitlines()[1]
        == f'note: train.log has no numbers of tests: {tmp_path}/train.log.test is not written'
    )
    assert [path.name for path in tmp_path.glob('train.log.*')] == ['train.log.train']
    assert table(tmp_path / 'train.log.train')[0]['loss'] == '2.25'


def test_json(tmp_path, capsys):
    path = written(tmp_path, NEW.replace('loss = 2.25', 'loss = nan'), 'train.log')
    assert json_of(parse_log.main, [path], capsys) == {
        'log': path,
        'notes': [],
        'train': [
            {'iteration': 0, 'seconds': 2.0, 'lr': 0.01, 'loss': None, 'outputs': {'loss': 2.5}}
        ],
        'test': [
            {
                'iteration': 0,
                'seconds': 1.0,
                'lr': 0.01,
                'loss': 1.25,
                'outputs': {'accuracy': 0.1, 'loss': 2.5},
            }
        ],
    }
    assert list(tmp_path.iterdir()) == [tmp_path / 'train.log']


def test_notes_are_said(tmp_path, capsys):
    path = written(tmp_path, NEW.replace('Iteration 0', 'Iteration 9') + NEW, 'train.log')
    assert parse_log.main([path, '--json']) == 0
    assert capsys.readouterr().err.startswith('note: line 9: iteration 0 follows iteration 9')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['no.log'], 'File not found: no.log'),
        (['net.prototxt'], 'net.prototxt: found no iterations'),
        (
            ['train.log', 'nowhere'],
            'cannot write nowhere/train.log.train: there is no folder nowhere',
        ),
        (
            ['train.log', '--delimiter', 'ab'],
            "argument --delimiter: found 'ab', needed: one character",
        ),
    ],
)
def test_mistakes_of_parse_log(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    written(tmp_path), written(tmp_path, NEW, 'train.log')
    assert fails(parse_log.main, arguments, capsys).startswith(message)


# -- plot_log


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """Two logs in the current directory: a.log, b/a.log."""
    pytest.importorskip('matplotlib')
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'b').mkdir()
    written(
        tmp_path, NEW + NEW.replace('Iteration 0', 'Iteration 5').replace('12:00', '12:01'), 'a.log'
    )
    written(tmp_path / 'b', OLDEST, 'a.log')
    return tmp_path


def drawn(arguments, monkeypatch):
    """The figure that would be written."""
    figure = []
    monkeypatch.setattr(figures, 'save', lambda made, path: figure.append(made))
    assert plot_log.main(arguments) == 0
    return figure[0]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize(
    ('name', 'start'), [('plot.png', b'\x89PNG'), ('x.svg', b'<?xml'), ('x.PDF', b'%PDF')]
)
def test_pictures(name, start, logs, capsys):
    assert plot_log.main(['a.log', 'old=b/a.log', '--out', name, '--title', 'LeNet']) == 0
    assert capsys.readouterr() == ('', f'wrote {name}\n')
    assert (logs / name).read_bytes().startswith(start)


def test_panels_and_legend(logs, monkeypatch):
    figure = drawn(['a.log', 'b/a.log'], monkeypatch)
    assert [panel.get_ylabel() for panel in figure.axes] == ['loss', 'accuracy', 'learning rate']
    assert [panel.get_yscale() for panel in figure.axes] == ['linear', 'linear', 'log']
    assert figure.axes[-1].get_xlabel() == 'iteration'
    assert legend(figure) == ['a.log', 'b/a.log', 'training', 'test']
    assert figure.legends[0].get_title().get_text() == ''
    figure = drawn(['LSUV=a.log', '--y', 'rate', '--seconds'], monkeypatch)
    assert [panel.get_ylabel() for panel in figure.axes] == ['learning rate']
    assert figure.axes[-1].get_xlabel() == 'seconds' and legend(figure) == ['training', 'test']
    assert figure.legends[0].get_title().get_text() == 'LSUV'


def test_curves(logs, monkeypatch):
    loss, accuracy, rate = drawn(['a.log'], monkeypatch).axes
    curves = [
        [line.get_xydata().tolist() for line in panel.lines if len(line.get_xdata())]
        for panel in (loss, accuracy, rate)
    ]
    assert curves == [
        [[[0, 2.25], [5, 2.25]], [[0, 1.25], [5, 1.25]]],
        [[[0, 0.1], [5, 0.1]]],
        [[[0, 0.01], [0, 0.01], [5, 0.01], [5, 0.01]]],
    ]
    (panel,) = drawn(['a.log', '--y', 'loss', '--seconds'], monkeypatch).axes
    assert panel.lines[0].get_xdata().tolist() == [2, 62]


def test_more_runs_than_colors(logs, monkeypatch):
    lines = drawn([f'run {i}=a.log' for i in range(9)], monkeypatch).axes[0].lines
    looks = {
        (line.get_color(), line.get_linestyle())
        for line in lines
        if line.get_label().startswith('run ')
    }
    assert len(looks) == 9


@pytest.mark.parametrize(
    ('rates', 'limits'),
    [
        ([0.04, 0.01], (0.002, 0.2)),
        ([0.1, 0.1], (0.01, 1)),
        ([1, 0.001], None),
        ([float('nan')], None),
    ],
)
def test_little_of_a_logarithmic_axis_is_drawn_with_more_round_it(rates, limits):
    pytest.importorskip('matplotlib')
    _, (panel,) = figures.panels([1], 'x')
    panel.plot(rates)
    figures.logarithmic(panel)
    assert panel.get_yscale() == 'log'
    if limits:
        assert panel.get_ylim() == pytest.approx(limits)


def test_smoothing():
    assert smoothed([1, 3, 5, 7], 2) == [1, 2, 4, 6]
    assert smoothed([1, 3, 5, 7], 1) == [1, 3, 5, 7]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['no.log'], 'File not found: no.log'),
        (['x=no.log'], 'File not found: no.log'),
        (['net.prototxt'], 'net.prototxt: found no iterations'),
        (
            ['a.log', '--y', 'acuracy'],
            "found no output 'acuracy' in a.log; did you mean 'accuracy'? "
            '(there are: loss, rate, accuracy)',
        ),
        (
            ['a.log', '--out', 'x.jpg'],
            "argument --out: found 'x.jpg', needed: a path that ends in .png, .svg, .pdf",
        ),
        (['a.log', '--out', 'no/x.png'], 'cannot write no/x.png: there is no folder no'),
        (
            ['plain.log', '--seconds'],
            'plain.log: found no times; needed for --seconds: a log of `caffe train`',
        ),
    ],
)
def test_mistakes_of_plot_log(arguments, message, logs, capsys):
    written(logs), written(logs, 'iteration 0: loss 1, rate 0.1\n', 'plain.log')
    assert fails(plot_log.main, arguments, capsys).startswith(message)
