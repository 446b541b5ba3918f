"""A Sphinx extension: mends what themes leave out for people who do not use a mouse or a screen.

Captions get their level; code, tables and formulas that scroll can be reached by keys; a corner of
a table is no heading; what is next to the text has a name, and the page of the search its title.
"""

from pathlib import Path
from typing import Any

MENDED = {
    'role="heading"><span class="caption-text">': 'role="heading" aria-level="2">'
    '<span class="caption-text">',
    '<pre id=': '<pre tabindex="0" id=',
    '<pre>': '<pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
    '<div class="formula">': '<div tabindex="0" class="formula">',
    '<div class="output text_html">': '<div tabindex="0" class="output text_html">',
    '<div id="search-results">': '<h1>Search</h1><div id="search-results">',
    '<th class="head"><p></p></th>': '<td class="head"></td>',
    '<summary aria-label="Toggle hidden content">': '<summary>',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="Pages">',
    '<aside class="toc-drawer">': '<aside class="toc-drawer" aria-label="This page">',
}


def setup(app: Any) -> dict[str, Any]:
    app.connect('build-finished', mend_pages)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}


def mend_pages(app: Any, exception: Exception | None) -> None:
    """Mend every page that was written."""
    if exception or app.builder.format != 'html':
        return
    for path in Path(app.outdir).rglob('*.html'):
        path.write_text(mended(path.read_text(encoding='utf-8')), encoding='utf-8')


def mended(text: str) -> str:
    for old, new in MENDED.items():
        text = text.replace(old, new)
    return text
