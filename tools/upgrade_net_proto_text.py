#!/usr/bin/env python3
"""Bring the prototxt of a net to the current format, as Caffe's tool of this name does.

    goodinit upgrade_net_proto_text old.prototxt new.prototxt

Exit status 1: something that a V0 layer cannot have was left out, or there is no output and an
error says why. 2: IN is not the text of a net.
"""

import argparse
import sys
from collections.abc import Sequence

from goodinit.tools.cli.gflags import GflagsParser, run_logged

from goodinit.proto import ProtoError, existing_file, forks, parse_text, read_text, write_text
from goodinit.proto.caffe_pb2 import NetParameter
from goodinit.proto.errors import about
from goodinit.solvers.log.glog import log
from goodinit.tools.cli.upgrading import upgrade_arguments, upgraded_net

PLACE = 'upgrade_net_proto_text.cpp'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run_logged(upgrade, arguments(), argv)


def arguments() -> GflagsParser:
    return upgrade_arguments('upgrade_net_proto_text', __doc__)


def upgrade(args: argparse.Namespace) -> int:
    existing_file(args.input)
    try:
        net = parse_text(read_text(args.input), NetParameter(), args.input)
    except ProtoError as error:
        log(f'{PLACE}:29', f'Failed to parse input text file as NetParameter: {error}', 'E')
        return 2
    upgraded, problems = upgraded_net(net, args.input, PLACE)
    with about(args.input):
        forks.rewrite(upgraded)
    write_text(upgraded, args.output)
    log(f'{PLACE}:49', f'Wrote upgraded NetParameter text proto to {args.output}')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
