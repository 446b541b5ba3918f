#!/usr/bin/env python3
"""List the models that come with goodinit, or copy one to change it.

    goodinit models
    goodinit models fitnet
    goodinit models lenet --copy mine

Every command takes them by name.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from goodinit.tools.cli.console import Parser, UsageError, run, say

from goodinit.feeding.bundled import MODELS, copies, find_model, model_names
from goodinit.netlib.errors import NetError, did_you_mean
from goodinit.proto import atomic_write
from goodinit.tools.cli.arguments import option, switch
from goodinit.tools.cli.report import table

EPILOG = f"""Tools take them by name: lenet, fitnet4/relu; lenet/deploy and lenet/solver are the
other files of a model.

The files are in {MODELS}"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(models, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit models', __doc__ or '', epilog=EPILOG)
    part = 'only names that contain it; with --copy, the whole name'
    parser.add_argument('part', metavar='PART', nargs='?', default='', help=part)
    copy = "copy the model's files to this folder, which is made; its solver then trains the copy"
    option(parser, '--copy DIR', copy)
    switch(parser, '--force', 'overwrite files that are there already')
    return parser


def models(args: argparse.Namespace) -> None:
    if args.copy:
        copy_model(args.part, Path(args.copy), args.force)
    elif args.force:
        raise UsageError('--force: found without --copy, which names the folder')
    else:
        list_models(args)


def copy_model(name: str, folder: Path, force: bool) -> None:
    """Write a model's files to a folder. Raises GoodinitError, before anything is written."""
    texts = copies(name)
    for file in texts:
        if (folder / file).exists() and not force:
            raise NetError(
                f'{folder / file}: already exists (use --force to overwrite, or another folder)'
            )
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        with atomic_write(folder / file) as out:
            out.write(text.encode())
    say(f'copied {name} to {folder}: {", ".join(texts)}')
    say(f'goodinit init {folder / "train_val.prototxt"} initializes it,')
    say(f'goodinit train {folder / "solver.prototxt"} --digits trains it')


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
