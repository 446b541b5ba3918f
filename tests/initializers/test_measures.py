"""What measure() says of a layer, against closed forms and brute force."""

import numpy as np
import pytest
from goodinit.initializers import measure
from goodinit.initializers.reach import score_blobs
from goodinit.netlib.errors import DataError
from goodinit.netlib.layers.shared.affine import Affine
from goodinit.proto.caffe_pb2 import TEST
from small_nets import (
    NETS,
    WITH_BATCH_NORM,
    build,
    conv,
    data,
    fc,
    layer,
    pool,
    put,
    relu,
    samples,
    shared,
)


def rows(net, batches, seed=0, **options):
    return {row.layer: row for row in measure(net, batches, np.random.default_rng(seed), **options)}


# -- the random loss


def one_by_one(net, batches, rng):
    """The mean over images of (dl/dW)^2, {owner: array}: the net run on one image at a time."""
    total = {each.weight.owner: 0.0 for each in net.layers if isinstance(each, Affine)}
    images = sum(len(batch['data']) for batch in batches)
    for batch in batches:
        put(net, batch)
        net.reshape()
        scores = score_blobs(net)
        eta = {name: rng.standard_normal(net.blobs[name].shape) for name in scores}
        for n in range(len(batch['data'])):
            put(net, {name: values[n : n + 1] for name, values in batch.items()})
            net.forward()
            net.clear_param_diffs()
            net.backward_from({name: values[n : n + 1] for name, values in eta.items()})
            for weight in total:
                total[weight] = total[weight] + weight.diff**2 / images
    return total


@pytest.mark.parametrize('name', NETS)
def test_squares_of_gradients_as_one_image_at_a_time(name):
    net = build(name, dtype=np.float64, phase=TEST)
    batches = samples(net, 2)
    expected = one_by_one(net, batches, np.random.default_rng(3))
    measured = rows(net, batches, seed=3)
    for weight, squares in expected.items():
        each = next(each for each in net.layers if each.params and each.params[0] is weight)
        row, C = measured[each.name], np.sqrt(squares)
        assert row.gradient_var == pytest.approx(squares.mean()), weight.name
        assert row.change_rate_cv == pytest.approx(C.std() / C.mean()), weight.name
        weight.diff = squares
        columns = np.sqrt(each.weight_view(diff=True).mean(axis=1))
        assert row.change_rate == pytest.approx(
            columns.mean() / np.sqrt(np.square(weight.data).mean())
        ), weight.name


@pytest.mark.parametrize('name', NETS)
def test_diffs_are_given_back_as_soon_as_nothing_reads_them(name):
    net = build(name, phase=TEST)
    held = []
    net.before_backward.append(
        lambda i: held.append(sum(blob.diffs.memory.held > 0 for blob in net.blobs.values()))
    )
    rows(net, samples(net, 2))
    assert max(held) < len(net.blobs) and not any(
        param.diffs.memory.held for param in net.all_params()
    )


def linear(inputs=40, outputs=30, images=500):
    net = build(data(f'{images} {inputs}') + fc('f', 'data', outputs), dtype=np.float64)
    spreads = np.exp(np.random.default_rng(5).standard_normal(inputs) / 2)
    return net, {'data': np.random.default_rng(6).standard_normal((images, inputs)) * spreads}


def test_change_rates_of_a_linear_net():
    """z = W x + b, so dl/dW_ij = eta_i x_j: C_ij^2 = E[x_j^2]."""
    net, batch = linear()
    row = rows(net, [batch])['f']
    C, W = np.sqrt(np.square(batch['data']).mean(axis=0)), net.params['f'][0].data
    assert row.change_rate == pytest.approx(C.mean() / np.sqrt(np.square(W).mean()), rel=0.03)
    assert row.change_rate_cv == pytest.approx(C.std() / C.mean(), rel=0.08)
    assert row.gradient_var == pytest.approx(np.square(C).mean(), rel=0.03)


def test_measures_are_per_image():
    net, batch = linear()
    parts = [{'data': part} for part in np.split(batch['data'], [100, 130])]
    whole, cut = rows(net, [batch])['f'], rows(net, parts)['f']
    for field in ('change_rate', 'change_rate_cv', 'gradient_var'):
        assert getattr(cut, field) == pytest.approx(getattr(whole, field), rel=0.1)
    for field in ('output_mean', 'output_std', 'output_cv', 'mean_to_std', 'weight_std'):
        assert getattr(cut, field) == pytest.approx(getattr(whole, field))


def test_layers_that_share_weights_have_the_gradient_of_both():
    net = build('siamese', dtype=np.float64)
    measured = rows(net, samples(net))
    for name in ('c1', 'feat'):
        for field in ('weight_std', 'change_rate', 'change_rate_cv', 'gradient_var'):
            assert getattr(measured[name], field) == getattr(measured[name + '_p'], field)
        assert measured[name].output_mean != measured[name + '_p'].output_mean


def test_shared_bias_and_weight_have_one_diff():
    net = build(
        data()
        + conv('c', 'data', 3, fields=shared('W', 'b'))
        + conv('d', 'data', 3, fields=shared('W', 'b'))
        + layer('Eltwise', 'e', 'c d')
        + fc('f', 'e', 2)
    )
    measured = rows(net, samples(net))
    assert measured['c'].change_rate == measured['d'].change_rate


def test_what_does_not_learn_or_reaches_no_score_has_no_rate():
    text = (
        data()
        + conv('c1', 'data', 4, fields='param { lr_mult: 0 } param { lr_mult: 0 }')
        + relu('c1')
        + fc('f', 'c1', 5)
        + fc('aside', 'c1', 3)
        + layer('Silence', 'silence', 'aside', '')
    )
    net = build(text)
    measured = rows(net, samples(net))
    assert np.isnan(
        [measured['c1'].change_rate, measured['aside'].change_rate, measured['aside'].gradient_var]
    ).all()
    assert measured['f'].change_rate > 0
    assert all(row.output_std > 0 for row in measured.values())


def test_zero_weights():
    net = build('chain')
    net.params['f2'][0].data = 0
    measured = rows(net, samples(net))
    assert np.isnan(measured['f2'].change_rate) and measured['f2'].gradient_var > 0
    assert measured['f1'].change_rate == 0 and np.isnan(measured['f1'].change_rate_cv)


# -- outputs


@pytest.mark.parametrize('name', NETS)
def test_outputs_are_those_before_the_nonlinearity(name):
    net = build(name, phase=TEST)
    batches = samples(net, 2)
    affine = {each.name: each for each in net.layers if isinstance(each, Affine)}
    z = {name: [] for name in affine}
    for batch in batches:
        put(net, batch)
        for i, each in enumerate(net.layers):
            net.forward_layer(i)
            if each.name in affine:
                z[each.name] += [
                    np.moveaxis(t.data, 1, 0).reshape(t.shape[1], -1).copy() for t in net.tops[i]
                ]
    for name, row in rows(net, batches).items():
        all_z, W = np.concatenate(z[name], axis=1), affine[name].weight.data
        assert row.type == affine[name].type
        np.testing.assert_allclose(
            [row.output_mean, row.output_std, row.output_cv, row.mean_to_std, row.weight_std],
            [
                all_z.mean(),
                all_z.std(),
                all_z.std(axis=1).std() / all_z.std(axis=1).mean(),
                np.sqrt(np.square(all_z.mean(axis=1)).sum() / all_z.var(axis=1).sum()),
                W.std(),
            ],
            rtol=1e-4,
            atol=1e-5,
        )


@pytest.mark.parametrize(
    'between',
    [
        relu('c'),
        pool('p', 'c') + relu('p'),
        layer('Dropout', 'd', 'c', 'c') + relu('c'),
        layer('BatchNorm', 'bn', 'c', 'c') + layer('Scale', 's', 'c', 'c') + relu('c'),
        relu('c').replace('top: "c"', 'top: "r"'),
        relu('c') + pool('p', 'c'),
        relu('c').replace('top: "c"', 'top: "r"') + layer('TanH', 't', 'c'),
    ],
)
def test_dead_units(between):
    net = build(data() + conv('c', 'data', 8) + between)
    net.params['c'][0].data[[1, 4, 5]] = 0
    net.params['c'][1].data = [1, -1, 1, 1, -1, 0, 1, 1]
    if 'BatchNorm' in between:
        net.params['s'][0].data = [1, 1, 1, 1, 1, 1, 1, 0]
    assert rows(net, samples(net, 2))['c'].dead == (4 if 'BatchNorm' in between else 3) / 8


def test_a_unit_is_dead_only_if_no_batch_wakes_it():
    net = build(data('2 1') + fc('f', 'data', 2) + relu('f'))
    net.params['f'][0].data, net.params['f'][1].data = [[1], [-1]], 0
    assert rows(net, [{'data': np.ones((2, 1))}])['f'].dead == 0.5
    assert rows(net, [{'data': np.ones((2, 1))}, {'data': -np.ones((2, 1))}])['f'].dead == 0


@pytest.mark.parametrize(
    'after',
    [
        '',
        layer('TanH', 't', 'c', 'c'),
        conv('d', 'c', 4) + relu('d'),
        layer('ReLU', 'r', 'c', 'c', 'relu_param { negative_slope: 0.1 }'),
        layer('Eltwise', 'e', 'c data') + relu('e'),
    ],
)
def test_dead_means_nothing_without_a_relu(after):
    net = build(data('6 8 10 10') + conv('c', 'data', 8, more='pad: 1') + after)
    assert np.isnan(rows(net, samples(net))['c'].dead)


# -- what is left behind


def test_the_net_is_left_as_it_was():
    net = build(WITH_BATCH_NORM + layer('Dropout', 'd', 'f', 'f'))
    for param in net.params['bn1']:
        param.data = 0.5
    old = [param.data.copy() for param in net.all_params()]
    measured = rows(net, samples(net, 2))
    for param, values in zip(net.all_params(), old, strict=True):
        np.testing.assert_array_equal(param.data, values)
        assert not param.diff.any()
    assert not net.blobs['f'].diff.any() and net.after_backward == []
    assert net.layers[-1].phase == 0
    assert all(row.change_rate > 0 for row in measured.values())


def test_dropout_is_off_unless_asked_for():
    net = build('chain')
    batches = samples(net)
    quiet, again = rows(net, batches)['f2'], rows(net, batches)['f2']
    assert str(quiet) == str(again)  # 'dead' is NaN, which is not even itself
    assert rows(net, batches, dropout=True)['f2'].output_std != quiet.output_std


def test_same_seed_same_rows():
    net = build('inception')
    batches = samples(net, 2)
    assert (
        str(rows(net, batches, seed=1))
        == str(rows(net, batches, seed=1))
        != str(rows(net, batches, seed=2))
    )


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_inputs_must_be_finite(bad):
    net = build('chain')
    batches = samples(net)
    batches[0]['data'][0, 0, 0, :2] = bad
    with pytest.raises(
        DataError, match=r"input 'data': 2 of its 1800 values are not finite \(NaN or Inf\)"
    ):
        rows(net, batches)
