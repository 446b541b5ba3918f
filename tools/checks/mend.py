"""Mends a prototxt at the place of a syntax error, so that the rest of it can be read.

As little is taken out as possible: the field with the error, or only its value's end. What is taken
out is blanked, so that all else keeps its line and column.
"""

import re
from bisect import bisect_right

from google.protobuf.text_format import ParseError

from ...proto.scan import offset_of, scan
from .tokens import CLOSE, OPEN, Token, nesting, tokens_of


def mended(text: str, error: str, cause: ParseError) -> str:
    """The text without the field that an error is about, or with the brace that is missing.

    error: the message for the user. cause: protobuf's, which knows the place.
    """
    if 'is not closed' in error:
        return f'{text}\n}}'
    damage = _Damage(text, cause)
    lacks_closing = "is a '}' missing before it" in error
    if lacks_closing and any(block.end is None for block in scan(text)):
        return damage.with_brace('}')
    if 'Expected "{"' in str(cause) and damage.is_between_words():
        return damage.with_brace('{')
    start, end = damage.field()
    return text[:start] + re.sub(r'[^\n]', ' ', text[start:end]) + text[end:]


class _Damage:
    """A text, its tokens, and `at`, the number of the token at which an error was found."""

    def __init__(self, text: str, cause: ParseError):
        self.text = text
        self.what = str(cause)
        self.tokens = tokens_of(text)
        starts = [token.start() for token in self.tokens]
        self.at = max(bisect_right(starts, offset_of(cause, text)) - 1, 0)

    @property
    def here(self) -> Token:
        return self.tokens[self.at]

    @property
    def before(self) -> Token:
        return self.tokens[self.at - 1]

    def is_between_words(self) -> bool:
        return bool(self.here['word'] and self.before['word'])

    def with_brace(self, brace: str) -> str:
        """The text with a brace after the token before the error; in place of a space if there is
        one, so that columns stay."""
        offset = self.before.end()
        rest = self.text[offset:]
        return self.text[:offset] + brace + rest.removeprefix(' ')

    # -- the field with the error

    def field(self) -> tuple[int, int]:
        """The offsets at which the field with the error begins and ends."""
        if self._lacks_colon() and self._is_value():
            return self.before.start(), self.here.end()
        name = self._name()
        start = self.tokens[name].start()
        line_start, line_end = self._line(start)
        if self.text.count('"', line_start, line_end) % 2:
            return start, self._rest_of_line(name)
        return start, self._end(name)

    def _name(self) -> int:
        """The token that names the field."""
        if self._lacks_colon():
            return self.at - 1
        if not self._is_inside_value():
            return self.at
        line_start, _ = self._line(self.here.start())
        for i in reversed(range(self.at)):
            if self.tokens[i].start() <= line_start:
                break
            if self.tokens[i][0] == ':':
                return i - 1
        return self.at

    def _lacks_colon(self) -> bool:
        expected = re.search(r'Expected "[:{]"', self.what)
        return expected is not None and self.before[0] != ':'

    def _is_value(self) -> bool:
        """Whether the token can be a value: a word or a string, not a brace or a single sign."""
        return bool(self.here['word']) or len(self.here[0]) > 1

    def _is_inside_value(self) -> bool:
        return (
            self.before[0] in (':', '[', ',', '-')
            or self.here[0][0] in ('"', "'")
            or 'Expected ","' in self.what
        )

    # -- where a field ends

    def _end(self, name: int) -> int:
        """The offset at which the field ends that a token names."""
        has_colon = self._token(name + 1) == ':'
        at = name + 2 if has_colon else name + 1
        value = self._token(at)
        if value in OPEN:
            return self._end_of_block(at)
        if value == '[':
            return self._end_of_list(at)
        if not has_colon:
            return self._rest_of_line(name)
        if value in CLOSE:  # there is no value
            return self.tokens[name + 1].end()
        if value in ('', '"', "'"):
            return self._rest_of_line(name)
        end = self.tokens[at].end()
        pasted_on = re.split(r'[\s}>]', self.text[end:], maxsplit=1)[0]
        return end + len(pasted_on)

    def _token(self, i: int) -> str:
        return self.tokens[i][0] if i < len(self.tokens) else ''

    def _end_of_block(self, brace: int) -> int:
        """The offset behind the brace that closes a block, or the text's end."""
        depth = 0
        for token in self.tokens[brace:]:
            depth += nesting(token)
            if depth == 0:
                return token.end()
        return len(self.text)

    def _end_of_list(self, bracket: int) -> int:
        """The offset behind the bracket that closes a list; where it is missing, that of the first
        token which cannot be in a list."""
        for token in self.tokens[bracket + 1 :]:
            if token[0] == ']':
                return token.end()
            if not token['word'] and token[0] not in (',', '-'):
                return token.start()
        return self.tokens[-1].start()

    # -- lines

    def _line(self, offset: int) -> tuple[int, int]:
        """The offsets at which the line of a position begins and ends."""
        start = self.text.rfind('\n', 0, offset) + 1
        end = self.text.find('\n', offset)
        return start, len(self.text) if end < 0 else end

    def _rest_of_line(self, i: int) -> int:
        """The offset at which the line of a token ends, or the braces at its end begin: these are
        taken to be right."""
        token = self.tokens[i]
        _, line_end = self._line(token.start())
        rest = self.text[token.start() : line_end].rstrip(' \t\r}>')
        return max(token.start() + len(rest), token.end())
