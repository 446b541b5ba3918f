"""The root of the project's exceptions, the one for files, and the words they share."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class GoodinitError(Exception):
    """What the user can mend: one clear line that says where, what was found and what is needed."""


class ProtoError(GoodinitError):
    """A prototxt, solver, weights or other file that cannot be read, upgraded or written."""


@contextmanager
def about(name: str) -> Iterator[None]:
    """Puts the name of the file in front of a ProtoError that does not tell it yet; text in it that
    is not UTF-8 is a ProtoError too."""
    try:
        yield
    except ProtoError as error:
        if name in str(error):
            raise
        raise ProtoError(f'{name}: {error}') from error
    except UnicodeDecodeError as error:
        raise ProtoError(f'{name}: of another kind, or damaged: {error}') from error


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """'; did you mean 'ReLU'?' for the known word closest to a misspelt one, or ''."""
    bares = {_bare(k): k for k in known}
    bare = _bare(word)
    found = difflib.get_close_matches(bare, bares, 1, 0.66)
    if not found and len(bare) > 3:
        found = [b for b in bares if bare in b or (len(b) > 3 and b in bare)]
    return f'; did you mean {bares[found[0]]!r}?' if found else ''


def _bare(word: str) -> str:
    return word.lower().replace('_', '').removesuffix('param')
