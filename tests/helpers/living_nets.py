"""Weights at which a net does something: each layer's outputs deviate by 1, and batch normalization
has the statistics of the data, times a factor."""

import numpy as np

FACTOR = 7.0


def bring_to_life(net, inputs, rng):
    """Give weights to the layers one by one, while the inputs (arrays by blob) go through them."""
    for name, values in inputs.items():
        net.blobs[name].reshape(*values.shape)
        net.blobs[name].data = values
    for i, (layer, bottoms, _) in enumerate(net.steps):
        if layer.params:
            FILLS.get(layer.type, affine)(layer.params, bottoms[0].data, rng)
            if layer.type not in FILLS:
                net.forward_layer(i)
                divide(layer.params[0], net.tops[i][0].data.std())
        net.forward_layer(i)


def put(param, values):
    param.data = np.asarray(values).reshape(param.shape)


def divide(param, by):
    param.data = param.data / (by or 1.0)


def affine(params, x, rng):
    """Random weights, biases of 0."""
    put(params[0], rng.standard_normal(params[0].count))
    for bias in params[1:]:
        put(bias, np.zeros(bias.count))


def moments(x):
    axes = tuple(axis for axis in range(x.ndim) if axis != 1)
    return x.mean(axes), x.var(axes) + 1e-3


def batch_norm(params, x, rng):
    mean, var = moments(x)
    put(params[0], mean * FACTOR)
    put(params[1], var * FACTOR)
    put(params[2], [FACTOR])


def scale(params, x, rng):
    put(params[0], rng.uniform(0.8, 1.2, params[0].count))
    for bias in params[1:]:
        put(bias, rng.normal(0, 0.1, bias.count))


def bn(params, x, rng):
    """BN of the forks: a scale, and in some of them statistics."""
    scale(params[:2], x, rng)
    for param, values in zip(params[2:], moments(x), strict=False):
        put(param, values)


def norm(params, x, rng):
    put(params[0], np.full(params[0].count, 20.0))


def slopes(params, x, rng):
    put(params[0], rng.uniform(0.1, 0.3, params[0].count))


FILLS = {
    'BN': bn,
    'BatchNorm': batch_norm,
    'Normalize': norm,
    'PReLU': slopes,
    'Scale': scale,
}
