"""The nets that benchmarks run, with random weights and images, and what they cost."""

from functools import cache

import numpy as np
from goodinit.feeding.bundled import find_model
from goodinit.feeding.input_layers import with_inputs
from goodinit.feeding.net_file import read_net_file
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.netlib.engines import Engine
from goodinit.netlib.ranks import Ranks
from goodinit.proto import parse_text, read_net
from goodinit.proto.caffe_pb2 import NetParameter, SolverParameter
from goodinit.solvers import Solver
from goodinit.zoo.cost import cost

SOLVER = """
    base_lr: 1e-6 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005
    max_iter: 1000000 snapshot_prefix: "x" random_seed: 0
"""


def deployed(model: str, batch: int) -> NetParameter:
    """The deploy net of a bundled model, for a batch of so many images."""
    param = read_net(find_model(model, 'deploy'))
    param.layer[0].input_param.shape[0].dim[0] = batch
    return param


def trained(model: str, batch: int) -> NetParameter:
    """The net in training, with inputs in place of its data layers."""
    image = deployed(model, batch).layer[0].input_param.shape[0].dim
    shapes = {'data': tuple(image), 'label': (batch,)}
    return with_inputs(read_net_file(model).param, shapes)


def random_inputs(param: NetParameter, seed: int = 0) -> dict[str, np.ndarray]:
    """Values for what the Input layers make: normal images, labels from 0 to 9."""
    rng = np.random.default_rng(seed)
    values: dict[str, np.ndarray] = {}
    for layer in param.layer:
        if layer.type != 'Input':
            continue
        for top, shape in zip(layer.top, layer.input_param.shape, strict=True):
            if len(shape.dim) == 4:
                values[top] = rng.standard_normal(tuple(shape.dim), np.float32)
            else:
                values[top] = rng.integers(0, 10, tuple(shape.dim))
    return values


@cache
def batch_of(model: str, images: int) -> dict[str, np.ndarray]:
    """`data` and `label` of so many images for a bundled model."""
    return random_inputs(trained(model, images))


def put_inputs(net: Net, param: NetParameter) -> None:
    for name, values in random_inputs(param).items():
        net.blobs[name].data = values


def filled_net(param: NetParameter, phase: int, engine: Engine | str = 'reference') -> Net:
    """The net with random weights and inputs."""
    net = Net(param, phase, engine=engine)
    fill(net, np.random.default_rng(0))
    put_inputs(net, param)
    return net


def filled_solver(
    param: NetParameter, engine: Engine, share_memory: bool = False, ranks: Ranks | None = None
) -> Solver:
    """SGD with momentum on the net, with random weights and inputs."""
    solver = Solver(
        parse_text(SOLVER, SolverParameter(net_param=param)),
        engine=engine,
        fill=lambda net: fill(net, np.random.default_rng(0)),
        share_memory=share_memory,
        ranks=ranks,
    )
    put_inputs(solver.net, param)
    return solver


def operations(model: str, batch: int) -> float:
    """Operations of the convolutions and inner products of a forward pass of a batch, as their
    definitions count them: a multiplication and an addition are two."""
    param = deployed(model, batch)
    shape = param.layer[0].input_param.shape[0].dim
    return 2.0 * batch * cost(param, shape).macs
