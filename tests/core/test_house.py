"""The rules of the house, read off the sources: who imports whom, how long files and functions are,
who prints.

Each test lists every place that breaks its rule, as file:line.
"""

import ast
from pathlib import Path

import places
import pytest

ROOT = places.ROOT
GENERATED = {'proto/caffe_pb2.py'}
FOLDERS = {
    'proto',
    'netlib',
    'initializers',
    'solvers',
    'feeding',
    'caffe',
    'tools',
    'zoo',
    'experiments',
    'benchmarks',
}

# Whom the modules of a folder may import beside their own folder.
MAY_IMPORT = {
    'proto': set(),
    'netlib': {'proto'},
    'initializers': {'proto', 'netlib'},
    'solvers': {'proto', 'netlib'},
    'feeding': {'proto', 'netlib', 'initializers', 'solvers'},
    'caffe': {'proto', 'netlib', 'initializers', 'solvers'},
    'zoo': {'proto', 'netlib', 'feeding'},
    'tools': {'proto', 'netlib', 'initializers', 'solvers', 'feeding', 'caffe'},
    'experiments': FOLDERS,
    'benchmarks': FOLDERS,
}
# Inside netlib, from the lowest part to the highest: a part may import those before it. `data` and
# `layers` stand side by side, except for layers/host, which reads through data.
ORDER = [
    'errors',
    'shapes',
    'memory',
    'ranks',
    'rng',
    'engines',
    'blob',
    'workspace',
    'registry',
    'data',
    'layers',
    'graph',
    'losses',
    'weights',
    'plan',
    'building',
    'layer_graph',
    'net',
]
MAY_PRINT = ('tools/', 'experiments/', 'benchmarks/', 'zoo/__main__.py')
FILE_LINES, FUNCTION_LINES, COLUMNS = 300, 50, 100


def sources():
    """{path relative to the root: syntax tree} of all Python files but the generated one, tests
    included."""
    folders = [*sorted(FOLDERS), 'tests']
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob('*.py'))]
    named = {path.relative_to(ROOT).as_posix(): path for path in [*ROOT.glob('*.py'), *paths]}
    return {
        name: parse(path.read_text(encoding='utf-8'))
        for name, path in named.items()
        if name not in GENERATED
    }


def parse(text):
    """The syntax tree, without what only a type checker reads."""
    tree = ast.parse(text)
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == 'TYPE_CHECKING')
    ]
    return tree


SOURCES = sources()


def imports(name, tree):
    """(line, absolute dotted name, as written) of each module or name that a file imports; ours
    begin with goodinit."""
    package = ['goodinit', *Path(name).parts[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            path = '.'.join([*base, *([node.module] if node.module else [])])
            yield from (
                (node.lineno, f'{path}.{alias.name}', '.' * node.level + (node.module or ''))
                for alias in node.names
            )


def ours(tests=False):
    """(file, line, parts after goodinit, as written) of all imports; of tests only where asked."""
    for name, tree in SOURCES.items():
        if tests or not name.startswith('tests/'):
            for line, path, written in imports(name, tree):
                yield name, line, path.split('.'), written


def report(broken):
    assert not broken, '\n' + '\n'.join(broken)


def test_imports_go_one_way():
    report(
        [
            f'{name}:{line}: {folder} may not import {path[1]}'
            for name, line, path, _ in ours()
            if len(path) > 1
            and path[0] == 'goodinit'
            and (folder := name.split('/')[0]) in MAY_IMPORT
            and path[1] in FOLDERS - {folder} - MAY_IMPORT[folder]
        ]
    )


def part_of(path):
    return path[2].removesuffix('.py') if path[1] == 'netlib' and len(path) > 2 else None


def test_netlib_is_layered():
    broken = []
    for name, line, path, _ in ours():
        importer = part_of(['goodinit', *name.split('/')])
        imported = part_of(path) if path[0] == 'goodinit' and len(path) > 1 else None
        if importer in ORDER and imported in ORDER:
            allowed = ORDER.index(imported) <= ORDER.index(importer)
            if importer == 'layers' and imported == 'data':
                allowed = '/host/' in name
            if not allowed:
                broken.append(f'{name}:{line}: netlib/{importer} may not import netlib/{imported}')
    report(broken)


def test_every_part_of_netlib_has_its_place():
    parts = {
        path.stem
        for path in (ROOT / 'netlib').iterdir()
        if path.suffix == '.py' or (path / '__init__.py').exists()
    }
    assert parts - {'__init__'} == set(ORDER)


def test_layers_know_no_device_and_no_numpy():
    report(
        [
            f'{name}:{line}: a layer computes by its engine alone; {path[0]} is for layers/host'
            for name, line, path, _ in ours()
            if name.startswith('netlib/layers/')
            and '/host/' not in name
            and path[0] in ('numpy', 'scipy', 'pycuda', 'ctypes')
        ]
    )


def test_our_packages_are_never_spelled_bare():
    """`import netlib` would make a second copy of every registry."""
    bare = ({path.name for path in ROOT.iterdir() if (path / '__init__.py').exists()} | FOLDERS) - {
        'caffe',
        'goodinit',
    }
    report(
        [
            f'{name}:{line}: write goodinit.{path[0]}, or a relative import'
            for name, line, path, written in ours(tests=True)
            if path[0] in bare and not written.startswith('.')
        ]
    )


def test_inside_the_package_imports_are_relative():
    report(
        [
            f'{name}:{line}: {written}: write a relative import'
            for name, line, path, written in ours()
            if '/' in name
            and path[0] == 'goodinit'
            and not written.startswith('.')
            and not name.startswith(MAY_PRINT)
        ]
    )


def test_files_are_short():
    report(
        [
            f'{name}: {lines} lines; at most {FILE_LINES}'
            for name in SOURCES
            if (lines := len((ROOT / name).read_text(encoding='utf-8').splitlines())) > FILE_LINES
        ]
    )


def test_lines_of_kernels_are_short():
    """Those of Python are ruff's to measure."""
    files = [
        path
        for name in ('fast/kernels/*.?pp', 'cuda/kernels/*.cu*')
        for path in ROOT.glob(f'netlib/engines/{name}')
    ]
    assert files
    report(
        [
            f'{path.relative_to(ROOT)}:{number}: {len(line)} columns; at most {COLUMNS}'
            for path in files
            for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1)
            if len(line) > COLUMNS
        ]
    )


def test_functions_are_short():
    report(
        [
            f'{name}:{node.lineno}: {node.name} has {lines} lines; at most {FUNCTION_LINES}'
            for name, tree in SOURCES.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (lines := node.end_lineno - node.lineno + 1) > FUNCTION_LINES
        ]
    )


def test_the_library_does_not_print():
    report(
        [
            f'{name}:{node.lineno}: print'
            for name, tree in SOURCES.items()
            if not name.startswith((*MAY_PRINT, 'tests/'))
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == 'print'
        ]
    )


def test_user_input_is_not_checked_by_assert():
    report(
        [
            f'{name}:{node.lineno}: assert vanishes under python -O: raise an error that says what is needed'
            for name, tree in SOURCES.items()
            if not name.startswith('tests/')
            for node in ast.walk(tree)
            if isinstance(node, ast.Assert)
        ]
    )


# -- the rules themselves


@pytest.mark.parametrize(
    'name, text, expected',
    [
        ('netlib/net.py', 'from ..proto import read_net', ['goodinit.proto.read_net']),
        ('netlib/layers/relu.py', 'from .. import registry', ['goodinit.netlib.registry']),
        (
            'netlib/layers/host/data.py',
            'from ...data.images import resize',
            ['goodinit.netlib.data.images.resize'],
        ),
        ('tools/init_net.py', 'import goodinit.netlib, numpy as np', ['goodinit.netlib', 'numpy']),
        ('netlib/net.py', 'def f():\n    from . import graph', ['goodinit.netlib.graph']),
        ('netlib/net.py', 'if TYPE_CHECKING:\n    from . import graph', []),
    ],
)
def test_imports_are_resolved(name, text, expected):
    assert [path for _, path, _ in imports(name, parse(text))] == expected
