"""Advice on data, samples and rates: when it is given, and that it ends for those who follow it."""

import re
import shlex

import numpy as np
import pytest
from goodinit.feeding.advice import input_advice
from goodinit.feeding.feed import Feed
from goodinit.tools.init_net import main
from PIL import Image
from toolkit import BODY, DEPLOY, IMAGES, PROB, initialized, json_of, train_val, written

ON_DATA = "input 'data' has mean"
# Whole pictures, one at a time.
WHOLE = """layer { name: "images" type: "ImageData" top: "data" top: "label"
        image_data_param { source: "%s" batch_size: 1 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 5 kernel_size: 3 } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
        pooling_param { pool: AVE global_pooling: true } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "pool" bottom: "label" }"""


def saved(folder, mean=0.0, std=1.0, channels=3, name='x.npy', count=40):
    """The path of an .npy file of numbers with a mean and a standard deviation, exactly."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(count, channels, 8, 8))
    values -= values.mean(axis=(0, 2, 3), keepdims=True)
    values /= values.std(axis=(0, 2, 3), keepdims=True)
    values = values * std + np.reshape(mean, (-1, 1, 1))
    np.save(folder / name, values.astype(np.float32))
    return str(folder / name)


def notes_of(proto, data, capsys, *options):
    """The notes of `goodinit init` on 40 samples."""
    given = ['--proto', proto, '--data', data, '--batch-size', '40', '--dry-run', *options]
    return json_of(main, given, capsys)['notes']


def on_data(notes):
    return [note for note in notes if note.startswith(ON_DATA)]


@pytest.mark.parametrize(
    ('mean', 'std', 'advice'),
    [
        (0, 1, None),
        (0, 9, None),
        ([0.5, 0.9, -0.9], 1, None),
        (0, 60, '--scale 0.017'),
        (0, 0.01, '--scale 1e+02'),
        (113, 53, '--mean 113,113,113 --scale 0.019'),
        ([104, 117, 123], 53, '--mean 104,117,123 --scale 0.019'),
        ([5, -5, 5], 1, '--mean 5.0,-5.0,5.0'),
        ([-5, 5, 5], 1, '--mean=-5.0,5.0,5.0'),
        (1000, 0.01, '--mean 1000.000,1000.000,1000.000 --scale 1e+02'),
    ],
)
def test_a_mean_and_a_scale_are_advised_once(mean, std, advice, tmp_path, capsys):
    proto, data = written(tmp_path), saved(tmp_path, mean, std)
    found = on_data(notes_of(proto, data, capsys))
    if advice is None:
        assert found == []
        return
    (note,) = found
    assert note.endswith(f'networks learn best from inputs of about 0 and 1 ({advice})')
    assert on_data(notes_of(proto, data, capsys, *shlex.split(advice))) == []


def test_the_words(tmp_path, capsys):
    (note,) = on_data(notes_of(written(tmp_path), saved(tmp_path, 113, 53), capsys))
    assert note == (
        "input 'data' has mean 113 and standard deviation 53: networks learn best from inputs of "
        'about 0 and 1 (--mean 113,113,113 --scale 0.019)'
    )


@pytest.mark.parametrize(
    ('given', 'advice'),
    [
        (['--scale', '0.5'], '--scale 0.017'),
        (['--mean', '100'], '--scale 0.017'),
        (['--mean', '200', '--scale', '0.5'], '--mean 100,100,100 --scale 0.017'),
    ],
)
def test_the_advice_is_relative_to_what_is_there(given, advice, tmp_path, capsys):
    proto = written(tmp_path)
    data = saved(tmp_path, 100 if '--mean' in given else 0, 60)
    (note,) = on_data(notes_of(proto, data, capsys, *given))
    assert note.endswith(f'({advice})')
    assert on_data(notes_of(proto, data, capsys, *given, *shlex.split(advice))) == []


@pytest.mark.parametrize('following', ['options', 'field'])
def test_a_data_layer_has_both_ways(following, tmp_path, capsys):
    written(tmp_path, DEPLOY, 'deploy.prototxt')
    proto = written(tmp_path, train_val(transform='scale: 0.5'))
    data = saved(tmp_path, [104, 117, 123], 53)
    (note,) = on_data(notes_of(proto, data, capsys))
    options, fields = re.search(
        r'\((.*), or for training as well transform_param \{ (.*) \}\)$', note
    ).groups()
    assert fields == 'mean_value: 104 mean_value: 117 mean_value: 123 scale: 0.019'
    if following == 'options':
        assert on_data(notes_of(proto, data, capsys, *shlex.split(options))) == []
    else:
        proto = written(tmp_path, train_val(transform=fields))
        assert on_data(notes_of(proto, data, capsys)) == []


def list_of_images(folder):
    rng = np.random.default_rng(0)
    lines = []
    for i in range(20):
        pixels = rng.integers(60, 255, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f'{i}.png')
        lines.append(f'{folder / f"{i}.png"} 0\n')
    (folder / 'list.txt').write_text(''.join(lines))
    return str(folder / 'list.txt')


def test_a_nets_own_data_are_advised_in_its_prototxt(tmp_path, capsys):
    """There the options of one command would not hold for training."""
    own = {'source': list_of_images(tmp_path), 'kind': 'ImageData', 'param': 'image_data_param'}
    given = ['--batch-size', '20', '--dry-run']
    proto = written(tmp_path, train_val(**own))
    (note,) = on_data(json_of(main, ['--proto', proto, *given], capsys)['notes'])
    fields = re.search(r'about 0 and 1 \(transform_param \{ (.*) \}\)$', note)[1]
    proto = written(tmp_path, train_val(**own, transform=fields))
    assert on_data(json_of(main, ['--proto', proto, *given], capsys)['notes']) == []


def test_pictures_may_have_any_size(tmp_path, capsys):
    """A batch for each, as in nets that take whole photographs."""
    lines = []
    for side in (8, 10, 9):
        Image.fromarray(np.full((8, side, 3), 20 * side, np.uint8)).save(tmp_path / f'{side}.png')
        lines.append(f'{tmp_path / f"{side}.png"} 0\n')
    (tmp_path / 'list.txt').write_text(''.join(lines))
    proto = written(tmp_path, WHOLE % (tmp_path / 'list.txt'))
    given = ['--proto', proto, '--batch-size', '1', '--batches', '3', '--dry-run']
    (note,) = on_data(json_of(main, given, capsys)['notes'])
    assert "'data' has mean 181 and standard deviation 16.3" in note
    assert 'mean_value: 181' in note and 'scale: 0.061' in note


def test_data_in_hdf5_are_stored_as_advised(tmp_path, capsys, monkeypatch):
    h5py = pytest.importorskip('h5py')
    monkeypatch.chdir(tmp_path)
    values = np.load(saved(tmp_path, 5, 1))
    (tmp_path / 'list.txt').write_text('x.h5\n')
    layer = (
        'layer { name: "data" type: "HDF5Data" top: "data" top: "label" '
        'hdf5_data_param { source: "list.txt" batch_size: 20 } }'
    )
    proto = written(tmp_path, f'{layer}{BODY}')
    for stored, expected in (values, 1), (values - 5, 0):
        with h5py.File('x.h5', 'w') as file:
            file['data'] = stored
            file['label'] = np.zeros(40)
        found = on_data(json_of(main, ['--proto', proto, '--dry-run'], capsys)['notes'])
        assert len(found) == expected
        if found:
            assert found[0].endswith(
                '(store (value - mean) * scale with mean: 5.0 and mean: 5.0 and mean: 5.0)'
            )


def test_what_layers_make_of_the_data_is_not_spoken_of(tmp_path, capsys):
    power = (
        'layer { name: "p" type: "Power" bottom: "data" top: "scaled" power_param { scale: 0.01 } }'
    )
    behind = BODY.replace('bottom: "data"', 'bottom: "scaled"')
    proto = written(tmp_path, f'{IMAGES}{power}{behind}{PROB}')
    assert on_data(notes_of(proto, saved(tmp_path, 100, 50), capsys)) == []


def test_nor_are_the_data_of_trained_weights(tmp_path, capsys):
    weights = str(initialized(tmp_path))
    data = saved(tmp_path, 100, 50)
    proto = str(tmp_path / 'net.prototxt')
    assert on_data(notes_of(proto, data, capsys, '--weights', weights)) == []
    fresh = ['--weights', weights, '--weights-from', 'msra', '--layers', 'ip']
    assert on_data(notes_of(proto, data, capsys, *fresh)) == []
    assert len(on_data(notes_of(proto, data, capsys))) == 1


def test_only_layers_that_are_initialized_count(tmp_path, capsys):
    data = saved(tmp_path, 100, 50)
    assert on_data(notes_of(written(tmp_path), data, capsys, '--layers', 'ip')) == []


def test_few_samples(tmp_path, capsys):
    proto, data = written(tmp_path), saved(tmp_path)
    given = ['--proto', proto, '--data', data, '--dry-run']
    few = json_of(main, [*given, '--batch-size', '8'], capsys)['notes']
    assert few[0] == (
        'statistics of so few samples (8) are rough: 16 or more are needed (--batch-size 32, or '
        'that of the data layer, if there are as many)'
    )
    enough = json_of(main, [*given, '--batch-size', '32'], capsys)['notes']
    assert not [note for note in enough if 'so few samples' in note]


@pytest.mark.parametrize('method', ['pca', 'kmeans', 'zca', 'rand'])
def test_inner_products_that_stay_gaussian(method, tmp_path, capsys):
    """One note names them, and how they come from samples."""
    product = 'inner_product_param { num_output: 3 weight_filler { type: "xavier" } }'
    text = f'{IMAGES}{BODY}layer {{ name: "ip2" type: "InnerProduct" bottom: "ip" top: "ip2" '
    proto = written(tmp_path, f'{text}{product} }}')
    data = saved(tmp_path)
    notes = notes_of(proto, data, capsys, '--method', method)
    gaussian = [note for note in notes if 'Gaussian' in note]
    assert gaussian == [
        '2 layers (ip, ip2): Gaussian weights, not from samples: an inner product sees no patches '
        '(--all-layers takes it from samples, too)'
    ]
    notes = notes_of(proto, data, capsys, '--method', method, '--all-layers')
    assert not [note for note in notes if 'Gaussian' in note]


def about_rates(notes):
    return [note for note in notes if note.startswith('change rates')]


def test_whether_rates_agree_and_what_mends_it(tmp_path, capsys):
    proto, data = written(tmp_path), saved(tmp_path, std=9)
    (note,) = about_rates(notes_of(proto, data, capsys, '--method', 'gaussian'))
    (factor,) = re.fullmatch(
        r'change rates differ by a factor of ([\d.e+]+): relative to its weights, '
        r"'(?:conv|ip)' learns that much faster than '(?:conv|ip)' "
        r'\(goodinit init --between exact evens rates\)',
        note,
    ).groups()
    assert float(factor) > 2
    (note,) = about_rates(
        notes_of(proto, data, capsys, '--method', 'gaussian', '--between', 'exact')
    )
    assert re.fullmatch(
        r'change rates agree within a factor of 1(\.\d+)?: all layers learn at about the same pace',
        note,
    )


def test_lsuv_is_said_to_even_variances(tmp_path, capsys):
    (note,) = about_rates(notes_of(written(tmp_path), saved(tmp_path, std=9), capsys))
    assert note.endswith(
        '; LSUV evens variances, not rates (goodinit init --between exact evens rates)'
    )


def test_a_constant_input_is_known_as_such_over_several_batches():
    batches = [{'x': np.full((n, 3, 2, 2), 0.1, np.float32)} for n in (1, 3, 7)]
    feed = Feed(batches, 'made up')
    assert feed.notes == ["input 'x' is constant"] and feed.statistics['x']['std'] == 0
    assert not list(input_advice(feed, 'x'))
