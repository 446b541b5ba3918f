"""What every command line tool does alike: usage, errors in one line, exit statuses, a quiet end.

Results go to stdout, everything else to stderr. Exit status 0 is success, 1 a user's mistake, 130
an interruption.
"""

import argparse
import io
import os
import shutil
import sys
import textwrap
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn

from ...netlib.errors import GoodinitError, did_you_mean
from ...netlib.layers.host import python

BROKEN_PIPE = 141  # what a shell reports of a program whose reader has gone


class UsageError(GoodinitError):
    """A command line that cannot be understood."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose mistakes are a UsageError each, with a guess at what was meant."""

    def __init__(self, prog: str, description: str, **options):
        options.setdefault('formatter_class', Help)
        super().__init__(prog=prog, description=description, allow_abbrev=False, **options)

    def parse_args(self, args=None, namespace=None):  # type: ignore[override]
        found, rest = self.parse_known_args(args, namespace)
        if rest:
            option = rest[0].partition('=')[0]
            self.error(
                f"unexpected argument '{option}'{did_you_mean(option, self._option_string_actions)}"
            )
        return found

    def error(self, message: str) -> NoReturn:
        raise UsageError(f'{message} (see {self.prog} --help)')


class Help(argparse.RawDescriptionHelpFormatter):
    """Paragraphs with indented lines as they are written, all else wrapped to the terminal (at most
    100 columns)."""

    def __init__(self, prog: str):
        width = min(shutil.get_terminal_size().columns, 100) - 2
        super().__init__(prog, max_help_position=28, width=width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return '\n\n'.join(
            self._paragraph(part, width, indent) for part in text.strip().split('\n\n')
        )

    def _paragraph(self, text: str, width: int, indent: str) -> str:
        if '\n  ' in f'\n{text}':
            return super()._fill_text(text, width, indent)
        return textwrap.fill(
            text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False
        )


def run(
    tool: Callable[[argparse.Namespace], int | None], parser: Parser, argv: Sequence[str] | None
) -> int:
    """Run a tool on its command line (None: the process's own) and return its exit status: what the
    tool returns, where it returns one."""

    def action():
        args = parser.parse_args(argv)
        with python.refused(when=getattr(args, 'no_python_layers', False)):
            return tool(args)

    hint = (
        ': a smaller --batch-size helps' if '--batch-size' in parser._option_string_actions else ''
    )
    return guarded(parser.prog, action, hint)


def guarded(prog: str, action: Callable[[], int | None], out_of_memory: str = '') -> int:
    """The exit status of an action, all that can go wrong in it said in one line."""
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        _prepare_streams()
        try:
            status = action()
            sys.stdout.flush()
            return status or 0
        except GoodinitError as error:
            return _fail(prog, str(error))
        except MemoryError as error:
            return _fail(prog, f'out of memory ({error}){out_of_memory}')
        except KeyboardInterrupt:
            start = '\n' if sys.stderr.isatty() else ''  # the terminal shows ^C
            say(f'{start}{prog}: interrupted; no file was left half written')
            return 130
        except BrokenPipeError:
            _abandon_output()
            return BROKEN_PIPE
        except Exception as error:
            if where := python.blame(error):
                return _fail(prog, f'{where} raised {type(error).__name__}: {error}')
            if not isinstance(error, OSError):
                raise
            _abandon_output()
            return _fail(prog, f'{error.filename or "standard output"}: {error.strerror or error}')


def _prepare_streams() -> None:
    """A stream that the caller closed swallows what it gets; the locale may lack characters of
    names."""
    sys.stdout, sys.stderr = sys.stdout or io.StringIO(), sys.stderr or io.StringIO()
    for stream in sys.stdout, sys.stderr:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')


def _abandon_output() -> None:
    """What Python would flush at its exit has nowhere to go either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """A line for the person at the terminal."""
    print(text, file=sys.stderr, flush=True)


def _fail(prog: str, message: str) -> int:
    say(f'{prog}: {" ".join(message.split())}')
    return 1


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    say(f'warning: {message}')
