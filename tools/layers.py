#!/usr/bin/env python3
"""List the layer types, and what each computes.

    goodinit layers
    goodinit layers loss

docs/layers.md has their shapes, parameters and sources.
"""

import argparse
import sys
from collections.abc import Sequence

from goodinit.tools.cli.console import Parser, run

from goodinit.netlib.errors import NetError, did_you_mean
from goodinit.netlib.registry import LAYERS
from goodinit.tools.cli.report import table


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(list_layers, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit layers', __doc__ or '')
    part = 'only types whose name contains it'
    parser.add_argument('part', metavar='PART', nargs='?', default='', help=part)
    return parser


def list_layers(args: argparse.Namespace) -> None:
    names = [name for name in sorted(LAYERS) if args.part.lower() in name.lower()]
    if not names:
        hint = did_you_mean(args.part, LAYERS)
        raise NetError(f"no layer type has '{args.part}' in its name{hint}")
    print(table([[name, summary(LAYERS[name])] for name in names], left=(0, 1)))


def summary(kind: type) -> str:
    """The first paragraph of a layer's docstring, in one line."""
    paragraph, _, _ = (kind.__doc__ or '').strip().partition('\n\n')
    return ' '.join(paragraph.split())


if __name__ == '__main__':
    sys.exit(main())
