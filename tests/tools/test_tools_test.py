"""`goodinit test` beside recorded runs of `caffe test`, and what it refuses."""

import re

import golden
import pytest
from goodinit.tools.test import main
from toolkit import fails, with_solver

RUN = next(run for run in golden.read_json('cli/index.json') if run['name'] == 'test_hdf5')


@pytest.fixture
def folder(folder):
    """A small net with its test data, in the current directory."""
    return with_solver(folder)


@pytest.mark.parametrize('model', ['net.prototxt', 'solver.prototxt'])
def test_scores_as_recorded(model, folder, capsys):
    assert main(['--model', model, '--weights', 'init.caffemodel', '--iterations', '4']) == 0
    out, err = capsys.readouterr()
    found, recorded = (
        [
            (name, float(value))
            for name, value in re.findall(r'^(accuracy|loss) = ([\d.]+)', text, re.M)
        ]
        for text in (out, '\n'.join(RUN['final_lines']))
    )
    assert err == '' and [name for name, _ in found] == [name for name, _ in recorded] == [
        'accuracy',
        'loss',
    ]
    assert [value for _, value in found] == pytest.approx(
        [value for _, value in recorded], rel=1e-5
    )


def test_layers_without_weights_are_named(folder, capsys):
    text = (folder / 'net.prototxt').read_text()
    (folder / 'net.prototxt').write_text(text.replace('name: "ip2"', 'name: "new"'))
    assert (
        main(['--model', 'net.prototxt', '--weights', 'init.caffemodel', '--iterations', '1']) == 0
    )
    assert capsys.readouterr().err.splitlines() == [
        'note: init.caffemodel: ignoring layers that the net lacks: ip2',
        'note: init.caffemodel: lacks some layers, which keep their fillers: new',
    ]


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--weights', 'nosuch.caffemodel'], 'File not found: nosuch.caffemodel'),
        (['--weights', 'test.h5'], "test.h5: holds no weights: it has no group 'data'"),
        (
            ['--weights', 'init.caffemodel', '--iterations', '0'],
            "argument --iterations: found '0', needed: a whole number",
        ),
        ([], 'the following arguments are required: --weights'),
    ],
)
def test_mistakes(arguments, message, folder, capsys):
    assert fails(main, ['--model', 'net.prototxt', *arguments], capsys).startswith(message)
