"""Nets whose layers have scales far apart, and what balancing them must keep."""

import numpy as np
from goodinit.initializers import INITIALIZERS
from goodinit.initializers.gradients import weight_gradients
from goodinit.initializers.recipe import Recipe, choose
from goodinit.initializers.whole_net.whole import WholeNet
from goodinit.proto.caffe_pb2 import TEST
from small_nets import build, outputs, samples

SEED = int(np.random.default_rng(7).integers(2**63))  # what `balance` draws from default_rng(7)


def balance(net, batches, method='exact', layers='', **options):
    notes, _ = balance_and_measure(net, batches, method, layers, **options)
    return notes


def balance_and_measure(net, batches, method='exact', layers='', dropout=False, **options):
    """The notes, and what was measured."""
    chosen, _ = choose(net, Recipe(layers=layers))
    whole = WholeNet(net, batches, chosen, dropout)
    notes = INITIALIZERS[method](whole, np.random.default_rng(7), options)
    return notes, whole.measured


def rates(net, batches):
    """The log-rates by layer name, with the random losses that `balance` sees."""
    known = {}
    gradients = weight_gradients(net, batches, np.random.default_rng(SEED))
    with np.errstate(divide='ignore'):
        for weight, gradient in gradients.items():
            known[weight] = float(np.log(gradient.change_rate))
    return {
        layer.name: known[layer.weight]
        for layer in net.layers
        if layer.params and layer.params[0] in known
    }


def deviation(net, batches):
    """The standard deviation of the log-rates, which is what is made least."""
    values = [rate for rate in rates(net, batches).values() if np.isfinite(rate)]
    return np.std(values)


def spread(net, batches):
    values = [rate for rate in rates(net, batches).values() if np.isfinite(rate)]
    return np.exp(max(values) - min(values))


def unbalanced(text, dtype=np.float64, phase=TEST):
    """A net whose layers have scales far apart, its outputs, and its batches."""
    net = build(text, dtype=dtype, phase=phase)
    for i, param in enumerate(net.all_params()):
        if param.owner is param:
            param.data *= [1, 7, 0.1, 3, 0.03, 20][i % 6]
    batches = samples(net, 2)
    return net, batches, outputs(net, batches[0])


def assert_same_function(net, batch, before, rtol):
    for name, values in outputs(net, batch).items():
        np.testing.assert_allclose(
            values, before[name], rtol=0, atol=rtol * np.abs(before[name]).max(), err_msg=name
        )
