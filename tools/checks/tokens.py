"""The tokens of a prototxt, damaged or not: strings, words, and single characters."""

import re
from collections.abc import Iterable
from itertools import pairwise

TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
        | "(?:[^"\\\n]|\\.)*"(?=[^"\w]|$)       # a string; not where a quote is missing before it
        | '(?:[^'\\\n]|\\.)*'(?=[^'\w]|$)
        | (?P<word>[\w.+-]+)
        | \S""",
    re.VERBOSE | re.MULTILINE,
)
OPEN = ('{', '<')
CLOSE = ('}', '>')

Token = re.Match[str]


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text, without its comments."""
    return [match for match in TOKEN.finditer(text) if match['comment'] is None]


def nesting(token: Token) -> int:
    """What a token adds to the depth: 1 for an opening brace, -1 for a closing one, else 0."""
    return (token[0] in OPEN) - (token[0] in CLOSE)


def words_on(text: str, lines: Iterable[int]) -> set[str]:
    """The words and names on some lines of a text. The first line is 1; lines that it does not have
    are passed over, for errors may be about the whole text or a brace put behind it."""
    rows = text.split('\n')
    words: set[str] = set()
    for line in lines:
        if 1 <= line <= len(rows):
            words.update(re.findall(r'[\w/.-]+', rows[line - 1]))
    return words


def field_lines(text: str) -> dict[str, int]:
    """The line on which each of the outermost fields first stands."""
    lines: dict[str, int] = {}
    depth = 0
    for token, after in pairwise(tokens_of(text)):
        names_field = token['word'] and after[0] in (':', *OPEN)
        if depth == 0 and names_field and token[0] not in lines:
            lines[token[0]] = text.count('\n', 0, token.start()) + 1
        depth += nesting(token)
    return lines
