"""The base of the project's exceptions, the exception for files, and shared wording."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

CUTOFF = 0.66  # the minimum similarity for a suggested word


class GoodinitError(Exception):
    """An error that the user can fix: one line that says where, what was found, what is needed."""


class ProtoError(GoodinitError):
    """A prototxt, solver, weights or other file that cannot be read, upgraded or written."""


@contextmanager
def about(name: str) -> Iterator[None]:
    """Prefixes a ProtoError with the name of the file, unless it mentions the name. Turns an error
    about text that is not UTF-8 into a ProtoError."""
    try:
        yield
    except ProtoError as error:
        if name in str(error):
            raise
        raise ProtoError(f'{name}: {error}') from error
    except UnicodeDecodeError as error:
        raise ProtoError(f'{name}: wrong file type, or damaged: {error}') from error


def reason(error: Exception) -> str:
    """What the system says of a failure, without the number and the path; else the error's text."""
    return getattr(error, 'strerror', None) or str(error)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """'; did you mean 'ReLU'?' for the known word closest to a misspelled one, or ''."""
    words = {_bare(each): each for each in known}
    bare = _bare(word)
    found = difflib.get_close_matches(bare, words, 1, CUTOFF)
    if not found and len(bare) > 3:
        found = [other for other in words if bare in other or _contains(bare, other)]
    return f'; did you mean {words[found[0]]!r}?' if found else ''


def _contains(bare: str, part: str) -> bool:
    """Whether a word contains another one that is long enough to be meaningful."""
    return len(part) > 3 and part in bare


def _bare(word: str) -> str:
    """The word without characters that people write differently."""
    return word.lower().replace('_', '').removesuffix('param')
