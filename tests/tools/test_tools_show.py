"""goodinit show, models, stats, and the command that leads to them."""

import io
import math
import os
import re
import subprocess
import sys
import warnings
from importlib import import_module

import numpy as np
import pytest
from goodinit.feeding.bundled import model_names
from goodinit.tools import models as list_models
from goodinit.tools import show as show_net
from goodinit.tools import stats as net_stats
from goodinit.tools.cli import console, main, report
from toolkit import DEPLOY, IMAGES, fails, json_of, samples, train_val, written

from goodinit import __version__

# name, phase, parameters, multiply-accumulates of one image: numbers of the papers and of
# models/README.md
COSTS = [
    ('lenet', 'train', 431_080, 2_293_000),
    ('lenet/deploy', 'test', 431_080, 2_293_000),
    ('caffenet', 'test', 60_965_224, 724_406_816),
    ('googlenet/deploy', 'test', 6_998_552, 1_582_671_872),
    ('fitnet4/bn_before_relu', 'train', 1_280_686, 190_877_064),
    ('unet/deploy', 'test', 31_030_658, 192_384_335_872),
]


@pytest.mark.parametrize(('model', 'phase', 'parameters', 'macs'), COSTS)
def test_costs_of_published_nets(model, phase, parameters, macs, capsys):
    total = json_of(show_net.main, [model, '--phase', phase], capsys)['total']
    assert (total['parameters'], total['macs']) == (parameters, macs)


def test_lines_of_lenet(capsys):
    layers = {line['layer']: line for line in json_of(show_net.main, ['lenet'], capsys)['layers']}
    assert list(layers) == [
        'mnist',
        'conv1',
        'pool1',
        'conv2',
        'pool2',
        'ip1',
        'relu1',
        'ip2',
        'loss',
    ]
    assert layers['mnist']['type'] == 'Data'
    conv2 = layers['conv2']
    assert conv2 == {
        'layer': 'conv2',
        'type': 'Convolution',
        'bottoms': [[64, 20, 12, 12]],
        'tops': [[64, 50, 8, 8]],
        'parameters': 25 * 20 * 50 + 50,
        'macs': 64 * 500 * 50,
        'memory': 4 * 64 * 50 * 64,
    }
    assert layers['relu1']['memory'] == 0  # in place


def test_the_table_is_aligned(capsys):
    assert show_net.main(['lenet']) == 0
    out = capsys.readouterr().out
    title, header, *lines = out.splitlines()
    assert title == 'LeNet' and header.split() == [
        'layer',
        'type',
        'in',
        'out',
        'parameters',
        'MACs/image',
        'memory',
    ]
    assert lines[-1].split() == ['total', '431,080', '2.29', 'M', '5.04', 'MB']
    end = header.index('parameters') + len('parameters')
    learning = [line for line in lines if line.startswith(('conv', 'ip'))]
    assert len(learning) == 4 and all(
        line[end - 1].isdigit() and line[end] == ' ' for line in learning
    )


def test_statistics_are_no_parameters(tmp_path, capsys):
    layers = (
        'layer { name: "a" type: "BatchNorm" bottom: "data" top: "a" }'
        'layer { name: "b" type: "BN" bottom: "a" top: "b" bn_param { slope_filler { } } }'
    )
    found = json_of(show_net.main, [written(tmp_path, IMAGES + layers)], capsys)
    assert [layer['parameters'] for layer in found['layers']] == [0, 0, 2 * 3]


def test_nets_without_layers(tmp_path, capsys):
    proto = written(tmp_path, '', 'empty.prototxt')
    assert (
        fails(show_net.main, [proto], capsys)
        == f'{proto}: no layer is left in this phase and state\n'
    )


def test_show_options(tmp_path, capsys):
    proto = written(tmp_path, train_val(transform='crop_size: 8'))
    found = json_of(show_net.main, [proto, '--input-shape', '3x8x8', '--batch-size', '7'], capsys)
    assert found['layers'][0]['tops'] == [[7, 3, 8, 8], [7]]
    assert "unknown 'tset'; did you mean 'test'?" in fails(
        show_net.main, [proto, '--phase', 'tset'], capsys
    )
    assert 'its channels cannot be determined' in fails(show_net.main, [proto], capsys)


def test_models(capsys):
    assert main.main(['models']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == model_names()
    assert (
        lines[model_names().index('lenet')].split(maxsplit=1)[1].startswith('LeNet of BVLC Caffe')
    )
    assert main.main(['models', 'lenet']) == 0
    assert capsys.readouterr().out.count('\n') == 3
    assert fails(list_models.main, ['lenett'], capsys).startswith(
        "no bundled model has 'lenett' in its name; did you"
    )


def test_stats(tmp_path, capsys):
    """Oracle: mean and deviation of an inner product, and of its weights, by NumPy."""
    text = (
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 12 } } }'
        'layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" '
        'inner_product_param { num_output: 6 weight_filler { type: "constant" value: 0.5 } } }'
    )
    data = samples(tmp_path, (20, 12))
    proto = written(tmp_path, text)
    found = json_of(
        net_stats.main, ['--proto', proto, '--data', data, '--batch-size', '20'], capsys
    )
    z = np.load(data) @ np.full((12, 6), 0.5)
    (row,) = found['layers']
    assert (row['layer'], row['type'], found['samples'], found['weights']) == (
        'a',
        'InnerProduct',
        20,
        None,
    )
    assert row['output_mean'] == pytest.approx(z.mean(), rel=1e-4)
    assert row['output_std'] == pytest.approx(z.std(), rel=1e-4)
    assert row['weight_std'] == 0 and row['change_rate'] > 0 and row['dead'] is None


def test_stats_as_a_table(tmp_path, capsys):
    arguments = ['--proto', written(tmp_path, DEPLOY), '--data', samples(tmp_path)]
    assert net_stats.main([*arguments, '--quiet']) == 0
    out, err = capsys.readouterr()
    assert err == '' and [line.split()[:2] for line in out.splitlines()[1:]] == [
        ['conv', 'Convolution'],
        ['ip', 'InnerProduct'],
    ]
    assert net_stats.main(arguments) == 0
    assert 'greatest change rate over the smallest:' in capsys.readouterr().err
    assert 'File not found: no.caffemodel' in fails(
        net_stats.main, [*arguments, '--weights', 'no.caffemodel'], capsys
    )


def test_the_command(capsys):
    assert main.main([]) == 1 and capsys.readouterr().out.startswith('usage: goodinit COMMAND')
    assert main.main(['--help']) == 0 and 'goodinit init lenet' in capsys.readouterr().out
    for option in ('--version', '-V'):
        assert main.main([option]) == 0
        assert capsys.readouterr().out == f'goodinit {__version__}\n'
    assert main.main(['initt']) == 1
    assert capsys.readouterr().err == (
        "goodinit: unknown command 'initt'; did you mean 'init'? (known: "
        f'{", ".join(main.COMMANDS)})\n'
    )


@pytest.mark.parametrize('command', main.COMMANDS)
def test_every_command_has_help(command, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '100')
    with pytest.raises(SystemExit) as stop:
        main.main([command, '--help'])
    out = capsys.readouterr().out
    assert stop.value.code == 0 and out.startswith(f'usage: goodinit {command}')
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize('command', main.COMMANDS)
def test_every_example_of_a_help_has_a_line(command, capsys):
    name = main.FILES.get(command, command)
    text = import_module(f'goodinit.tools.{name}').__doc__
    examples = re.findall(rf'^ *(goodinit {command}\b.*)$', text, re.M)
    with pytest.raises(SystemExit):
        main.main([command, '--help'])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert examples and set(examples) <= set(lines)


def test_a_closed_pipe_is_quiet():
    command = [sys.executable, '-W', 'error', '-m', 'goodinit.tools.cli.main', 'models']
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (console.BROKEN_PIPE, '')


NUMBERS = [
    (0.0, '0'),
    (1.0, '1'),
    (0.46612, '0.466'),
    (-0.0001234, '-1.2e-4'),
    (1234.5, '1234'),
    (123456.0, '1.2e5'),
    (math.nan, '-'),
    (None, '-'),
    (math.inf, 'inf'),
    (99999.9, '100000'),
    (-12.345, '-12.3'),
]


@pytest.mark.parametrize(('value', 'text'), NUMBERS)
def test_numbers_are_short(value, text):
    assert report.number(value) == text and len(text) <= 7


def test_amounts():
    texts = [report.amount(n, 'B') for n in (4, 2560, 5_044_224, 3_900_000_000)]
    assert texts == ['4 B', '2.56 kB', '5.04 MB', '3.9 GB']


def test_notes_are_gathered():
    notes = [f"layer 'c{i}': dull" for i in range(7)] + [
        "layer 'x': odd",
        'plain',
        "layer 'c8': odd",
    ]
    assert report.gathered(notes) == [
        '7 layers (c0, c1, c2, ..., c6): dull',
        '2 layers (x, c8): odd',
        'plain',
    ]


def test_a_command_is_guarded_once(monkeypatch, capsys):
    """What may go wrong is caught in one place at a time: while it is loaded, and while it runs."""
    guarded = console.guarded
    inside: list[str] = []

    def watched(prog, *rest):
        assert not inside, f'{prog} within {inside}'
        inside.append(prog)
        try:
            return guarded(prog, *rest)
        finally:
            inside.remove(prog)

    for module in console, main:
        monkeypatch.setattr(module, 'guarded', watched)
    assert main.main(['models', 'lenet']) == 0
    assert 'lenet' in capsys.readouterr().out


def test_messages_of_the_library_name_options(tmp_path, capsys):
    proto = written(tmp_path, train_val())
    assert fails(show_net.main, [proto], capsys).endswith(': give --input-shape C,H,W\n')
    assert main.main(['lint', proto]) == 0
    assert 'give --input-shape C,H,W' in capsys.readouterr().out
    message = fails(show_net.main, ['lenet/deploy', '--input-shape', '7,7'], capsys)
    assert ': --input-shape: found 7 x 7; the inputs of the net' in message


def test_warnings_are_one_line(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter('always')
        console.run(lambda args: warnings.warn('odd', stacklevel=1), console.Parser('tool', ''), [])
    assert capsys.readouterr().err == 'warning: odd\n'


def test_no_progress_bar_without_a_terminal(tmp_path, capsys, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    from goodinit.tools import init_net

    arguments = ['--proto', written(tmp_path), '--data', samples(tmp_path), '--dry-run']
    for quiet, shown in ([], True), (['--quiet'], False):
        terminal = Terminal()
        monkeypatch.setattr(sys, 'stderr', terminal)
        assert init_net.main([*arguments, *quiet]) == 0
        assert ('0%|' in terminal.getvalue()) == shown
