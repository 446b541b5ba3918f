"""Flags as Caffe's tools take them, which use Google's gflags: -x v, --x v, -x=v or --x=v; switches
also as --nox, --x=false; and the flags of Google's glog, which each of them has."""

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from tempfile import gettempdir
from typing import Any

from ...solvers.log.glog import Settings, log_file, logging
from .console import Parser, run
from .values import whole

YES = ('true', '1', 'yes', 't', 'y')
NO = ('false', '0', 'no', 'f', 'n')

# Of glog's flags those that change what is logged, and those that have nothing to change here:
# there are no verbose messages, no buffers, no mail and no stack traces.
GLOG_SWITCHES = {
    'alsologtostderr': 'with --log_dir, log to stderr too (default: true)',
    'logtostderr': 'log to stderr, not to a file',
    'log_prefix': 'begin lines with level, time and place (default: true)',
}
UNUSED_SWITCHES = (
    'colorlogtostderr',
    'drop_log_memory',
    'stop_logging_if_full_disk',
    'symbolize_stacktrace',
)
UNUSED_FLAGS = (
    'v',
    'vmodule',
    'alsologtoemail',
    'log_backtrace_at',
    'log_link',
    'logbuflevel',
    'logbufsecs',
    'logemaillevel',
    'logmailer',
    'max_log_size',
)


class GflagsParser(Parser):
    """A Parser of gflags, with those of glog."""

    def __init__(self, prog: str, description: str):
        unused = ', '.join((*UNUSED_FLAGS, *UNUSED_SWITCHES))
        epilog = f"glog's flags that have nothing to do here are accepted: {unused}."
        super().__init__(prog, description, epilog=epilog)
        self.switches: list[str] = []
        _add_glog(self)

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[override]
        """As argparse does, after each flag was spelled --x or --x=v."""
        given = sys.argv[1:] if args is None else args
        return super().parse_known_args(list(map(self._spelled, given)), namespace)

    def _spelled(self, argument: str) -> str:
        """--x or --x=v for a flag in any of gflags' spellings; other words are unchanged."""
        found = re.fullmatch(r'--?(?P<name>[a-z]\w*)(?P<value>=.*)?', argument, re.DOTALL)
        if not found or argument == '-h':
            return argument
        name, value = found['name'], found['value']
        if name in self.switches:
            return f'--{name}{value or "=true"}'
        if not value and name.removeprefix('no') in self.switches:
            return f'--{name.removeprefix("no")}=false'
        return f'--{name}{value or ""}'


def add_flag(
    parser: argparse._ActionsContainer,
    name: str,
    help: str,
    type: Callable[[str], Any] = str,
    default: Any = '',
) -> None:
    """A flag with a value."""
    names = (f'-{name}', f'--{name}')
    parser.add_argument(*names, metavar='X', help=help, type=type, default=default)


def add_switch(parser: GflagsParser, name: str, help: str, default: bool = False) -> None:
    """A flag that is on or off: --x, --x=true, --nox, --x=false."""
    parser.switches.append(name)
    add = parser.add_argument
    add(f'-{name}', f'--{name}', metavar='BOOL', type=_on_or_off, default=default, help=help)


def _on_or_off(text: str) -> bool:
    """A type of switches. Raises ArgumentTypeError."""
    value = text.lower()
    if value not in YES + NO:
        raise argparse.ArgumentTypeError(f"found '{text}', needed: true or false")
    return value in YES


# -- glog


def _add_glog(parser: GflagsParser) -> None:
    level = '0 info, 1 warnings, 2 errors, 3 none'
    add_flag(parser, 'minloglevel', f'log this level and above: {level}', whole(0), None)
    add_flag(parser, 'log_dir', 'log to a file in this folder, and to the link NAME.INFO')
    least = 'without alsologtostderr, log this level and above to stderr (default: 2)'
    add_flag(parser, 'stderrthreshold', least, whole(0), 2)
    for name, help in GLOG_SWITCHES.items():
        add_switch(parser, name, help, default=name != 'logtostderr')
    parser.switches += UNUSED_SWITCHES
    for name in (*UNUSED_FLAGS, *UNUSED_SWITCHES):
        parser.add_argument(f'-{name}', f'--{name}', help=argparse.SUPPRESS)


def run_logged(
    tool: Callable[[argparse.Namespace], int | None],
    parser: GflagsParser,
    argv: Sequence[str] | None,
) -> int:
    """As console.run, logging where glog's flags say."""

    def logged(args: argparse.Namespace) -> int | None:
        with _log_as(args, parser.prog.split()[-1]):
            return tool(args)

    return run(logged, parser, argv)


@contextmanager
def _log_as(args: argparse.Namespace, program: str) -> Iterator[None]:
    in_file = not args.logtostderr and (args.log_dir or not args.alsologtostderr)
    shown = 0 if args.logtostderr or args.alsologtostderr else args.stderrthreshold
    opened = log_file(args.log_dir or gettempdir(), program) if in_file else nullcontext()
    with opened as file, logging(Settings(args.minloglevel, shown, args.log_prefix, file)):
        yield
