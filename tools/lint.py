#!/usr/bin/env python3
"""Report every problem in a prototxt of a net or solver, the nets of a solver included.

    goodinit lint solver.prototxt
    goodinit lint train_val.prototxt deploy.prototxt --json

A line for each: file:line: layer 'x' (Type): what was found, what is needed. The exit status is 1
if there are errors, 0 if there are none, or only warnings.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from goodinit.tools.cli.console import Parser, run, say, shortened

from goodinit.feeding.bundled import find_model
from goodinit.netlib.errors import GoodinitError
from goodinit.netlib.shapes import Shape
from goodinit.proto import read_text
from goodinit.proto.caffe_pb2 import SolverParameter
from goodinit.tools.checks.findings import Finding, found, in_order
from goodinit.tools.checks.net_lint import NetLint
from goodinit.tools.checks.parse import parse_all
from goodinit.tools.checks.solver_lint import SolverLint
from goodinit.tools.cli.arguments import add_input_shape, add_strictness
from goodinit.tools.cli.values import whole


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(report, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit lint', __doc__ or '')
    add = parser.add_argument
    files = 'a train_val, deploy or solver prototxt, or a bundled model'
    parser.add_first(parser, '--proto', 'files', files, metavar='FILE', nargs='+')
    level = 'the level at which nets are checked (default: %(default)s)'
    add('--level', metavar='N', type=whole(0), default=0, help=level)
    add('--stage', metavar='A,B', default='', help='the stages at which nets are checked')
    add_input_shape(parser)
    add_strictness(parser)
    add('--json', action='store_true', help='print the findings as JSON')
    return parser


def report(args: argparse.Namespace) -> int:
    stages = [stage for stage in args.stage.split(',') if stage]
    findings: list[Finding] = []
    for name in args.files:
        findings += lint(name, args.level, stages, args.input_shape)
    warnings = sum(finding.warning for finding in findings)
    errors = len(findings) - warnings
    if args.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            print(shortened(str(finding)))
        say(f'{counted(errors, "error")}, {counted(warnings, "warning")}')
    return 1 if errors else 0


def lint(
    name: str, level: int = 0, stages: Sequence[str] = (), images: Shape | None = None
) -> list[Finding]:
    """Everything found in the file or bundled model `name`, in the order of its lines.

    level, stages: of a net's state; a solver has its own. images: (C, H, W) where the prototxt does
    not tell it.
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
    """'no errors', '1 error', '2 errors' and so on."""
    plural = '' if n == 1 else 's'
    return f'{n or "no"} {what}{plural}'


if __name__ == '__main__':
    sys.exit(main())
