"""The command that mends what a report says is not good: the one that was run, with an option."""

import shlex
from collections.abc import Iterator, Sequence

OUTPUTS = ('--report', '--filters', '--monitor')  # with a value; what the first run wrote is enough
SWITCHES = ('--json', '--quiet', '--force', '--dry-run', '--gradient-quotient')
MENDED = 'mended.caffemodel'


def mending_command(command: Sequence[str], flag: str, value: str) -> str:
    """A command of `goodinit init` with this option: `command` is that of `init` or `stats` which
    found the flaw. What it writes takes the place of the weights that `init` wrote, if it did;
    `stats` wrote none."""
    _, tool, *arguments = command
    kept = list(without(arguments, (*OUTPUTS, flag)))
    words = ['goodinit', 'init', *kept, flag, value]
    if tool != 'init':
        words += ['--out', MENDED]
    elif '--dry-run' not in arguments:
        words.append('--force')
    return shlex.join(words)


def mending_training(command: Sequence[str], flag: str, value: str) -> str:
    """The same training from another start."""
    kept = without(command, ('--weights', '--snapshot', flag))
    return shlex.join([*kept, flag, value])


def without(arguments: Sequence[str], flags: Sequence[str]) -> Iterator[str]:
    """The arguments without SWITCHES, and without these flags and their values."""
    words = iter(arguments)
    for word in words:
        name, equals, _ = word.partition('=')
        if name in flags:
            if not equals:
                next(words, None)
        elif word not in SWITCHES:
            yield word
