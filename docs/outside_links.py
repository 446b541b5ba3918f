"""A Sphinx extension: links from pages to files outside of docs/ work on the site, too.

Some of these files are pages of the site (OUTSIDE); the others can be downloaded from it.
"""

import os
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
ROOT = DOCS.parent
OUTSIDE = {
    'contributing': 'CONTRIBUTING.md',
    'kernels': 'netlib/engines/fast/kernels/README.md',
    'models': 'models/README.md',
    'tests': 'tests/README.md',
}
PAGES = {(ROOT / path).resolve(): name for name, path in OUTSIDE.items()}
LINK = re.compile(r'\[(?P<text>[^\]\n]*)\]\((?P<path>[\w./-]+)(?P<anchor>#[\w-]*)?\)')


def setup(app: Any) -> dict[str, Any]:
    app.connect('source-read', read_source)
    return {'parallel_read_safe': True}


def read_source(app: Any, name: str, source: list[str]) -> None:
    """Put the text of an outside file in place of its page, and mend the links."""
    text = source[0]
    folder = (DOCS / name).parent
    if name in OUTSIDE:
        path = ROOT / OUTSIDE[name]
        text = path.read_text(encoding='utf-8')
        folder = path.parent
        app.env.note_dependency(str(path))
    if not name.endswith('layers') and not text.startswith('{'):  # a notebook's links are its own
        text = LINK.sub(lambda link: mended(link, folder, (DOCS / name).parent), text)
    source[0] = text


def mended(link: re.Match[str], folder: Path, place: Path) -> str:
    """A link of a file in `folder`, for a page in `place`."""
    target = (folder / link['path']).resolve()
    anchor = link['anchor'] or ''
    if target in PAGES:
        return f'[{link["text"]}]({from_place(DOCS / PAGES[target], place)}.md{anchor})'
    if target.is_relative_to(DOCS):
        return f'[{link["text"]}]({from_place(target, place)}{anchor})'
    if target.is_dir():
        return link['text']
    if target.suffix == '.md' and target.is_file():
        return f'{{download}}`{link["text"]} <{from_place(target, place)}>`'
    return f'[{link["text"]}]({from_place(target, place)}{anchor})'


def from_place(target: Path, place: Path) -> str:
    return os.path.relpath(target, place).replace(os.sep, '/')
