"""What holds for every layer, over the list in cases.py."""

import numpy as np
import pytest
from cases import CASES
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.netlib.registry import LAYERS
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TRAIN
from gradcheck import check_gradients
from layer_runs import TESTED_ELSEWHERE, run, values

STALE = 7e3


def every_case(condition=lambda layer: True):
    """Run a test over the cases whose layer class meets the condition."""
    chosen = [case for case in CASES if condition(LAYERS[case.type])]
    return pytest.mark.parametrize('case', chosen, ids=lambda case: case.id)


def checked(dtype=np.float64):
    return make_engine('checked:reference', dtype=dtype)


def assert_same(ours, expected, rtol=1e-9):
    """Equal names, and equal arrays except for rounding relative to the largest value."""
    assert ours.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(
            ours[name], array, rtol=0, atol=rtol * np.abs(array).max(initial=1e-9), err_msg=name
        )


def test_every_layer_type_has_a_case():
    assert LAYERS.keys() - {case.type for case in CASES} == TESTED_ELSEWHERE


@every_case()
def test_gradients(case):
    check_gradients(case)


@every_case()
def test_backward_adds_to_params_and_overwrites_bottoms(case):
    net = case.net(checked())
    once = run(case, net)
    read = [*net.bottoms[-1], *net.tops[-1], *net.layers[-1].params]
    before = values(read)
    for blob in net.bottoms[-1]:
        blob.diff = STALE
    for blob in net.layers[-1].work.shared_scratch.values():
        blob.data = STALE
    case.backward(net)
    for name, blob in case.gradients(net).items():
        np.testing.assert_allclose(
            blob.diff, (2 if 'param' in name else 1) * once[name], rtol=1e-9, err_msg=name
        )
    assert_same(values(read), before, rtol=0)


@every_case(lambda layer: layer.bottoms)
def test_forward_does_not_see_stale_memory(case):
    net = case.net(checked())
    once = run(case, net)
    for blob in [
        *net.tops[-1],
        *net.layers[-1].work.buffers.values(),
        *net.layers[-1].work.shared_scratch.values(),
    ]:
        blob.data = STALE
        blob.diff = STALE
    assert_same(run(case, net), once)


@every_case()
def test_backward_computes_only_what_is_wanted(case):
    net = case.net(checked())
    net.forward()
    layer, bottom, top = net.layers[-1], net.bottoms[-1], net.tops[-1]
    case.put_top_diffs(net)
    for blob in [*bottom, *layer.params]:
        blob.diff = STALE
    for param in layer.params:
        param.learns = False
    layer.backward(top, [False] * len(bottom), bottom)
    for blob in [*bottom, *layer.params]:
        assert np.all(blob.diff == STALE), blob.name


@every_case()
def test_backward_reads_the_tops_only_where_it_says_so(case):
    net = case.net(checked())
    once = run(case, net)
    layer = net.layers[-1]
    case.put(net)
    net.forward()
    for blob in net.tops[-1]:
        blob.data = 1 if blob.name == 'mask' else STALE
    net.clear_param_diffs()
    case.backward(net)
    same = all(np.array_equal(blob.diff, once[name]) for name, blob in case.gradients(net).items())
    assert same != layer.traits.reads_top


@pytest.mark.parametrize('pool', ['Pooling', 'SPP'])
def test_a_layer_in_place_on_the_winners_of_a_pooling(pool, engine):
    """Dropout doubles them; the gradient still finds its way to where they came from."""

    def gradient(top):
        text = f"""force_backward: true
            layer {{ name: 'x' type: 'Input' top: 'x'
              input_param {{ shape {{ dim: 2 dim: 3 dim: 4 dim: 4 }} }} }}
            layer {{ name: 'pool' type: '{pool}' bottom: 'x' top: 'y'
              pooling_param {{ kernel_size: 2 stride: 2 }} spp_param {{ pyramid_height: 2 }} }}
            layer {{ name: 'drop' type: 'Dropout' bottom: 'y' top: '{top}' }}"""
        net = Net(parse_net(text), TRAIN, engine=engine, seed=0)
        net.blobs['x'].data = np.random.default_rng(0).normal(size=(2, 3, 4, 4))
        net.forward()
        net.blobs[top].diff = 1
        net.backward()
        return net.blobs['x'].diff

    np.testing.assert_array_equal(gradient('y'), gradient('z'))
    assert gradient('y').any()


@every_case(lambda layer: layer.traits.in_place)
def test_in_place_is_the_same(case):
    apart, together = (run(case, case.net(checked(), in_place)) for in_place in (False, True))
    bottom = next(iter(case.bottoms))
    assert_same(
        {case.tops[0] if name == bottom else name: array for name, array in together.items()}, apart
    )


@every_case()
def test_engines_agree(case, engine):
    assert_same(run(case, case.net(engine)), run(case, case.net(checked())), rtol=1e-4)


@every_case()
def test_saved_weights_are_loaded(case, tmp_path):
    net, fresh = (case.net(checked(np.float32)) for _ in range(2))
    for param in fresh.all_params():
        param.data = 0
    net.save(tmp_path / 'net.caffemodel')
    assert fresh.copy_from(tmp_path / 'net.caffemodel') == []
    for ours, saved in zip(fresh.all_params(), net.all_params(), strict=True):
        np.testing.assert_array_equal(ours.data, saved.data)


# -- homogeneity: what between-layer initialization relies on


def scaled(case, net, factors, params=1.0):
    """The tops with a gradient, after scaling each bottom that has one by its factor and parameters
    by theirs."""
    case.put(net)
    for blob, wanted, factor in zip(net.bottoms[-1], case.wanted(net), factors, strict=True):
        blob.data *= factor if wanted else 1
    for param, factor in zip(
        net.layers[-1].params, np.broadcast_to(params, len(net.layers[-1].params)), strict=True
    ):
        param.data *= factor
    net.forward()
    return {
        name: array
        for name, array in values(net.tops[-1]).items()
        if name not in case.no_top_gradient
    }


def times(factor, arrays):
    return {name: factor * array for name, array in arrays.items()}


@every_case()
def test_declared_scaling(case):
    net = case.net(checked())
    layer, n = net.layers[-1], len(case.bottoms)
    scaling = layer.scaling
    if scaling.kind == 'fixed':  # as its fields have it: the next test's
        return
    # A constant that makes a declaration hold only nearly vanishes for small inputs ('equal') or
    # large ones ('free').
    start = {'equal': 1e-3, 'free': 1e3}[scaling.kind] if scaling.nearly else 1.0
    rtol = 1e-4 if scaling.nearly else 1e-9
    once = scaled(case, net, [start] * n)
    factors = 2.0 ** np.arange(1, n + 1)
    if scaling.kind == 'equal':
        assert_same(scaled(case, net, [2 * start] * n), times(2, once), rtol)
    elif scaling.kind == 'free':
        assert_same(scaled(case, net, [2 * start] * n), once, rtol)
    elif scaling.kind == 'product':
        assert_same(scaled(case, net, factors), times(factors.prod() ** scaling.degree, once), rtol)
    elif scaling.kind == 'affine':
        assert_same(scaled(case, net, [2] * n, [0.5, 1][: len(layer.params)]), once, rtol)
        assert_same(scaled(case, net, [1] * n, 2), times(2, once), rtol)


def first_doubled(blob, channels, factor=2.0):
    """Factors for a blob: the first of so many equal parts of its channels is multiplied."""
    factors = np.ones(blob.shape)
    factors[:, : blob.shape[1] // channels] = factor
    return factors


@pytest.mark.parametrize(
    'case', [case for case in CASES if case.bottoms and case.down is None], ids=lambda case: case.id
)
def test_declared_channels(case):
    """The declared rule holds for parts of the channels, each with its own factor."""
    net = case.net(checked())
    scaling, bottoms = net.layers[-1].scaling, net.bottoms[-1]
    if scaling.channels != 'kept' or bottoms[0].axes < 2 or bottoms[0].shape[1] < 2:
        return
    channels = bottoms[0].shape[1]
    start = {'equal': 1e-3, 'free': 1e3}[scaling.kind] if scaling.nearly else 1.0
    rtol = 1e-4 if scaling.nearly else 1e-9
    factors = []
    for i, blob in enumerate(bottoms):
        factors.append(1.0 if i in scaling.ignores else start * first_doubled(blob, channels))
    once = scaled(case, net, [start] * len(bottoms))
    found = scaled(case, net, factors)
    power = {'free': 0, 'equal': 1, 'product': scaling.degree * len(bottoms)}[scaling.kind]
    expected = {}
    for blob in net.tops[-1]:
        if blob.name in once:
            expected[blob.name] = once[blob.name] * first_doubled(blob, channels, 2.0**power)
    assert_same(found, expected, rtol)


@pytest.mark.parametrize(
    'case', [case for case in CASES if case.bottoms and case.down is None], ids=lambda case: case.id
)
def test_what_is_declared_fixed_is_not_homogeneous(case):
    """No power p gives f(c x) = c^p f(x): else the layer should say so."""
    net = case.net(checked())
    layer = net.layers[-1]
    if layer.scaling.kind == 'fixed' and not layer.is_loss and all(case.wanted(net)):
        once, half, quarter = (
            scaled(case, net, [factor] * len(case.bottoms)) for factor in (1, 0.5, 0.25)
        )
        with pytest.raises(AssertionError):
            for name, array in once.items():
                ratio = half[name].flat[0] / array.flat[0]
                np.testing.assert_allclose(half[name], ratio * array)
                np.testing.assert_allclose(quarter[name], ratio**2 * array)
