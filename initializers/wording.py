"""Notes: those that say the same as one, and in the words of Python, with arguments for flags."""

import re
from collections.abc import Iterable

from .kinds import all_options

SWITCHES = ('zero_last', 'dropout')  # those of a Recipe itself; initializers declare theirs
VALUE = r"'[^']*'|\.(?= )|[\w+-](?:[\w.,+-]*\w)?"
FLAG = re.compile(rf'--([a-z][a-z-]*)([ =](?:{VALUE}))?')
NUMBER = re.compile(r'[+-]?\d+(\.\d*)?(e[+-]?\d+)?')


def in_python(note: str) -> str:
    """A note with `--all-layers` as all_layers=True, `--between exact` as between='exact' and
    `--mean 104,117` as mean=(104, 117)."""
    return FLAG.sub(_argument, note)


def _argument(found: re.Match[str]) -> str:
    flag, after = found.groups(default='')
    name = flag.replace('-', '_')
    if is_switch(name):
        return f'{name}=True{after}'
    return f'{name}={_value(after[1:])}'


def is_switch(name: str) -> bool:
    """Whether an option is on or off, and has no value."""
    about = all_options().get(name)
    return name in SWITCHES or about is not None and about.type is bool


def _value(text: str) -> str:
    """A value of the command line as Python writes it."""
    text = text.strip("'")
    parts = text.split(',')
    if not all(NUMBER.fullmatch(part) for part in parts):
        return repr(text)
    return text if len(parts) == 1 else f'({", ".join(parts)})'


def gathered(notes: Iterable[str]) -> list[str]:
    """The notes, those that say the same of several layers as one."""
    layers: dict[str, list[str]] = {}
    for note in notes:
        found = re.match(r"layer '([^']*)': (.*)", note, re.DOTALL)
        name, text = found.groups() if found else ('', note)
        layers.setdefault(text, []).append(name)
    return [_gathered(text, names) for text, names in layers.items()]


def _gathered(text: str, names: list[str]) -> str:
    if not any(names):
        return text
    if len(names) == 1:
        return f"layer '{names[0]}': {text}"
    shown = names
    if len(names) > 4:
        shown = [*names[:3], '...', names[-1]]
    return f'{len(names)} layers ({", ".join(shown)}): {text}'
