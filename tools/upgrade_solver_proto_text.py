#!/usr/bin/env python3
"""Bring a solver prototxt to the current format (`type` in place of `solver_type`), as Caffe's tool
of this name does.

    goodinit upgrade_solver_proto_text old_solver.prototxt solver.prototxt

Exit status 1: there is no output, and an error says why. 2: IN is not the text of a solver.
"""

import argparse
import sys
from collections.abc import Sequence

from goodinit.tools.cli.gflags import GflagsParser, run_logged

from goodinit.proto import (
    ProtoError,
    existing_file,
    parse_text,
    read_text,
    upgrade_solver,
    write_text,
)
from goodinit.proto.caffe_pb2 import SolverParameter
from goodinit.proto.errors import about
from goodinit.solvers.log.glog import log
from goodinit.tools.cli.upgrading import BEGIN, DONE, upgrade_arguments

PLACE = 'upgrade_solver_proto_text.cpp'
SOLVER_TYPE = "'solver_type' field (enum)"
NOTE = (
    "Note that future Caffe releases will only support 'type' field (string) for a solver's type."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run_logged(upgrade, arguments(), argv)


def arguments() -> GflagsParser:
    return upgrade_arguments('upgrade_solver_proto_text', __doc__)


def upgrade(args: argparse.Namespace) -> int:
    existing_file(args.input)
    try:
        solver = parse_text(read_text(args.input), SolverParameter(), args.input)
    except ProtoError as error:
        log(f'{PLACE}:29', f'Failed to parse input text file as SolverParameter: {error}', 'E')
        return 2
    write_text(upgraded_solver(solver, args.input), args.output)
    log(f'{PLACE}:49', f'Wrote upgraded SolverParameter text proto to {args.output}')
    return 0


def upgraded_solver(solver: SolverParameter, name: str) -> SolverParameter:
    """The solver in the current format, with Caffe's log. Raises ProtoError."""
    if not solver.HasField('solver_type'):
        log(f'{PLACE}:43', f'File already in latest proto format: {name}', 'E')
        return upgrade_solver(solver)
    # BVLC's own line has this stray quote.
    log('upgrade_proto.cpp:1084', f"{BEGIN} {SOLVER_TYPE}': {name}")
    with about(name):
        upgraded = upgrade_solver(solver)
    log('upgrade_proto.cpp:1091', f"{DONE} {SOLVER_TYPE} to 'type' field (string).")
    log('upgrade_proto.cpp:1093', NOTE, 'W')
    return upgraded


if __name__ == '__main__':
    sys.exit(main())
