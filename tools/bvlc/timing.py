"""`goodinit caffe time`: time each layer of a net, forward and backward, and both passes."""

import argparse
import time
from collections.abc import Callable

import numpy as np

from ...initializers import fill
from ...netlib import Net
from ...netlib.engines import Engine
from ...netlib.rng import rng_of
from ...proto.caffe_pb2 import Phase
from ...solvers.log.glog import log, number
from ...solvers.log.net_log import log_net
from .flags import check_given, net_of


def time_layers(args: argparse.Namespace) -> None:
    """Time, with the log of `caffe time`."""
    check_given(args.model, 'Need a model definition to time: --model=net.prototxt')
    net = net_of(args, Phase.Value(args.phase), 'caffe.cpp:343')
    fill(net, rng_of(None))
    log_net(net)
    log('caffe.cpp:351', 'Performing Forward')
    log('caffe.cpp:356', f'Initial loss: {number(float(net.run()))}')
    log('caffe.cpp:357', 'Performing Backward')
    net.backward()
    log('caffe.cpp:365', '*** Benchmark begins ***')
    log('caffe.cpp:366', f'Testing for {args.iterations} iterations.')
    spent = np.zeros((2, len(net.layers)))
    start = time.perf_counter()
    for i in range(args.iterations):
        begin = time.perf_counter()
        spent += timed_passes(net)
        took = milliseconds(time.perf_counter() - begin)
        log('caffe.cpp:394', f'Iteration: {i + 1} forward-backward time: {took}')
    total = time.perf_counter() - start
    log_times(net, spent / args.iterations, total, args.iterations)


def timed_passes(net: Net) -> np.ndarray:
    """The seconds that each layer takes forward (the first row) and backward."""
    spent = np.zeros((2, len(net.layers)))
    order = range(len(net.layers))
    for i in order:
        spent[0, i] = seconds_of(net.forward, i, net.engine)
    for i in reversed(order):
        spent[1, i] = seconds_of(net.backward, i, net.engine)
    return spent


def seconds_of(run: Callable[[int, int], object], layer: int, engine: Engine) -> float:
    """How long `run`, a net's forward or backward, takes for one layer."""
    begin = time.perf_counter()
    run(layer, layer)
    wait(engine)
    return time.perf_counter() - begin


def wait(engine: Engine) -> None:
    """Wait until the engine has computed what it was told: it answers in the order it was asked."""
    answer = engine.tensor(1)
    engine.fill(0, out=answer)
    answer.item()


def log_times(net: Net, mean: np.ndarray, total: float, iterations: int) -> None:
    """Log the seconds of each layer (a row forward, a row backward), of both passes, and of the
    whole."""
    log('caffe.cpp:397', 'Average time per layer: ')
    for layer, forward, backward in zip(net.layers, *mean, strict=True):
        name = f'{layer.name:>10}'
        log('caffe.cpp:400', f'{name}\tforward: {milliseconds(forward)}')
        log('caffe.cpp:403', f'{name}\tbackward: {milliseconds(backward)}')
    log('caffe.cpp:408', f'Average Forward pass: {milliseconds(mean[0].sum())}')
    log('caffe.cpp:410', f'Average Backward pass: {milliseconds(mean[1].sum())}')
    log('caffe.cpp:412', f'Average Forward-Backward: {milliseconds(total / iterations)}')
    log('caffe.cpp:414', f'Total Time: {milliseconds(total)}')
    log('caffe.cpp:415', '*** Benchmark ends ***')


def milliseconds(seconds: float) -> str:
    return f'{number(1000 * seconds)} ms.'
