"""Flags as Caffe's tools take them, by Google's gflags: with one dash or two, -x v or -x=v, and
switches."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from .console import Parser


def add_flag(
    parser: Parser, name: str, help: str, type: Callable[[str], Any] = str, default: Any = ''
) -> None:
    """A flag with a value."""
    parser.add_argument(f'-{name}', f'--{name}', metavar='X', help=help, type=type, default=default)


def add_switch(parser: Parser, name: str, help: str) -> None:
    """A flag that is on or off: --x, --x=true, --nox, --x=false (see `plain`)."""
    parser.add_argument(f'-{name}', f'--{name}', action='store_true', help=help)


def plain(arguments: Sequence[str], switches: Sequence[str]) -> list[str]:
    """The arguments with each switch as --x, or left out where it is off."""
    spelling = re.compile(
        rf'--?(?P<no>no)?(?P<name>{"|".join(switches)})(=(?P<value>true|false|1|0|yes|no|t|f|y|n))?'
    )
    out = []
    for argument in arguments:
        switch = spelling.fullmatch(argument)
        if not switch:
            out.append(argument)
        elif (switch['value'] or 'true')[0] in 'ty1' and not switch['no']:
            out.append(f'--{switch["name"]}')
    return out
