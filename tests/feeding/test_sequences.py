"""Data for text, sequences, signals and volumes."""

import json

import numpy as np
import pytest
from goodinit.feeding.opening import open_data, open_net
from goodinit.feeding.sequences import index_limits, start_flags, time_first
from goodinit.initializers import PRESETS, initialize
from goodinit.netlib.errors import DataError
from goodinit.proto import parse_net
from goodinit.tools import init_net, stats
from toolkit import json_of, written

FILLED = 'weight_filler { type: "xavier" }'
EMBED = f'embed_param {{ input_dim: 50 num_output: 6 {FILLED} }}'


def words_net(*shape, more=''):
    dims = ', '.join(map(str, shape))
    return f"""
    layer {{ name: "in" type: "Input" top: "words" input_param {{ shape {{ dim: [{dims}] }} }} }}
    layer {{ name: "emb" type: "Embed" bottom: "words" top: "emb" {EMBED} }}
    {more}
    layer {{ name: "ip" type: "InnerProduct" bottom: "emb" top: "ip"
             inner_product_param {{ num_output: 4 {FILLED} }} }}"""


def recurrent_net(T=8, N=16, type='LSTM'):
    return f"""
    layer {{ name: "in" type: "Input" top: "words" top: "cont"
             input_param {{ shape {{ dim: [{T}, {N}] }} }} }}
    layer {{ name: "emb" type: "Embed" bottom: "words" top: "emb" {EMBED} }}
    layer {{ name: "rec" type: "{type}" bottom: "emb" bottom: "cont" top: "rec"
             recurrent_param {{ num_output: 5 {FILLED} }} }}
    layer {{ name: "ip" type: "InnerProduct" bottom: "rec" top: "ip"
             inner_product_param {{ num_output: 4 axis: 2 {FILLED} }} }}"""


def words(folder, *shape, below=50, name='words.npy'):
    values = np.random.default_rng(0).integers(0, below, shape)
    np.save(folder / name, values.astype('f4'))
    return str(folder / name)


# -- the graph


def test_the_smallest_limit_counts_and_moves_are_followed():
    net = parse_net("""
        layer { type: "Input" top: "a" top: "b" top: "c" }
        layer { type: "Reshape" bottom: "a" top: "r" }
        layer { type: "Embed" bottom: "r" top: "e" embed_param { input_dim: 9 } }
        layer { type: "Embed" bottom: "a" top: "f" embed_param { input_dim: 7 } }
        layer { type: "Slice" bottom: "b" top: "s" top: "cont" }
        layer { type: "Embed" bottom: "s" top: "g" embed_param { input_dim: 5 } }
        layer { type: "ReLU" bottom: "c" top: "d" }
        layer { type: "Embed" bottom: "d" top: "h" embed_param { input_dim: 3 } }
        layer { type: "RNN" bottom: "e" bottom: "cont" top: "y" }""")
    limits = index_limits(net)
    assert (limits['a'], limits['r'], limits['b'], limits['d']) == (7, 9, 5, 3)
    assert 'c' not in limits
    assert start_flags(net) == {'cont', 'b'}


def test_which_inputs_have_time_first():
    flags = [(8, 16)]
    assert time_first((8, 16, 5), flags) and time_first((1, 16, 3), flags)
    assert not time_first((16, 3), flags) and not time_first((8, 16), [])


# -- indices


def test_integers_of_a_file(tmp_path):
    net = open_net(written(tmp_path, words_net(32, 8)))
    path = words(tmp_path, 40, 8)
    found = open_data(path, net, batch_size=40, mean=3, scale=2)
    rows = {tuple(row) for row in found.batches[0]['words']}
    assert rows == {tuple(row) for row in np.load(path)}
    assert found.statistics == {} and found.samples == 40
    initialize(net, found.batches, PRESETS['lsuv'], np.random.default_rng(0))


def test_integers_are_drawn_without_data(tmp_path):
    more = """layer { name: "e2" type: "Embed" bottom: "words" top: "e2"
                      embed_param { input_dim: 20 num_output: 3 } }"""
    net = open_net(written(tmp_path, words_net(32, 8, more=more)))
    found = open_data(None, net)
    values = found.batches[0]['words']
    assert set(np.unique(values)) == set(range(20))
    assert found.describe == 'random indices below 20'


@pytest.mark.parametrize('bad', [50, -1, 2.5])
def test_what_an_embed_cannot_read(tmp_path, bad):
    values = np.ones((32, 8), 'f4')
    values[3, 4] = bad
    np.save(tmp_path / 'x.npy', values)
    net = open_net(written(tmp_path, words_net(32, 8)))
    with pytest.raises(DataError, match=f"'words': found {bad:g}, needed: whole numbers from 0 to"):
        open_data(tmp_path / 'x.npy', net)


@pytest.mark.parametrize('given', [True, False])
def test_init_and_stats(tmp_path, capsys, given):
    proto = written(tmp_path, words_net(32, 8))
    argv = ['--proto', proto, *(['--data', words(tmp_path, 32, 8)] if given else [])]
    found = json_of(init_net.main, argv, capsys)
    assert [each['layer'] for each in found['layers']] == ['ip'] and found['samples'] == 32
    assert found['layers'][0]['after']['output_std'] == pytest.approx(1, abs=0.02)
    assert json_of(stats.main, argv, capsys)['layers'][0]['output_std'] > 0


def test_images_and_words(tmp_path):
    text = (
        words_net(4, 5)
        + f"""
    layer {{ name: "im" type: "Input" top: "im" input_param {{ shape {{ dim: [4, 3, 8, 8] }} }} }}
    layer {{ name: "c" type: "Convolution" bottom: "im" top: "c"
             convolution_param {{ num_output: 2 kernel_size: 3 {FILLED} }} }}"""
    )
    found = open_data(None, open_net(written(tmp_path, text)), batch_size=6)
    note = "input 'words' differs in shape from 'im'; it gets random indices below 50"
    assert found.notes == [note] and found.samples == 6
    assert found.batches[0]['words'].max() < 50 and list(found.statistics) == ['im']


# -- sequences


@pytest.mark.parametrize('type', ['LSTM', 'RNN'])
def test_sequences_are_drawn_with_flags_where_they_start(tmp_path, type, capsys):
    net = open_net(written(tmp_path, recurrent_net(type=type)))
    found = open_data(None, net, batch_size=5, batches=2)
    assert len(found.batches) == 2 and found.samples == 10
    for batch in found.batches:
        assert batch['words'].shape == batch['cont'].shape == (8, 5)
        assert not batch['cont'][0].any() and batch['cont'][1:].all()
    argv = ['--proto', str(tmp_path / 'net.prototxt'), '--dry-run']
    assert json_of(init_net.main, argv, capsys)['samples'] == 32


def test_a_row_of_a_file_is_a_sequence(tmp_path):
    net = open_net(written(tmp_path, recurrent_net()))
    path = words(tmp_path, 30, 8)
    found = open_data(path, net, batch_size=10)
    values = found.batches[0]['words']
    assert values.shape == (8, 10)
    rows = {tuple(row) for row in np.load(path)}
    assert {tuple(row) for row in values.T} <= rows


def test_a_file_with_time_first_is_cut_into_sequences(tmp_path):
    net = open_net(written(tmp_path, recurrent_net()))
    path = words(tmp_path, 20, 16)
    found = open_data(path, net, batch_size=32)
    cut = np.load(path)[:16].reshape(2, 8, 16)
    sequences = {tuple(column) for piece in cut for column in piece.T}
    assert {tuple(row) for row in found.batches[0]['words'].T} == sequences
    assert found.describe.startswith(f'{path} (time first): 32 samples of 8')


# -- signals and volumes


def convolution(*sample):
    dims = ', '.join(map(str, (4, *sample)))
    return f"""
    layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ dim: [{dims}] }} }} }}
    layer {{ name: "c" type: "Convolution" bottom: "x" top: "c"
             convolution_param {{ num_output: 5 kernel_size: 3 {FILLED} }} }}
    layer {{ name: "ip" type: "InnerProduct" bottom: "c" top: "ip"
             inner_product_param {{ num_output: 4 {FILLED} }} }}"""


@pytest.mark.parametrize('sample', [(3, 20), (2, 6, 7, 8)])
@pytest.mark.parametrize('method', ['lsuv', 'kmeans'])
@pytest.mark.parametrize('given', [True, False])
def test_signals_and_volumes(tmp_path, capsys, sample, method, given):
    proto = written(tmp_path, convolution(*sample))
    argv = ['--proto', proto, '--method', method, '--dry-run']
    if given:
        np.save(tmp_path / 'x.npy', np.random.default_rng(0).normal(3, 2, (40, *sample)))
        argv += ['--data', str(tmp_path / 'x.npy')]
    found = json_of(init_net.main, argv, capsys)
    assert found['samples'] == 32
    assert found['layers'][0]['after']['change_rate'] > 0
    assert given or found['data'] == 'Gaussian noise'
    assert json.dumps(json_of(stats.main, argv[:2] + argv[5:], capsys)['inputs'])


# -- a net that is whole only in TEST


def test_a_net_of_test_alone(tmp_path, capsys):
    text = convolution(3, 20).replace('name: "in"', 'name: "in" include { phase: TEST }')
    proto = written(tmp_path, text)
    assert init_net.main(['--proto', proto, '--dry-run']) == 1
    err = capsys.readouterr().err
    assert "Unknown bottom blob 'x'" in err
    assert err.endswith('; the net is whole in the other phase: --phase test\n')
    argv = ['--proto', proto, '--phase', 'test']
    assert json_of(init_net.main, argv, capsys)['samples'] == 32
    assert json_of(stats.main, argv, capsys)['samples'] == 32
