"""The rules of the house on style: dense statements, names, where to print, how input is checked.

Each test lists every place that breaks its rule, as file:line.
"""

import ast
from collections import Counter

import density
import pytest
from places import TESTS
from sources import CODE, SOURCES, Source, report

BARE = ('check', 'prepare')
MAY_PRINT = ('tools/', 'experiments/', 'benchmarks/', 'docs/', 'zoo/__main__.py')


def test_statements_say_one_thing():
    """At most one comprehension and one conditional expression in a statement; the number of
    exceptions only goes down."""
    found = density.dense_by_folder(SOURCES.values())
    report(density.changes(density.read_table(), found))


def test_the_library_does_not_print():
    broken = []
    for name, source in CODE.items():
        if not name.startswith(MAY_PRINT):
            broken += [f'{name}:{line}: print' for line in prints(source)]
    report(broken)


def prints(source):
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == 'print':
            yield node.lineno


def test_user_input_is_not_checked_by_assert():
    broken = []
    for source in CODE.values():
        broken += [
            f'{source.name}:{line}: assert vanishes under python -O: '
            'raise an error that says what is needed'
            for line in asserts(source)
        ]
    report(broken)


def asserts(source):
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Assert):
            yield node.lineno


def test_a_function_names_its_object():
    """`check_solver`, not `check`: a search for it finds it, and an import of two is no clash."""
    broken = []
    for source in SOURCES.values():
        broken += [f'{source.name}:{line}: {name} of what?' for name, line in bare_names(source)]
    report(broken)


def bare_names(source):
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in BARE:
            yield node.name, node.lineno


def test_the_readme_of_tests_names_every_folder():
    readme = (TESTS / 'README.md').read_text(encoding='utf-8')
    folders = [path.name for path in TESTS.iterdir() if list(path.glob('*.py'))]
    assert [name for name in [*folders, 'golden'] if f'| `{name}/` |' not in readme] == []


# -- the rules themselves


@pytest.mark.parametrize(
    'text, expected',
    [
        ('x = [f(y) for y in z]', []),
        ('x = a if b else c', []),
        ('x = [a if b else c for b in d]', []),
        ('x = [[a for a in b] for b in c]', ['1: 2 comprehensions']),
        ('x = sum(a for a in b) + max({c for c in d})', ['1: 2 comprehensions']),
        ('x = a if b else c if d else e', ['1: 2 conditionals']),
        ('for x in [y for y in z]:\n    w = {v: 1 for v in x}', []),
        ('try:\n    x = a if b else c\nexcept E:\n    x = a if c else b', []),
        ('if a:\n    x = f(b if c else d, e if g else h)', ['2: 2 conditionals']),
        ('match a:\n    case 1:\n        x = (b if c else d) if e else f', ['3: 2 conditionals']),
        ('x = {1: lambda a: a if a else 2, 2: lambda a: 3 if a else a}', []),
        ('x = lambda a: a if a else 2 if b else 3', ['1: 2 conditionals']),
        ('def f(x=a if b else c, y=d if e else g):\n    return x', ['1: 2 conditionals']),
    ],
)
def test_dense_statements_are_found(text, expected):
    found = list(density.dense_statements(Source('m.py', text)))
    assert found == [f'm.py:{each} in a statement' for each in expected]


def test_the_table_is_to_equal_the_count():
    lines = density.changes(Counter(tools=3, zoo=2, caffe=1), Counter(tools=3, zoo=1, solvers=1))
    assert lines == [
        'caffe: 0 dense statements, fewer than 1: run `python tests/helpers/density.py --update`',
        'solvers: 1 dense statements, at most 0: '
        'unfold what `python tests/helpers/density.py solvers` lists',
        'zoo: 1 dense statements, fewer than 2: run `python tests/helpers/density.py --update`',
    ]


def test_the_table_only_goes_down(tmp_path, monkeypatch):
    monkeypatch.setattr(density, 'TABLE', tmp_path / 'density.json')
    density.TABLE.write_text('{"tests": 0, "tools": 100000}')
    density.main(['--update'])
    lowered = density.read_table()
    assert lowered['tests'] == 0
    assert lowered['tools'] == density.dense_by_folder(SOURCES.values())['tools']


def test_bare_names_are_found():
    source = Source(
        'm.py', 'def check(x): ...\ndef check_x(x): ...\nclass C:\n  def check(self): ...'
    )
    assert list(bare_names(source)) == [('check', 1)]


def test_prints_and_asserts_are_found():
    source = Source('netlib/m.py', 'def f(x):\n    assert x\n    print(x)\n    x.print()')
    assert list(asserts(source)) == [2]
    assert list(prints(source)) == [3]
