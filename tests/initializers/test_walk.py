"""The walk: what each halt sees, how often layers run, what is kept alive."""

import doctest
import importlib
import itertools

import numpy as np
import pytest
from goodinit.initializers import walk
from goodinit.initializers.walk import measuring
from goodinit.netlib.errors import DataError
from goodinit.netlib.layers.shared.affine import Affine
from goodinit.proto.caffe_pb2 import TEST, TRAIN
from small_nets import (
    ALL,
    WITH_BATCH_NORM,
    build,
    conv,
    data,
    fc,
    layer,
    outputs,
    pool,
    relu,
    samples,
)


def recorded(net, batches):
    """[{(layer, 'bottom' or 'top', i): array}] of a plain forward pass per batch, taken right after
    each layer."""
    runs = []
    for batch in batches:
        run = {}
        for name, values in batch.items():
            net.blobs[name].reshape(*values.shape)
            net.blobs[name].data = values
        for i, (bottom, top) in enumerate(zip(net.bottoms, net.tops, strict=True)):
            run.update({(i, 'bottom', k): blob.data.copy() for k, blob in enumerate(bottom)})
            net.forward_layer(i)
            run.update({(i, 'top', k): blob.data.copy() for k, blob in enumerate(top)})
        runs.append(run)
    return runs


def test_the_example_runs():
    module = importlib.import_module('goodinit.initializers.walk')
    failed, tried = doctest.testmod(module)
    assert not failed and tried > 5


@pytest.mark.parametrize('count', [1, 3])
@pytest.mark.parametrize('name', ALL)
def test_each_halt_sees_what_a_plain_forward_pass_sees(name, count):
    net = build(ALL[name], phase=TEST)
    batches = samples(net, count)
    expected = recorded(net, batches)
    for step in walk(net, batches):
        for which in ('bottom', 'top'):
            if which == 'top':
                step.forward()
            for use, batch in itertools.product(step.uses, range(count)):
                blobs = getattr(use, which)
                step.kept.load(batch, blobs)
                for k, blob in enumerate(blobs):
                    np.testing.assert_array_equal(
                        blob.data, expected[batch][use.index, which, k], err_msg=blob.name
                    )


@pytest.mark.parametrize('count', [1, 3])
@pytest.mark.parametrize('name', ALL)
def test_each_layer_runs_once_per_batch(name, count):
    net = build(ALL[name])
    runs = []
    net.before_forward.append(runs.append)
    for step in walk(net, samples(net, count)):
        if step.affine:
            step.forward()
            step.rescale(2.0)
    assert sorted(runs) == sorted(list(range(len(net.layers))) * count)


@pytest.mark.parametrize('count', [1, 3])
@pytest.mark.parametrize('name', ALL)
def test_rescaled_outputs_are_those_of_the_rescaled_layer(name, count):
    net = build(ALL[name], phase=TEST)
    batches = samples(net, count)
    rng = np.random.default_rng(0)
    tops = {}
    for step in walk(net, batches):
        if step.affine and step.layer.weight.owner is step.layer.weight:
            before = step.forward()
            step.rescale(
                rng.uniform(0.5, 2, step.layer.num_output),
                rng.standard_normal(step.layer.num_output) if step.bias else None,
            )
            assert not np.allclose(before.var, step.moments.var)
        step.forward()
        here = {}
        for use, batch in itertools.product(step.uses, range(count)):
            step.kept.load(batch, use.top)
            for k, blob in enumerate(use.top):
                here[batch, use.index, k] = blob.data.copy()
        tops.update(here)
        if step.affine:
            outputs = step.layer.num_output
            parts = [np.moveaxis(top, 1, 0).reshape(outputs, -1) for top in here.values()]
            z = np.concatenate(parts, axis=1)
            np.testing.assert_allclose(step.moments.mean, z.mean(axis=1), rtol=1e-5, atol=1e-5)
            np.testing.assert_allclose(step.moments.var, z.var(axis=1), rtol=1e-4)
    for batch, run in enumerate(recorded(net, batches)):
        for (i, which, k), values in run.items():
            if which == 'top':
                np.testing.assert_allclose(
                    tops[batch, i, k], values, rtol=1e-4, atol=1e-4 * np.abs(values).max()
                )


def test_batches_may_differ_in_size():
    net = build('inception', phase=TEST)
    batches = [
        {'data': batch['data'][:n]} for n, batch in zip((3, 6, 2), samples(net, 3), strict=True)
    ]
    expected = recorded(net, batches)
    for step in walk(net, batches, keep=['f']):
        if step.affine:
            step.forward()
            step.rescale(1.0)
    for batch in range(3):
        np.testing.assert_array_equal(
            step.kept.values[batch]['f'].array(), expected[batch][len(net.layers) - 1, 'top', 0]
        )


# -- memory


def deep(depth=12):
    return (
        data('4 8 16 16')
        + ''.join(
            conv(f'c{i}', f'c{i - 1}' if i else 'data', 8, more='pad: 1') + relu(f'c{i}')
            for i in range(depth)
        )
        + fc('f', f'c{depth - 1}', 5)
    )


@pytest.mark.parametrize('count', [1, 4])
def test_activations_are_freed_after_their_last_use(count):
    net = build(deep(), phase=TEST)
    batches = samples(net, count)
    one = 4 * net.blobs['data'].count
    peak = 0
    for step in walk(net, batches):
        step.forward()
        held = sum(memory.held for memory in {blob.values.memory for blob in net.blobs.values()})
        copies = {
            tensor.memory: tensor.memory.held
            for values in step.kept.values
            for tensor in values.values()
        }
        peak = max(peak, held + sum(copies.values()))
    assert peak <= (3 if count == 1 else 3 + 2 * count) * one
    assert sum(memory.held for memory in {blob.values.memory for blob in net.blobs.values()}) == 0
    assert not any(step.kept.values)


def test_a_skipped_blob_lives_until_its_last_use():
    net = build('unet')
    alive = {
        step.layer.name for step in walk(net, samples(net)) if net.blobs['d1'].values.memory.held
    }
    assert {'p', 'd2', 'up', 'crop'} <= alive and not {'u', 'score'} & alive


@pytest.mark.parametrize('count', [1, 2])
def test_blobs_can_be_kept(count):
    net = build('chain', phase=TEST)
    batches = samples(net, count)
    expected = outputs(net, batches[-1])['prob']
    *_, step = walk(net, batches, keep=['prob'])
    step.kept.load(count - 1, [net.blobs['prob']])
    np.testing.assert_array_equal(net.blobs['prob'].data, expected)


def test_parameters_that_are_blobs_survive():
    text = (
        data('4 3')
        + layer('Parameter', 'p', '', fields='parameter_param { shape { dim: 4 dim: 3 } }')
        + layer('Eltwise', 'sum', 'data p')
        + fc('f', 'sum', 2)
    )
    net = build(text)
    net.params['p'][0].data = 5
    for _ in walk(net, samples(net)):
        pass
    assert (net.params['p'][0].data == 5).all()


@pytest.mark.parametrize('count', [1, 2])
def test_an_input_may_be_changed_in_place(count):
    text = (
        data()
        + layer('Power', 'scale', 'data', 'data', 'power_param { scale: 0.1 }')
        + conv('c', 'data', 3)
        + fc('f', 'c', 2)
    )
    net = build(text, phase=TEST)
    batches = samples(net, count)
    expected = outputs(net, batches[-1])['f']
    *_, step = walk(net, batches, keep=['f'])
    step.kept.load(count - 1, [net.blobs['f']])
    np.testing.assert_array_equal(net.blobs['f'].data, expected)


# -- measuring


def test_measuring_puts_statistics_back_and_lets_dropout_pass():
    net = build(WITH_BATCH_NORM + layer('Dropout', 'd', 'f', 'f'), phase=TRAIN)
    dropout = net.layers[-1]
    with measuring(net):
        assert dropout.phase == TEST
        net.forward()
        assert net.params['bn1'][2].data == 1
    assert net.params['bn1'][2].data == 0 and dropout.phase == TRAIN
    with measuring(net, dropout=True):
        assert dropout.phase == TRAIN
    with pytest.raises(ZeroDivisionError), measuring(net):
        raise ZeroDivisionError
    assert dropout.phase == TRAIN


def test_measuring_keeps_new_weights_that_another_layer_shares():
    text = (
        layer('Input', 'data', '', fields='input_param { shape { dim: 6 } }')
        + layer(
            'Embed',
            'embed',
            'data',
            fields='embed_param { num_output: 7 input_dim: 9 bias_term: false } '
            'param { name: "E" }',
        )
        + fc('out', 'embed', 9, 'bias_term: false', 'param { name: "E" }')
    )
    net = build(text)
    with measuring(net):
        net.params['out'][0].data = 3
    assert (net.params['embed'][0].data == 3).all()


# -- what cannot be measured


@pytest.mark.parametrize('count', [1, 2])
def test_nan_in_an_input_is_named(count):
    net = build('siamese')
    batches = samples(net, count)
    batches[-1]['data_p'][0, 0, 0, 0] = np.nan
    with pytest.raises(
        DataError, match=r"input 'data_p': 1 of its 384 values are not finite \(NaN or Inf\)"
    ):
        list(walk(net, batches))


def test_nan_from_inside_is_named_by_the_layer():
    net = build(data() + layer('Log', 'log', 'data') + conv('c', 'log', 3) + pool('p', 'c'))
    assert isinstance(net.layers[2], Affine)
    with (
        pytest.raises(DataError, match=r"layer 'c' \(Convolution\): its outputs are not finite"),
        np.errstate(invalid='ignore'),
    ):
        list(walk(net, samples(net)))


def test_a_walk_leaves_the_batches_as_they_are():
    """A blob that has the memory of an input is overwritten in place by a later layer."""
    net = build(
        data('4 6')
        + 'layer { name: "flat" type: "Flatten" bottom: "data" top: "flat" }'
        + 'layer { name: "relu" type: "ReLU" bottom: "flat" top: "flat" }'
        + fc('f', 'flat', 2)
    )
    rng = np.random.default_rng(0)
    batches = [{'data': rng.standard_normal((4, 6)).astype(np.float32)} for _ in range(2)]
    before = [batch['data'].copy() for batch in batches]
    for step in walk(net, batches):
        step.forward()
    for batch, values in zip(batches, before, strict=True):
        np.testing.assert_array_equal(batch['data'], values)
