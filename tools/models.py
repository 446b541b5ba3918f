#!/usr/bin/env python3
"""List the models that come with goodinit.

    goodinit models
    goodinit models fitnet

Every command takes them by name.
"""

import argparse
import sys
from collections.abc import Sequence

from goodinit.tools.cli.console import Parser, run

from goodinit.feeding.bundled import MODELS, find_model, model_names
from goodinit.netlib.errors import NetError, did_you_mean
from goodinit.tools.cli.report import table

EPILOG = f"""Tools take them by name: lenet, fitnet4/relu; lenet/deploy and lenet/solver are the
other files of a model.

The files are in {MODELS}"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(list_models, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit models', __doc__ or '', epilog=EPILOG)
    part = 'only names that contain it'
    parser.add_argument('part', metavar='PART', nargs='?', default='', help=part)
    return parser


def list_models(args: argparse.Namespace) -> None:
    names = [name for name in model_names() if args.part in name]
    if not names:
        hint = did_you_mean(args.part, model_names())
        raise NetError(f"no bundled model has '{args.part}' in its name{hint}")
    print(table([[name, source(name)] for name in names], left=(0, 1)))


def source(name: str) -> str:
    """The first sentence at the top of a model's file: what it is, and after whom."""
    with open(find_model(name), encoding='utf-8') as file:
        return file.readline().removeprefix('# ').strip().removesuffix('.')


if __name__ == '__main__':
    sys.exit(main())
