"""What every command does alike: usage, errors in one line, exit statuses, a quiet end.

Results go to stdout, everything else to stderr. The exit status is 0 for success, 1 for a user's
mistake, 128 and the number of the signal for one that ended it (130: Ctrl-C).
"""

import argparse
import io
import os
import re
import shutil
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NoReturn

from ...netlib.errors import GoodinitError, did_you_mean
from ...netlib.layers.host import python
from ...netlib.layers.host.hdf5_output import replacing
from ...proto import unknown_fields
from .signals import Ended, ending_signals

BROKEN_PIPE = 141  # what a shell reports of a program whose reader has gone
LONG_WORD = re.compile(r'\S{500,}')
# Arguments as the library names them in its messages, and the options that set them.
OPTIONS = {
    'input_shape=(C, H, W)': '--input-shape C,H,W',
    'input_shape:': '--input-shape:',
    "phase='test'": '--phase test',
    "phase='train'": '--phase train',
    "unknown_fields('warn')": '--unknown-fields warn',
}


class UsageError(GoodinitError):
    """A command line that cannot be understood."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises a UsageError for a mistake, with a guess at what was meant."""

    def __init__(self, prog: str, description: str, **options):
        options.setdefault('formatter_class', Help)
        super().__init__(prog=prog, description=description, allow_abbrev=False, **options)
        self.names_of_first: tuple[str, ...] = ()
        self.several_first = False

    def add_first(
        self, group: argparse._ActionsContainer, names: str, dest: str, help: str, **options: Any
    ) -> None:
        """The first argument, which may as well follow an option anywhere in the command line:
        NET, or --net NET. names: the option's, '--net/--old-name'; help tells the first one."""
        self.names_of_first = tuple(names.split('/'))
        self.several_first = options.get('nargs') == '+'
        metavar = options.setdefault('metavar', dest.upper())
        help = f'{help}; or {self.names_of_first[0]} {metavar}'
        group.add_argument(dest, help=help, **options)

    def parse_args(self, args=None, namespace=None):  # type: ignore[override]  # not overloaded
        words = sys.argv[1:] if args is None else args
        found, rest = self.parse_known_args(self._with_first_in_front(words), namespace)
        if rest:
            option = rest[0].partition('=')[0]
            hint = did_you_mean(option, [*self._option_string_actions, *self.names_of_first])
            self.error(f"unexpected argument '{option}'{hint}")
        return found

    def _with_first_in_front(self, words: Sequence[str]) -> list[str]:
        """The words of a command line, with what follows the option of the first argument in
        front; where it takes one value, that of the last option, as for any other."""
        front, others = [], []
        rest = iter(words)
        for word in rest:
            name, equals, value = word.partition('=')
            if name not in self.names_of_first:
                others.append(word)
            elif equals:
                front.append(value)
            else:
                front += self._next(rest, name)
        return (front if self.several_first else front[-1:]) + others

    def _next(self, words: Iterator[str], name: str) -> list[str]:
        """The word that follows the option of this name."""
        for word in words:
            return [word]
        self.error(f'argument {name}: expected one argument')

    def error(self, message: str) -> NoReturn:
        raise UsageError(f'{message} (see {self.prog} --help)')

    def knows(self, option: str) -> bool:
        """Whether it has an option such as '--data'."""
        return option in self._option_string_actions


class Help(argparse.RawDescriptionHelpFormatter):
    """Help that keeps paragraphs with indented lines as they are written, and wraps all others to
    the terminal (at most 100 columns)."""

    def __init__(self, prog: str):
        width = min(shutil.get_terminal_size().columns, 100) - 2
        super().__init__(prog, max_help_position=28, width=width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        parts = text.strip().split('\n\n')
        return '\n\n'.join(self._paragraph(part, width, indent) for part in parts)

    def _paragraph(self, text: str, width: int, indent: str) -> str:
        if '\n  ' in f'\n{text}':
            return super()._fill_text(text, width, indent)
        return textwrap.fill(
            text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False
        )


def run(
    tool: Callable[[argparse.Namespace], int | None], parser: Parser, argv: Sequence[str] | None
) -> int:
    """Run a tool on its command line (None: the process's own); returns the exit status, which is
    what the tool returns if it returns one. The tool finds the words of the command line in
    `args.command`."""

    def action():
        args = parser.parse_args(argv)
        args.command = [*parser.prog.split(), *(sys.argv[1:] if argv is None else argv)]
        force = getattr(args, 'force', False)
        mode = getattr(args, 'unknown_fields', 'error')
        refusing = python.refused(when=getattr(args, 'no_python_layers', False))
        with refusing, replacing(when=force), unknown_fields(mode):
            return tool(args)

    hint = '; try a smaller --batch-size' if parser.knows('--batch-size') else ''
    return guarded(parser.prog, action, hint)


def guarded(prog: str, action: Callable[[], int | None], out_of_memory: str = '') -> int:
    """The exit status of an action; anything that goes wrong in it is told in one line."""
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        _prepare_streams()
        try:
            with ending_signals():
                status = action()
            sys.stdout.flush()
            return status or 0
        except KeyboardInterrupt:
            start = '\n' if sys.stderr.isatty() else ''  # the terminal shows ^C
            say(f'{start}{prog}: interrupted; no file was left half written')
            return 130
        except Ended as ended:
            say(f'{prog}: {ended}; no file was left half written')
            return 128 + ended.number
        except BrokenPipeError:
            _abandon_output()
            return BROKEN_PIPE
        except Exception as error:
            message = _message(error, out_of_memory)
            if not message:
                raise
            return _fail(prog, message)


def _message(error: Exception, out_of_memory: str) -> str:
    """What to say of an error; '' for one that is a bug of ours."""
    if isinstance(error, GoodinitError):
        return in_options(str(error))
    if isinstance(error, MemoryError):
        return f'out of memory ({error}){out_of_memory}'
    where = python.blame(error)
    if where:
        return f'{where} raised {type(error).__name__}: {error}'
    if isinstance(error, OSError):
        _abandon_output()
        return f'{error.filename or "standard output"}: {error.strerror or error}'
    return ''


def in_options(message: str) -> str:
    """A message of the library in the words of the command line."""
    for argument, option in OPTIONS.items():
        message = message.replace(argument, option)
    return message


def _prepare_streams() -> None:
    """Let a stream that the caller closed swallow its text, and print characters of names that the
    locale lacks as escapes."""
    sys.stdout = sys.stdout or io.StringIO()
    sys.stderr = sys.stderr or io.StringIO()
    for stream in sys.stdout, sys.stderr:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')


def _abandon_output() -> None:
    """Let Python flush into nothing at its exit: no reader is left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """Print a line for the person at the terminal."""
    print(text, file=sys.stderr, flush=True)


def say_notes(notes: Iterable[str]) -> None:
    """Print notes for the person at the terminal."""
    for note in notes:
        say(f'note: {note}')


def _fail(prog: str, message: str) -> int:
    say(f'{prog}: {shortened(" ".join(message.split()))}')
    return 1


def shortened(message: str) -> str:
    """The message with only the start and the end of words that fill a screen."""
    return LONG_WORD.sub(_ends, message)


def _ends(word: re.Match[str]) -> str:
    return f'{word[0][:80]}...{word[0][-20:]}'


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    say(f'warning: {shortened(str(message))}')
