"""Flags as Caffe's tools take them, which use Google's gflags: -x v, --x v, -x=v or --x=v; switches
also as --nox."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from .console import Parser

VALUES = 'true|false|1|0|yes|no|t|f|y|n'


def add_flag(
    parser: Parser, name: str, help: str, type: Callable[[str], Any] = str, default: Any = ''
) -> None:
    """A flag with a value."""
    names = (f'-{name}', f'--{name}')
    parser.add_argument(*names, metavar='X', help=help, type=type, default=default)


def add_switch(parser: Parser, name: str, help: str) -> None:
    """A flag that is on or off: --x, --x=true, --nox, --x=false (see `plain`)."""
    parser.add_argument(f'-{name}', f'--{name}', action='store_true', help=help)


def plain(arguments: Sequence[str], switches: Sequence[str]) -> list[str]:
    """The arguments with each switch as --x if it is on, and without it if it is off."""
    names = '|'.join(switches)
    spelling = re.compile(rf'--?(?P<no>no)?(?P<name>{names})(=(?P<value>{VALUES}))?')
    out = []
    for argument in arguments:
        switch = spelling.fullmatch(argument)
        if not switch:
            out.append(argument)
            continue
        value = switch['value'] or 'true'
        if value[0] in 'ty1' and not switch['no']:
            out.append(f'--{switch["name"]}')
    return out
