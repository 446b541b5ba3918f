#!/usr/bin/env python3
"""The command of BVLC Caffe, with its flags and its log: train or score a net, time its layers, ask
for a GPU.

    goodinit caffe train --solver=solver.prototxt --weights=init.caffemodel
    goodinit caffe test -model net.prototxt -weights trained.caffemodel -iterations 100
    goodinit caffe time --model=net.prototxt

`goodinit train` and `goodinit test` do the same in fewer lines.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial

from goodinit.tools.cli.gflags import GflagsParser, add_flag, add_switch, run_logged

from goodinit.tools.bvlc.devices import device_query
from goodinit.tools.bvlc.flags import gpus
from goodinit.tools.bvlc.scoring import test
from goodinit.tools.bvlc.timing import time_layers
from goodinit.tools.bvlc.training import train
from goodinit.tools.cli.arguments import add_force, add_strictness
from goodinit.tools.cli.gpu import TF32
from goodinit.tools.cli.signals import EFFECTS
from goodinit.tools.cli.values import one_of, whole

from goodinit import __version__

ACTIONS: dict[str, Callable[[argparse.Namespace], None]] = {
    'train': train,
    'test': test,
    'time': time_layers,
    'device_query': device_query,
}
DEFAULT = '(default: %(default)s)'
GPU = (
    'the number of the GPU that computes, or all '
    "(default: the CPU, or what the solver's solver_mode says)"
)
SIGINT = f'train: what SIGINT does: snapshot, stop (after a snapshot) or none {DEFAULT}'
SIGHUP = f'train: what SIGHUP does {DEFAULT}'
ON_NAN = (
    'train: what to do if the loss is no longer finite: stop, or warn '
    '(default: go on, as BVLC does)'
)
DETERMINISTIC = 'train: on a GPU, use only algorithms that give the same bits each time'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command on its arguments; returns the exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    if not given:
        arguments().print_help()
        return 0
    return run_logged(lambda args: ACTIONS[args.action](args), arguments(), given)


def arguments() -> GflagsParser:
    """The command line; as gflags have it, each flag is written with one dash or two."""
    parser = GflagsParser('goodinit caffe', __doc__ or '')
    actions = ', '.join(ACTIONS)
    parser.add_argument('action', metavar='ACTION', type=one_of(ACTIONS), help=actions)
    version = f'goodinit {__version__}'
    parser.add_argument('-version', '--version', action='version', version=version)
    add = partial(add_flag, parser)
    add('solver', 'train: the solver prototxt')
    add('model', 'test, time: the net prototxt')
    add('weights', 'train, test: caffemodels, separated by commas; train takes them or a snapshot')
    add('snapshot', 'train: the .solverstate to resume from')
    add('gpu', GPU, gpus, [])
    add('phase', f'time: TRAIN or TEST {DEFAULT}', one_of(['TRAIN', 'TEST']), 'TRAIN')
    add('level', f"the net's level {DEFAULT}", whole(0), 0)
    add('stage', "the net's stages, separated by commas")
    add('iterations', f'test, time: how many {DEFAULT}', whole(1), 50)
    add('sigint_effect', SIGINT, one_of(EFFECTS), 'stop')
    add('sighup_effect', SIGHUP, one_of(EFFECTS), 'snapshot')
    add_switch(parser, 'deterministic', DETERMINISTIC)
    add_switch(parser, 'tf32', TF32)
    add_strictness(parser)
    add_force(parser)
    add('on_nan', ON_NAN, one_of(['stop', 'warn']), None)
    return parser


if __name__ == '__main__':
    sys.exit(main())
