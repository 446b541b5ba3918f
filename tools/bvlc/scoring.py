"""`goodinit caffe test`: score a net, its outputs for each batch and their means."""

import argparse
from collections.abc import Sequence

import numpy as np

from ...netlib import Net
from ...proto.caffe_pb2 import TEST
from ...solvers import debug
from ...solvers.events import Output, outputs_of
from ...solvers.log.caffe_log import SolverLog, weighted
from ...solvers.log.glog import log, number
from ...solvers.log.net_log import load_weights, log_net
from .flags import check_given, net_of, parts


def test(args: argparse.Namespace) -> None:
    """Score, with the log of `caffe test`."""
    check_given(args.model, 'Need a model definition to score: --model=net.prototxt')
    check_given(args.weights, 'Need model weights to score: --weights=net.caffemodel')
    net = net_of(args, TEST, 'caffe.cpp:275')
    log_net(net)
    for path in parts(args.weights):
        load_weights(net, path)
    net.share_memory()
    score(net, args.iterations)


def score(net: Net, iterations: int) -> None:
    """Log the outputs of so many forward passes, and their means."""
    log('caffe.cpp:281', f'Running for {iterations} iterations.')
    report = SolverLog(0)
    loss = 0.0
    sums = np.zeros(())
    for i in range(iterations):
        loss += float(debug.forward(net, report)) if net.param.debug_info else float(net.run())
        scores = flat(outputs_of(net))
        for name, value, _ in scores:
            log('caffe.cpp:304', f'Batch {i}, {name} = {number(value)}')
        sums = sums + np.array([value for _, value, _ in scores])
    log('caffe.cpp:309', f'Loss: {number(loss / iterations)}')
    for (name, _, weight), mean in zip(scores, sums / iterations, strict=True):
        log('caffe.cpp:321', f'{name} = {number(mean)}{weighted(mean, weight)}')


def flat(outputs: Sequence[Output]) -> list[tuple[str, float, float]]:
    """(name, value, loss weight) of each number of each output."""
    found = []
    for output in outputs:
        for value in output.values.ravel():
            found.append((output.name, float(value), output.loss_weight))
    return found
