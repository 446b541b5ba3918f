"""What goodinit init says of a user's mistakes: one clear line, exit status 1, and nothing left
behind."""

import os

import numpy as np
import pytest
from goodinit.tools import init_net
from goodinit.tools.cli import output_file
from goodinit.tools.init_net import main
from toolkit import DEPLOY, fails, initialized, samples, train_val, written


def test_a_file_is_never_overwritten_unasked(tmp_path, capsys):
    out = initialized(tmp_path)
    out.write_text('precious')
    message = fails(main, ['--proto', tmp_path / 'net.prototxt', '--out', out], capsys)
    assert message == f'{out}: already exists (use --force to overwrite, or --out FILE)\n'
    assert out.read_text() == 'precious'


BAD_OPTIONS = [
    (['--proto', 'nowhere.prototxt'], "'nowhere.prototxt' is neither a file nor a bundled model"),
    (['--out', 'no/x.caffemodel'], 'no/x.caffemodel: there is no folder no'),
    (['--out', '.'], '.: is a folder; needed: the name of a file to write'),
    (['--out', 'no/x.h5'], 'no/x.h5: there is no folder no'),
    (['--weights', 'no.h5'], 'File not found: no.h5'),
    (
        ['--weights', 'net.prototxt', '--out', 'x.h5'],
        'net.prototxt: not a caffemodel, or damaged: it is a text file',
    ),
    (['--filters', 'no/x.png'], 'no/x.png: there is no folder no'),
    (['--data', 'nowhere'], 'data nowhere: no such file or folder'),
    (['--mean', 'abc'], 'mean file abc: cannot be read'),
    (['--mean', '1,2'], 'mean: found 2 numbers, needed: 1, or 3'),
    (['--weights', 'no.caffemodel'], 'File not found: no.caffemodel'),
    (
        ['--layers', '('],
        "argument --layers: found '(', which is not a regular expression: missing )",
    ),
    (
        ['--layers', 'zzz'],
        "net 'Small' has nothing to initialize: no convolution or inner product that learns has a "
        "name that 'zzz' matches",
    ),
    (['--margin', '0'], "argument --margin: found '0', needed: a number greater than 0"),
    (['--target', 'x'], "argument --target: found 'x', needed: a number greater than 0"),
    (['--scale', 'inf'], "argument --scale: found 'inf', needed: a number (see"),
    (
        ['--scale', '1e39'],
        "argument --scale: found '1e39', needed: a number of at most 3.40282e+38",
    ),
    (
        ['--batch-size', '-3'],
        "argument --batch-size: found '-3', needed: a whole number, 1 or more",
    ),
    (['--batches', '1.5'], "argument --batches: found '1.5', needed: a whole number, 1 or more"),
    (['--seed', '-1'], "argument --seed: found '-1', needed: a whole number, 0 or more"),
    (
        ['--memory', 'lots'],
        "argument --memory: found 'lots', needed: an amount of memory such as 500MB or 2GB",
    ),
    (
        ['--memory', '500'],
        "argument --memory: found '500', needed: an amount of memory such as 500MB or 2GB, 1MB or ",
    ),
    (
        ['--input-shape', '3,0,8'],
        "argument --input-shape: found '3,0,8', needed: positive extents such as 3,227,227",
    ),
    (
        ['--input-shape', '1,3,8,8'],
        'net.prototxt: --input-shape: found 1 x 3 x 8 x 8; the inputs of the net, without '
        'their batches, are 3 x 8 x 8',
    ),
    (
        ['--method', 'lsvu'],
        "argument --method: unknown 'lsvu'; did you mean 'lsuv'? (known: lsuv, ",
    ),
    (['--normalize', 'batch'], "argument --normalize: unknown 'batch'"),
    (['--engine', 'fats'], "argument --engine: unknown 'fats'; did you mean 'fast'?"),
    (['--engine', 'x:fast'], "argument --engine: unknown 'x:fast'"),
    (
        ['--bach-size', '3'],
        "unexpected argument '--bach-size'; did you mean '--batch-size'? (see goodinit init",
    ),
]


@pytest.mark.parametrize(('arguments', 'message'), BAD_OPTIONS)
def test_bad_options(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    written(tmp_path)
    if arguments[0] != '--data':
        arguments = [*arguments, '--data', samples(tmp_path)]
    assert fails(main, ['--proto', 'net.prototxt', *arguments], capsys).startswith(message)
    assert not list(tmp_path.glob('*.caffemodel'))


WITHOUT_WEIGHTS = DEPLOY.replace('"InnerProduct"', '"TanH"').replace('"Convolution"', '"TanH"')
BAD_NETS = [
    (
        DEPLOY.replace('ReLU', 'Relu'),
        "layer 'relu' (Relu), net.prototxt:5: Unknown layer type: Relu; did you mean 'ReLU'?",
    ),
    (
        DEPLOY.replace('num_output: 5', 'num_outptu: 5'),
        'no field named "num_outptu", in layer \'ip\' > inner_product_param; '
        "did you mean 'num_output'?",
    ),
    (
        DEPLOY.replace('bottom: "ip"', 'bottom: "pi"'),
        "layer 'prob' (Softmax), net.prototxt:8: Unknown bottom blob 'pi' "
        "(layer 'prob', bottom index 0)",
    ),
    (DEPLOY.partition('layer { name: "conv"')[0], 'net.prototxt: no input of the net reaches'),
    ('', 'net.prototxt: no layer is left in this phase and state'),
    (
        'layer { name: "p" type: "Parameter" top: "p" parameter_param { shape { dim: 1 } } }',
        'net.prototxt: no layer feeds the net; needed: an Input or a data layer',
    ),
    ('base_lr: 0.1', 'net.prototxt: found neither layers nor the net of a solver'),
    ('net: "elsewhere.prototxt"', "'elsewhere.prototxt' is neither a file nor a bundled model"),
    (WITHOUT_WEIGHTS, "net 'Small' has nothing to initialize"),
    (
        train_val(),
        "layer 'images' (Data), net.prototxt:2: top 'data': its height and width cannot be "
        'determined',
    ),
    (
        train_val(transform='crop_size: 8'),
        "top 'data': its channels cannot be determined from the prototxt",
    ),
]


@pytest.mark.parametrize(('text', 'message'), BAD_NETS)
def test_bad_nets(text, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, text)
    assert message in fails(main, ['--proto', 'net.prototxt', '--out', 'x.caffemodel'], capsys)
    assert os.listdir(tmp_path) == ['net.prototxt']


BAD_DATA = [
    ((40, 1, 8, 8), 'x.npy, sample '),
    ((40, 3, 7, 8), 'is 3 x 7 x 8, the net needs 3 x 8 x 8'),
    ((40, 8, 8, 3), 'its last axis looks like the channels: transpose to (N, C, H, W)'),
    ((40,), 'needed: numbers of shape (N, C, H, W)'),
]


@pytest.mark.parametrize(('shape', 'message'), BAD_DATA)
def test_data_of_another_shape(shape, message, tmp_path, capsys):
    assert message in fails(
        main, ['--proto', written(tmp_path), '--data', samples(tmp_path, shape)], capsys
    )


def test_nan_in_the_data(tmp_path, capsys):
    values = np.zeros((9, 3, 8, 8), np.float32)
    values[4, 0, 1, 2] = np.nan
    np.save(tmp_path / 'nan.npy', values)
    message = fails(main, ['--proto', written(tmp_path), '--data', tmp_path / 'nan.npy'], capsys)
    assert message.startswith(f'data {tmp_path}/nan.npy: sample 4 contains NaN or infinity')


def test_weights_of_another_shape(tmp_path, capsys):
    out = initialized(tmp_path)
    other = written(tmp_path, DEPLOY.replace('num_output: 5', 'num_output: 6'), 'other.prototxt')
    message = fails(
        main, ['--proto', other, '--weights', out, '--data', tmp_path / 'x.npy'], capsys
    )
    assert message.startswith(
        f"{out}: Cannot copy param 0 weights from layer 'ip'; shape mismatch."
    )


def test_weights_of_another_net(tmp_path, capsys):
    out = initialized(tmp_path)
    renamed = DEPLOY.replace('name: "conv"', 'name: "a"').replace('name: "ip"', 'name: "b"')
    other = written(tmp_path, renamed, 'b.prototxt')
    message = fails(
        main, ['--proto', other, '--weights', out, '--data', tmp_path / 'x.npy'], capsys
    )
    assert (
        message
        == f'{out}: none of its layers with weights (conv, ip) is in the net, which has a, b\n'
    )


def test_a_full_disk(tmp_path, capsys):
    if not os.path.exists('/dev/full'):
        pytest.skip('needs /dev/full')
    data = samples(tmp_path)
    message = fails(
        main, ['--proto', written(tmp_path), '--data', data, '--out', '/dev/full'], capsys
    )
    assert message == 'cannot write /dev/full: No space left on device\n'


def test_a_folder_that_may_not_be_written(tmp_path, capsys, monkeypatch):
    # root may write anywhere
    monkeypatch.setattr(output_file.os, 'access', lambda path, mode: False)
    assert f'{tmp_path} is not writable' in fails(main, ['--proto', written(tmp_path)], capsys)


@pytest.mark.parametrize('where', ['feed_net', 'initialize_and_report'])
def test_an_interruption_leaves_nothing(where, tmp_path, monkeypatch, capsys):
    def interrupt(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(init_net, where, interrupt)
    assert main(['--proto', written(tmp_path), '--data', samples(tmp_path)]) == 130
    assert capsys.readouterr().err == 'goodinit init: interrupted; no file was left half written\n'
    assert not list(tmp_path.glob('*.caffemodel*'))


def test_too_little_memory(tmp_path, monkeypatch, capsys):
    def starve(*args):
        raise MemoryError('3 GiB')

    monkeypatch.setattr(init_net, 'feed_net', starve)
    message = fails(main, ['--proto', written(tmp_path)], capsys)
    assert message == 'out of memory (3 GiB); try a smaller --batch-size\n'


@pytest.mark.parametrize(
    'arguments, message',
    [
        (
            ['--batch-size', '99999999999999999999'],
            "argument --batch-size: found '99999999999999999999', needed: a whole "
            'number, at most 2147483647',
        ),
        (
            ['--input-shape', '1,99999999,9999999'],
            "argument --input-shape: found '1,99999999,9999999', needed: at most "
            '2147483647 numbers in all',
        ),
    ],
)
def test_numbers_that_are_too_large(arguments, message, tmp_path, capsys):
    assert fails(main, ['--proto', written(tmp_path), *arguments], capsys).startswith(message)
