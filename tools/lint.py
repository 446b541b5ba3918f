#!/usr/bin/env python3
"""All that is wrong with prototxts of nets and solvers, at once; the nets of a solver are checked
with it.

    goodinit lint solver.prototxt
    goodinit lint train_val.prototxt deploy.prototxt --json

A line each: file:line: layer 'x' (Type): what was found, what is needed. Exit status 1 where there
are errors, 0 where there are none or only warnings.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from goodinit.tools.cli.console import Parser, run, say

from goodinit.feeding.bundled import find_model
from goodinit.netlib.errors import GoodinitError
from goodinit.netlib.shapes import Shape
from goodinit.proto import read_text
from goodinit.proto.caffe_pb2 import SolverParameter
from goodinit.tools.checks.file import NetLint
from goodinit.tools.checks.findings import Finding, found, in_order
from goodinit.tools.checks.solver import SolverLint
from goodinit.tools.checks.text import parse_all
from goodinit.tools.cli.arguments import add_input_shape, add_python_layers
from goodinit.tools.cli.values import whole


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(report, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit lint', __doc__ or '')
    add = parser.add_argument
    add(
        'files',
        metavar='FILE',
        nargs='+',
        help='a train_val, deploy or solver prototxt, or a bundled model',
    )
    add(
        '--level',
        metavar='N',
        type=whole(0),
        default=0,
        help='the level of nets (default: %(default)s)',
    )
    add('--stage', metavar='A,B', default='', help='the stages of nets')
    add_input_shape(parser)
    add_python_layers(parser)
    add('--json', action='store_true', help='print the findings as JSON')
    return parser


def report(args: argparse.Namespace) -> int:
    stages = [stage for stage in args.stage.split(',') if stage]
    findings = [
        finding
        for name in args.files
        for finding in lint(name, args.level, stages, args.input_shape)
    ]
    if args.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            print(finding)
        warnings = sum(finding.warning for finding in findings)
        say(f'{counted(len(findings) - warnings, "error")}, {counted(warnings, "warning")}')
    return int(any(not finding.warning for finding in findings))


def lint(
    name: str, level: int = 0, stages: Sequence[str] = (), images: Shape | None = None
) -> list[Finding]:
    """What is found in the file or bundled model `name`, in the order of the lines.

    level, stages: of a net's state; a solver says its own. images: (C, H, W) where it cannot be
    told.
    """
    try:
        path = str(find_model(name))
        text = read_text(path)
    except GoodinitError as error:
        return [found(error, name)]
    message, errors = parse_all(text, path)
    if isinstance(message, SolverParameter):
        return in_order(SolverLint(message, text, path, errors, images).check())
    net = NetLint(message, text, path, errors, images)
    net.in_both_phases(level, stages)
    return in_order(net.findings)


def counted(n: int, what: str) -> str:
    return f'{n or "no"} {what}{"s" * (n != 1)}'


if __name__ == '__main__':
    sys.exit(main())
