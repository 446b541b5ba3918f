"""What the experiments on Luther & Seung (2019) share: ReLU nets of equal layers, their statistics
over samples, and the theory of infinite width."""

from math import acos, pi, sqrt

import numpy as np
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.proto.caffe_pb2 import NetParameter

DEPTH = 50
SAMPLES = 100


# -- theory


def similarity(c: float) -> float:
    """K(c) of eq. 7: the cosine similarity of two activation vectors one ReLU layer after it was c,
    in closed form (Cho & Saul 2009): (sqrt(1 - c^2) + c (pi - arccos c)) / pi."""
    return (sqrt(1 - c * c) + c * (pi - acos(c))) / pi


def similarities(depth: int) -> list[float]:
    """K^l(0) for the layers l = 0 to depth - 1: what enters the layers 1 to depth."""
    found = [0.0]
    while len(found) < depth:
        found.append(similarity(min(found[-1], 1.0)))
    return found


def predicted_ratios(depth: int) -> list[float]:
    """The ratio m / v of eq. 8 in the layers 1 to depth."""
    return [sqrt(c / (1 - c)) for c in similarities(depth)]


# -- nets


def multilayer(width: int, depth: int, samples: int, batch_norm: bool = False) -> NetParameter:
    """The layers of a net of `depth` equal ReLU layers on inputs 'x0': preactivations 'u1', ...,
    with `batch_norm` those that are normalized, and activations 'x1', ...; He et al.'s fillers.

    The weights do not learn, so that a backward pass computes gradients of activations alone.
    """
    param = NetParameter(name=f'MLP of {depth} x {width}', force_backward=True)
    data = param.layer.add(name='x0', type='Input', top=['x0'])
    data.input_param.shape.add(dim=[samples, width])
    for i in range(1, depth + 1):
        affine = param.layer.add(
            name=f'fc{i}', type='InnerProduct', bottom=[f'x{i - 1}'], top=[f'u{i}']
        )
        affine.param.add(lr_mult=0)
        affine.param.add(lr_mult=0)
        affine.inner_product_param.num_output = width
        affine.inner_product_param.weight_filler.type = 'msra'
        if batch_norm:
            param.layer.add(name=f'bn{i}', type='BatchNorm', bottom=[f'u{i}'], top=[f'n{i}'])
        entering = f'n{i}' if batch_norm else f'u{i}'
        param.layer.add(name=f'relu{i}', type='ReLU', bottom=[entering], top=[f'x{i}'])
    return param


def random_net(param: NetParameter, rng: np.random.Generator, engine: str) -> Net:
    """The net, filled."""
    net = Net(param, engine=engine, seed=int(rng.integers(2**32)))
    fill(net, rng)
    return net


def put_normal_inputs(net: Net, rng: np.random.Generator) -> None:
    """Inputs drawn from N(0, 1)."""
    shape = net.blobs['x0'].shape
    net.blobs['x0'].data = rng.standard_normal(shape, np.float32)
