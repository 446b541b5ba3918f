#!/usr/bin/env python3
"""Print the script that lets a shell complete commands, options and the names of bundled models.

    goodinit completion bash > ~/.local/share/bash-completion/completions/goodinit
    goodinit completion zsh > ~/.zfunc/_goodinit

bash reads the file when it next starts; zsh, if ~/.zfunc is in its fpath.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from goodinit.tools.cli.console import Parser, run

from goodinit.feeding.bundled import model_names
from goodinit.netlib.errors import import_extra
from goodinit.tools.cli.main import COMMANDS, FILES
from goodinit.tools.cli.values import one_of

# Functions that complete the name of a model or of a file, in each shell's language.
NETS = {
    'bash': '_goodinit_net() { compgen -W "MODELS" -- "$1"; compgen -f -- "$1"; }',
    'zsh': '_goodinit_net() { compadd - MODELS; _files; }',
}
NET = dict.fromkeys(NETS, '_goodinit_net')
FILE = {'bash': '_shtab_compgen_files', 'zsh': '_files'}
FIRST = ('net', 'solver', 'files')  # the arguments that a bundled model may be


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(complete, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit completion', __doc__ or '')
    shells = ', '.join(NETS)
    parser.add_argument('shell', metavar='SHELL', type=one_of(NETS), help=shells)
    return parser


def complete(args: argparse.Namespace) -> None:
    shtab = import_extra('shtab', 'completion')
    functions = NETS[args.shell].replace('MODELS', ' '.join(model_names()))
    print(shtab.complete(whole_parser(), args.shell, preamble={args.shell: functions}))


def whole_parser() -> argparse.ArgumentParser:
    """The command line as one parser, with a parser for each command."""
    whole = argparse.ArgumentParser(prog='goodinit', description='Caffe in Python')
    commands = whole.add_subparsers(dest='command', parser_class=argparse.ArgumentParser)
    for name, summary in COMMANDS.items():
        own = import_module(f'goodinit.tools.{FILES.get(name, name)}').arguments()
        commands.add_parser(name, help=summary, parents=[own], add_help=False)
        for action in own._actions:
            complete_values(action)
    return whole


def complete_values(action: argparse.Action) -> None:
    """Say what completes an argument: the words that it may be, models and files for a net, files
    for any other text."""
    if isinstance(action.type, one_of):
        action.choices = action.type.known
    elif action.dest in FIRST:
        action.complete = NET  # type: ignore[attr-defined]
    elif action.type in (None, str) and action.nargs != 0:
        action.complete = FILE  # type: ignore[attr-defined]


if __name__ == '__main__':
    sys.exit(main())
