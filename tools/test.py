#!/usr/bin/env python3
"""Score a net with its weights: print the mean of each of its outputs over batches of its own test
data.

    goodinit test train_val.prototxt --weights trained.caffemodel --iterations 100
    goodinit test lenet --weights lenet_iter_50.caffemodel

A bundled net whose data do not exist is scored on scikit-learn's digits; a note says so. `goodinit
caffe test` does the same with BVLC's flags and log.
"""

import argparse
import sys
from collections.abc import Sequence

from goodinit.tools.cli.console import Parser, run, say_notes

import numpy as np
from goodinit.feeding.digit_training import Feeder
from goodinit.feeding.digits import digits_for, digits_note
from goodinit.feeding.net_file import read_net_file
from goodinit.feeding.weights_file import take_weights
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.proto.caffe_pb2 import TEST
from goodinit.solvers.events import Output, mean_outputs
from goodinit.solvers.log.caffe_log import output_lines
from goodinit.tools.cli.arguments import (
    DIGITS,
    NET,
    add_engine,
    add_force,
    add_sharing,
    add_strictness,
    option,
    switch,
)
from goodinit.tools.cli.values import whole

ITERATIONS = 50  # as `caffe test`


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(test, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit test', __doc__ or '')
    parser.add_first(parser, '--proto/--model', 'net', NET)
    weights = 'a caffemodel or .h5'
    parser.add_argument('--weights', metavar='F', required=True, help=weights)
    iterations = f'how many batches (default: {ITERATIONS}, or all of the digits)'
    option(parser, '--iterations N', iterations, whole(1))
    switch(parser, '--digits', DIGITS)
    add_engine(parser)
    add_sharing(parser)
    add_strictness(parser)
    add_force(parser)
    return parser


def test(args: argparse.Namespace) -> None:
    """Print a line for each number of each output."""
    file = read_net_file(args.net, TEST)
    digits = digits_for(file, args.digits)
    net = Net(digits.param if digits else file.param, engine=args.engine)
    fill(net, np.random.default_rng(0))
    notes = take_weights(net, args.weights)
    if args.share:
        net.share_memory()
    batches = ITERATIONS
    if digits:
        Feeder(net, digits.batches)
        notes.insert(0, digits_note(digits))
        batches = len(digits.batches)
    say_notes(notes)
    for line in output_lines(score(net, args.iterations or batches)):
        print(line.partition(': ')[2])


def score(net: Net, batches: int) -> Sequence[Output]:
    """The mean of each output over `batches` forward passes, with a progress bar on a terminal."""
    from tqdm import tqdm

    hidden = not sys.stderr.isatty()
    with tqdm(total=batches, unit='batch', leave=False, file=sys.stderr, disable=hidden) as bar:

        def forward(net: Net) -> float:
            bar.update()
            return net.forward()

        outputs, _ = mean_outputs(net, batches, forward)
        return outputs


if __name__ == '__main__':
    sys.exit(main())
