#!/usr/bin/env python3
"""Bring a caffemodel to the current format, as Caffe's tool of this name does.

    goodinit upgrade_net_proto_binary old.caffemodel new.caffemodel

Exit status 1: something that a V0 layer cannot have was left out, or there is no output and an
error says why. 2: IN is not a caffemodel.
"""

import argparse
import sys
from collections.abc import Sequence

from goodinit.tools.cli.gflags import GflagsParser, run_logged

from goodinit.proto import ProtoError, existing_file, read_binary, write_weights
from goodinit.proto.arrays import is_raw, without_raw
from goodinit.proto.caffe_pb2 import NetParameter
from goodinit.proto.errors import about
from goodinit.solvers.log.glog import log
from goodinit.tools.cli.upgrading import upgrade_arguments, upgraded_net

PLACE = 'upgrade_net_proto_binary.cpp'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run_logged(upgrade, arguments(), argv)


def arguments() -> GflagsParser:
    return upgrade_arguments('upgrade_net_proto_binary', __doc__)


def upgrade(args: argparse.Namespace) -> int:
    existing_file(args.input)
    try:
        net = read_binary(args.input, NetParameter())
    except ProtoError as error:
        log(f'{PLACE}:28', f'Failed to parse input binary file as NetParameter: {error}', 'E')
        return 2
    upgraded, problems = upgraded_net(net, args.input, PLACE)
    for layer in upgraded.layer:
        with about(f"{args.input}: layer '{layer.name}'"):
            for blob in filter(is_raw, layer.blobs):
                without_raw(blob)
    write_weights(upgraded, args.output)
    log(f'{PLACE}:47', f'Wrote upgraded NetParameter binary proto to {args.output}')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
