"""A Sphinx extension: docstrings are plain text, whose tables and formulas keep their lines."""

import re
from collections.abc import Iterator
from typing import Any

TABLE = re.compile(r'\S {2,}\S')  # columns, kept apart by several spaces


def setup(app: Any) -> dict[str, Any]:
    app.connect('autodoc-process-docstring', rewrite)
    return {'parallel_read_safe': True}


def rewrite(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Turn the lines of a docstring into reStructuredText, in place."""
    paragraphs = re.split(r'\n\s*\n', '\n'.join(lines).strip())
    lines[:] = list(restructured(paragraphs))


def restructured(paragraphs: list[str]) -> Iterator[str]:
    """Each paragraph as text, or as a literal block if its lines must stay as they are."""
    for paragraph in paragraphs:
        if is_verbatim(paragraph):
            language = 'python' if paragraph.startswith('    ') else 'text'
            yield f'.. code-block:: {language}'
            yield ''
            for line in paragraph.split('\n'):
                yield f'    {line}'
        else:
            yield from escaped(paragraph).split('\n')
        yield ''


def is_verbatim(paragraph: str) -> bool:
    """Whether a paragraph is code, a formula or a table."""
    return paragraph.startswith(('    ', '|')) or bool(TABLE.search(paragraph))


def escaped(text: str) -> str:
    """Text without markup, except `code`."""
    parts = re.split(r'(`[^`]+`)', text)
    for i, part in enumerate(parts):
        if part.startswith('`'):
            parts[i] = f'`{part}`'
        else:
            parts[i] = re.sub(r'([*|_\\])', r'\\\1', part)
    return ''.join(parts)
