"""goodinit.initialize and measure as programs use them: what they take, what they show, and what
they say of arguments that do not fit."""

import re

import numpy as np
import pytest
from goodinit.feeding.any_data import MOST_BATCHES
from goodinit.netlib.errors import DataError, NetError
from goodinit.proto import parse_net, read_weights
from goodinit.tools.init_net import main as init
from toolkit import DEPLOY, train_val, written

import goodinit


@pytest.fixture
def net():
    return goodinit.Net(parse_net(DEPLOY), seed=0)


def images(count=40, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 3, 8, 8)).astype(np.float32)


def weights(net):
    return [param.data.copy() for param in net.all_params()]


def assert_equal(some, others):
    for one, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(one, other)


# -- what initialize takes


def test_a_preset_and_a_seed_give_the_weights_of_the_command(tmp_path):
    proto, data = written(tmp_path), tmp_path / 'x.npy'
    np.save(data, images())
    out = tmp_path / 'theirs.caffemodel'
    given = ['--batch-size', '20', '--batches', '2', '--seed', '3', '--method', 'kmeans']
    assert init(['--proto', proto, '--data', str(data), '--out', str(out), '--quiet', *given]) == 0
    net = goodinit.open_net(proto, seed=3)
    goodinit.initialize(net, images(), 'kmeans', seed=3)
    theirs = [np.array(blob.data) for layer in read_weights(out).layer for blob in layer.blobs]
    assert_equal([values.ravel() for values in weights(net)], theirs)


def test_a_generator_is_used_as_it_is(net):
    batches = [{'data': images()}]
    goodinit.initialize(net, batches, 'lsuv', np.random.default_rng(5))
    ours = weights(net)
    goodinit.initialize(net, batches, goodinit.PRESETS['lsuv'], rng=np.random.default_rng(5))
    assert_equal(ours, weights(net))
    goodinit.initialize(net, batches, 'lsuv', 5)
    fives = weights(net)
    goodinit.initialize(net, batches, seed=np.int64(5))
    assert_equal(fives, weights(net))
    assert (fives[0] != ours[0]).any()


class Tensor:
    """An array of another library."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values


@pytest.mark.parametrize(
    'make',
    [
        lambda x: x,
        lambda x: x.astype(np.float64),
        Tensor,
        lambda x: (x, np.zeros(40)),
        lambda x: {'data': x},
        lambda x: [{'data': x[:20]}, {'data': Tensor(x[20:])}],
        lambda x: [x[:20], x[20:]],
        lambda x: iter([x[:20], x[20:]]),
        lambda x: goodinit.open_data(x, goodinit.Net(parse_net(DEPLOY)), batch_size=40),
    ],
)
def test_forms_of_data(make, net):
    goodinit.initialize(net, make(images()), 'lsuv', seed=0)
    rows = goodinit.measure(net, [images()])
    assert [row.output_std for row in rows] == pytest.approx([1, 1], abs=0.02)


def test_pairs_and_labels_that_are_missing(tmp_path):
    net = goodinit.open_net(written(tmp_path, train_val()), input_shape=(3, 8, 8))
    labels = np.arange(40) % 5
    for data in ([(images(), labels)], [[images(), labels]], [{'data': images()}], [images()]):
        goodinit.initialize(net, data, 'lsuv', seed=0)
        assert net.blobs['label'].shape == (40,)


def test_at_most_so_many_samples_are_taken(net):
    seen = []
    net.after_forward.append(lambda i: seen.append(net.blobs['data'].shape[0]) if i == 1 else None)
    goodinit.initialize(net, images(500), 'lsuv', seed=0)
    assert seen == [32] * MOST_BATCHES
    seen.clear()
    goodinit.initialize(net, images(50), 'lsuv', seed=0)
    assert seen == [25, 25]


def test_options_replace_parts_of_a_recipe(net):
    notes = goodinit.initialize(net, images(), 'lsuv', seed=0, between='exact', target=4.0)
    assert notes.recipe == goodinit.Recipe(between='exact', target=4.0)
    recipe = goodinit.Recipe('msra', 'none')
    assert goodinit.initialize(net, images(), recipe, layers='ip').recipe.layers == 'ip'


def test_mean_and_scale(net):
    x = 50 * images() + 100
    for data in (x, [x], {'data': x}):
        goodinit.initialize(net, data, 'lsuv', seed=0, mean=(100, 100, 100), scale=0.02)
        scaled = weights(net)
        goodinit.initialize(net, [(x - 100) * np.float32(0.02)], 'lsuv', seed=0)
        for one, other in zip(scaled, weights(net), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-2, atol=1e-5)


# -- notes


def test_notes_speak_of_arguments_and_end(net):
    x = 53 * images() + 113
    (note,) = on_data(goodinit.initialize(net, x, 'lsuv', seed=0))
    advice = re.search(r'about 0 and 1 \(mean=\((.*?)\) scale=(.*?)\)$', note)
    mean = [float(number) for number in advice[1].split(',')]
    assert mean == pytest.approx([113] * 3, abs=4) and float(advice[2]) == 0.019
    assert on_data(goodinit.initialize(net, x, seed=0, mean=mean, scale=0.019)) == []
    data = goodinit.open_data(x, net, mean=mean, scale=0.019, batch_size=40)
    assert on_data(goodinit.initialize(net, data, seed=0)) == []


def on_data(notes):
    return [note for note in notes if 'networks learn best' in note]


def test_all_layers_is_an_argument(net):
    (note,) = [note for note in goodinit.initialize(net, images(), 'pca') if 'Gaussian' in note]
    assert note.endswith('(all_layers=True takes it from samples, too)')
    notes = goodinit.initialize(net, images(), 'pca', all_layers=True)
    assert not [note for note in notes if 'Gaussian' in note]


# -- what is shown


def test_notes_are_a_list_and_show_as_a_table(net):
    notes = goodinit.initialize(net, images(), 'pca', seed=0)
    assert isinstance(notes, list) and notes == list(notes)
    lines = repr(notes).splitlines()
    assert lines[0] == "Net 'Small': pca, within, exact"
    assert lines[1].split() == ['layer', 'type', 'weights', 'W', 'std', 'b', 'mean']
    assert lines[2].split()[:2] == ['conv', 'Convolution'] and '4 x 3 x 3 x 3' in lines[2]
    assert lines[4:] == [f'note: {note}' for note in notes]
    assert '<th>W std</th>' in notes._repr_html_() and 'all_layers=True' in notes._repr_html_()


def test_measures_show_as_a_table(net):
    rows = goodinit.measure(net, images(), seed=0)
    assert [row.layer for row in rows] == ['conv', 'ip'] and isinstance(rows, list)
    lines = repr(rows).splitlines()
    assert lines[0] == '2 layers, measured' and lines[1].split()[:3] == ['layer', 'type', 'mean']
    assert lines[4].startswith('greatest change rate over the smallest: ')
    assert rows._repr_html_().count('<tr>') == 3


def test_data_show_as_a_table(net):
    feed = goodinit.open_data(images(), net)
    html = feed._repr_html_()
    assert '<th>shape of a batch</th>' in html and '3 x 8 x 8</td>' in html


def test_a_bar_counts_layers(net, capsys):
    goodinit.initialize(net, images(), 'lsuv', progress=True)
    assert f'/{len(net.layers)}' in capsys.readouterr().err
    names = []
    goodinit.initialize(net, images(), 'lsuv', progress=names.append)
    assert names == [layer.name for layer in net.layers]
    assert capsys.readouterr().err == ''


# -- what is wrong


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ((images(), 'lsvu'), r"recipe: found 'lsvu', needed: one of lsuv, .*; did you mean 'lsuv'"),
        ((images(), 7), r"recipe: found int, needed: a name such as 'lsuv', or a goodinit.Recipe"),
        ((images(), 'lsuv', 'a'), "rng: found 'a', needed: a whole number from 0, or for rng a"),
        ((images(), 'lsuv', -1), 'rng: found -1, needed: a whole number from 0'),
        ((images(), 'lsuv', True), 'rng: found True, needed: a whole number'),
        ((None,), r'data: found NoneType, needed: an array \(N, C, H, W\), a pair of samples and'),
        ((3,), 'data: found int, needed'),
        (([],), 'data: found no batch, needed'),
        ((images(0),), 'data: found no samples, needed'),
        (((images(), 1, 2),), 'data: found a tuple of 3, needed'),
        (([[images()] * 2],), r'batch 0: found list, needed: an array'),
        ((['x'],), r'batch 0: found str, needed: an array'),
        ((images().astype('S3'),), r'data: found an array of \|S3, needed: numbers'),
        (([{'data': images() * 1j}],), "batch 0: 'data': found an array of complex"),
        (([{'dat': images()}],), r"batch 0: found 'dat', needed: inputs of the net \(data\)"),
        (([{'data': images()}, {}],), "batch 1: lacks 'data', an input of the net"),
        (
            ([images().transpose(0, 2, 3, 1)],),
            r"batch 0: 'data' is 40 x 8 x 8 x 3; the net needs \(N, 3, 8, 8\)",
        ),
        ((images().transpose(0, 2, 3, 1),), 'its last axis looks like the channels: transpose'),
        (([images(0)],), r"batch 0: 'data' is 0 x 3 x 8 x 8; the net needs \(N, 3, 8, 8\)"),
        (([images() * np.nan],), "input 'data' contains NaN or infinity"),
        (('nowhere',), 'data nowhere: no such file or folder'),
    ],
)
def test_arguments_that_do_not_fit(arguments, message, net):
    with pytest.raises((NetError, DataError), match=message):
        goodinit.initialize(net, *arguments)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'targt': 1}, "targt: no argument, part or option; did you mean 'target'"),
        ({'target': 'a'}, "target: found 'a', needed: a number above 0"),
        ({'target': 0}, 'target: found 0, needed: a number above 0'),
        ({'max_trials': 0}, 'max_trials: found 0, needed: a number, 1 or more'),
        ({'between': 'exat'}, "between: found 'exat', needed: .*; did you mean 'exact'"),
        ({'rng': 1, 'seed': 1}, 'found both rng and seed; needed: one of them'),
        ({'mean': (1, 2)}, r'mean: found 2 numbers, needed: 1, or 3'),
    ],
)
def test_options_that_do_not_fit(options, message, net):
    with pytest.raises((NetError, DataError), match=message):
        goodinit.initialize(net, images(), **options)


def test_the_data_of_a_feed_are_scaled_where_they_are_opened(net):
    with pytest.raises(DataError, match=r'mean, scale: give them to goodinit\.open_data'):
        goodinit.initialize(net, goodinit.open_data(images(), net), mean=1)


def test_a_solver_and_pycaffes_net_have_a_net(net):
    class Holder:
        def __init__(self, net):
            self.net = net

    rows = goodinit.measure(net, images())
    assert repr(goodinit.measure(Holder(Holder(net)), images())) == repr(rows)
    assert goodinit.initialize(Holder(net), images()).net is net


def test_what_is_no_net():
    with pytest.raises(NetError, match='net: found str, needed: a net, such as'):
        goodinit.initialize('lenet', images())
    with pytest.raises(NetError, match='net: found NoneType, needed: a net'):
        goodinit.measure(None, images())
