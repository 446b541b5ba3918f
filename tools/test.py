#!/usr/bin/env python3
"""Score a net with its weights: print the mean of each of its outputs over batches of its own test
data.

    goodinit test train_val.prototxt --weights trained.caffemodel --iterations 100
    goodinit test lenet --weights lenet_iter_50.caffemodel
    goodinit test caffenet --weights F --data ilsvrc12_val_lmdb --crops 10

A bundled net whose data do not exist is scored on scikit-learn's digits; a note says so. `goodinit
caffe test` does the same with BVLC's flags and log.

With --data, all of these images are scored instead, prepared as the net's data layer says: how
often the label is the best answer (top-1), and among the best five (top-5).
"""

import argparse
import sys
from collections.abc import Sequence

from goodinit.tools.cli.console import Parser, UsageError, run, say_notes

import numpy as np
from goodinit.feeding.digit_training import Feeder
from goodinit.feeding.digits import digits_for, digits_note
from goodinit.feeding.net_file import NetFile, read_net_file
from goodinit.feeding.ranked import CROPS, Ranking, rank
from goodinit.feeding.weights_file import take_weights
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.netlib.data.sources import open_store
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
from goodinit.tools.cli.gpu import engine_for
from goodinit.tools.cli.values import one_of, whole

ITERATIONS = 50  # as `caffe test`
SIDE = 256
DATA = 'images with labels: a database, a list file, ... to be scored by top-1 and top-5'
TEN = 'with --data: 1, the middle, or 10, the middle and the corners with their mirrors'


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
    option(parser, '--data PATH', DATA)
    option(parser, '--crops N', TEN, one_of(map(str, CROPS)), '1')
    option(parser, '--side N', 'with --data: resize images to cover N x N first', whole(1), SIDE)
    switch(parser, '--digits', DIGITS)
    add_engine(parser)
    add_sharing(parser)
    add_strictness(parser)
    add_force(parser)
    return parser


def test(args: argparse.Namespace) -> None:
    """Print a line for each number of each output, or for top-1 and top-5."""
    file = read_net_file(args.net, TEST)
    if args.data:
        print_ranks(args, file)
        return
    if args.crops != '1':
        raise UsageError('--crops: needs --data, the images to be scored')
    digits = digits_for(file, args.digits)
    net = Net(digits.param if digits else file.param, engine=engine_for(args))
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


def print_ranks(args: argparse.Namespace, file: NetFile) -> None:
    """Print top-1 and top-5 of all images."""
    from tqdm import tqdm

    ranking = Ranking(file, engine_for(args))
    fill(ranking.net, np.random.default_rng(0))
    say_notes(take_weights(ranking.net, args.weights))
    store = open_store(args.data)
    hidden = not sys.stderr.isatty()
    with tqdm(total=len(store), unit='image', leave=False, file=sys.stderr, disable=hidden) as bar:
        found = rank(ranking, store, max(args.side, ranking.crop), int(args.crops), bar.update)
    print(f'images = {found.images}')
    print(f'top-1 = {found.first / found.images:.4f}')
    print(f'top-5 = {found.among_five / found.images:.4f}')
    if found.unreadable:
        say_notes([f'{found.unreadable} more images cannot be read'])


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
