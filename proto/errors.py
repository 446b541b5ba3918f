"""The root of the project's exceptions, the one for files, and the words they share."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

CUTOFF = 0.66  # the least likeness of words of which one may be meant


class GoodinitError(Exception):
    """What the user can fix: one clear line that says where, what was found and what is needed."""


class ProtoError(GoodinitError):
    """A prototxt, solver, weights or other file that cannot be read, upgraded or written."""


@contextmanager
def about(name: str) -> Iterator[None]:
    """Puts the name of the file in front of a ProtoError that does not mention it. Text in it that
    is not UTF-8 is a ProtoError too."""
    try:
        yield
    except ProtoError as error:
        if name in str(error):
            raise
        raise ProtoError(f'{name}: {error}') from error
    except UnicodeDecodeError as error:
        raise ProtoError(f'{name}: of the wrong kind, or damaged: {error}') from error


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """'; did you mean 'ReLU'?' for the known word closest to a misspelt one, or ''."""
    words = {_bare(each): each for each in known}
    bare = _bare(word)
    found = difflib.get_close_matches(bare, words, 1, CUTOFF)
    if not found and len(bare) > 3:
        found = [other for other in words if bare in other or _contains(bare, other)]
    return f'; did you mean {words[found[0]]!r}?' if found else ''


def _contains(bare: str, part: str) -> bool:
    """Whether a word holds another one that is long enough to tell something."""
    return len(part) > 3 and part in bare


def _bare(word: str) -> str:
    """The word without what people spell differently."""
    return word.lower().replace('_', '').removesuffix('param')
