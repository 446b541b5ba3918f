"""The pages of docs/: links that lead somewhere, code that is there, generated pages that are up to
date. What the code on the pages does is tested by building the site (.ci/docs)."""

import ast
import json
import re
import runpy
import sys

import places
import pytest
from goodinit.initializers import INITIALIZERS
from goodinit.learn import EXERCISES, PAGES, page_of
from goodinit.netlib.registry import FILLERS

DOCS = places.ROOT / 'docs'
MARKDOWN = sorted(DOCS.rglob('*.md'))
NOTEBOOKS = sorted(DOCS.rglob('*.ipynb'))
LINK = re.compile(r'\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)')
FENCE = re.compile(r'^```.*?^```$', re.M | re.S)
CELL = re.compile(r'^```\{code-cell\} python3\n(?:---\n.*?\n---\n)?(.*?)^```$', re.M | re.S)
INCLUDED = re.compile(r'^```\{literalinclude\} (\S+)\n((?::\S+:.*\n)*)', re.M)


def named(paths):
    return pytest.mark.parametrize('path', paths, ids=lambda path: path.name)


def cells(path):
    """The code of a page or notebook, cell by cell."""
    text = path.read_text(encoding='utf-8')
    if path.suffix == '.md':
        return CELL.findall(text)
    found = json.loads(text)['cells']
    return [''.join(each['source']) for each in found if each['cell_type'] == 'code']


@named(MARKDOWN)
def test_links_lead_to_files(path):
    text = FENCE.sub('', path.read_text(encoding='utf-8'))
    missing = [link for link in LINK.findall(text) if not (path.parent / link).exists()]
    assert missing == []


@named(MARKDOWN)
def test_included_code_is_there(path):
    for name, options in INCLUDED.findall(path.read_text(encoding='utf-8')):
        source = (path.parent / name).read_text(encoding='utf-8')
        wanted = dict(re.findall(r'^:(\S+): "?(.*?)"?$', options, re.M))
        for key in ('start-after', 'end-before'):
            assert wanted.get(key, '') in source
        if 'pyobject' in wanted:
            assert wanted['pyobject'].split('.')[-1] in definitions(source)


def definitions(source):
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)}


@named(MARKDOWN + NOTEBOOKS)
def test_code_parses(path):
    for code in cells(path):
        ast.parse(code)


def test_every_page_of_the_book_has_its_two_exercises():
    pages = sorted((DOCS / 'learn').glob('[0-9]*.md'))
    assert len(pages) == len(PAGES)
    for number, path in enumerate(pages, 1):
        text = path.read_text(encoding='utf-8')
        own = [each for each in EXERCISES if page_of(each) == PAGES[number - 1]]
        assert path.name.startswith(f'{number:02}_')
        assert re.findall(r'^goodinit learn start (\S+)$', text, re.M) == own
        assert '{literalinclude}' in text and 'plt.show()' in text and 'alt:' in text


@named(NOTEBOOKS)
def test_notebooks_keep_no_outputs(path):
    for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
        assert not cell.get('outputs') and cell.get('execution_count') is None


@named(NOTEBOOKS)
def test_notebooks_run(path, folder, monkeypatch):
    """As a plain program: Jupyter itself is only needed to build the site."""
    pytest.importorskip('matplotlib').use('Agg')
    monkeypatch.setenv('CIFAR10', 'nowhere')
    scope = {'__name__': '__main__'}
    for code in cells(path):
        fewer = re.sub(r'\b[46]0\b', '3', code)  # iterations
        exec(compile(fewer, path, 'exec'), scope)
    scope['plt'].close('all')


# -- the page of initializers


@pytest.fixture(scope='module')
def made():
    sys.path.insert(0, str(DOCS))
    try:
        return runpy.run_path(str(DOCS / 'make_initializers.py'))
    finally:
        sys.path.remove(str(DOCS))


def test_the_page_of_initializers_is_what_the_docstrings_say(made):
    page = (DOCS / 'every_initializer.md').read_text(encoding='utf-8')
    assert made['page']() == page, 'run python docs/make_initializers.py'


def test_every_initializer_has_a_formula(made):
    ours = [name for name in FILLERS if FILLERS[name].__module__.startswith('goodinit.')]
    assert set(made['FORMULAS']) == {*INITIALIZERS, *ours}


# -- the extensions of the site


def extension(name, monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return __import__(name)


def test_docstrings_keep_their_tables_and_formulas(monkeypatch):
    docstrings = extension('plain_docstrings', monkeypatch)
    lines = ['A *net* of `names` and x_.', '', '    y = x', '', 'a  (N, C)', 'b  (C,)']
    docstrings.rewrite(None, 'function', 'f', None, None, lines)
    assert lines == [
        r'A \*net\* of ``names`` and x\_.',
        '',
        '.. code-block:: python',
        '',
        '        y = x',
        '',
        '.. code-block:: text',
        '',
        '    a  (N, C)',
        '    b  (C,)',
        '',
    ]


def test_a_table_with_bars_is_kept(monkeypatch):
    docstrings = extension('plain_docstrings', monkeypatch)
    lines = ['| a | b |', '|---|---|', '| 1 | 2 |']
    docstrings.rewrite(None, 'class', 'C', None, None, lines)
    assert lines[:3] == ['.. code-block:: text', '', '    | a | b |']


def test_links_to_outside_files_are_mended(monkeypatch):
    links = extension('outside_links', monkeypatch)
    source = [
        '[a](../CONTRIBUTING.md#a-layer) [b](../proto/caffe.proto) [c](tools.md) '
        '[d](../experiments/README.md) [e](../models)'
    ]
    links.read_source(None, 'inside', source)
    assert source[0] == (
        '[a](contributing.md#a-layer) [b](../proto/caffe.proto) [c](tools.md) '
        '{download}`d <../experiments/README.md>` e'
    )


def test_pages_are_mended_for_keys_and_readers(monkeypatch):
    accessible = extension('accessible', monkeypatch)
    page = '<p role="heading"><span class="caption-text">Use</span></p><pre>x</pre>'
    assert accessible.mended(page) == (
        '<p role="heading" aria-level="2"><span class="caption-text">Use</span></p>'
        '<pre tabindex="0">x</pre>'
    )


def test_commands_on_pages_are_run_and_shown(monkeypatch, capsys):
    shell = extension('shell', monkeypatch)
    shell.run('goodinit models lenet', lines=1)
    shown = capsys.readouterr().out.splitlines()
    assert shown[:2] == ['$ goodinit models lenet', '...'] and len(shown) == 3
    assert shell.wrapped('word ' * 30) == [('word ' * 20).strip(), '    ' + ('word ' * 10).strip()]
    table = 'a  b' * 50
    assert shell.wrapped(table) == [table]
    with pytest.raises(ValueError, match='rm: the pages run goodinit alone'):
        shell.run('rm x')
