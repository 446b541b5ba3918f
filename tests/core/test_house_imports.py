"""The rules of the house on imports: which folder may import which, and how an import is spelled.

Each test lists every place that breaks its rule, as file:line.
"""

import re
import subprocess
import sys

import pytest
from places import ROOT
from sources import (
    CODE,
    FOLDERS,
    SOURCES,
    Source,
    circle_text,
    circles,
    import_graph,
    imports,
    report,
)

# A part of the house inside a folder that stands higher.
RUNNER = 'experiments/runner'
PARTS = FOLDERS | {RUNNER}
# The parts that the modules of a part may import, besides their own.
MAY_IMPORT = {
    'proto': set(),
    'netlib': {'proto'},
    'initializers': {'proto', 'netlib'},
    'solvers': {'proto', 'netlib'},
    'feeding': {'proto', 'netlib', 'initializers', 'solvers'},
    'voc': {'proto', 'netlib', 'initializers', 'solvers', 'feeding'},
    'export': {'proto', 'netlib'},
    'caffe': {'proto', 'netlib', 'initializers', 'solvers'},
    'zoo': {'proto', 'netlib', 'feeding'},
    RUNNER: {'proto', 'netlib', 'initializers', 'solvers', 'feeding'},
    'learn': {'proto', 'netlib', 'initializers'},
    'tools': {
        'proto',
        'netlib',
        'initializers',
        'solvers',
        'feeding',
        'voc',
        'export',
        'caffe',
        'learn',
        RUNNER,
    },
    'experiments': PARTS,
    'benchmarks': PARTS,
    'docs': PARTS,
}
# The parts of netlib, from the lowest to the highest: a part may import those before it. `data` and
# `layers` stand side by side, except for layers/host, which reads through data.
ORDER = [
    'errors',
    'checked_npy',
    'checked_hdf5',
    'shapes',
    'machine',
    'tables',
    'memory',
    'ranks',
    'rng',
    'engines',
    'blob',
    'need',
    'workspace',
    'registry',
    'data',
    'layers',
    'statistics',
    'graph',
    'losses',
    'weights',
    'plan',
    'building',
    'layer_graph',
    'weighted_graph',
    'net',
    'never_learning',
]
NOT_FOR_LAYERS = ('numpy', 'scipy', 'pycuda', 'ctypes')
ABSOLUTE = ('tools', 'experiments', 'benchmarks', 'docs', '.', 'tests')  # scripts

SMALL_RUN = """
import sys
from goodinit.tools.cli.main import main

main(['init', '--proto', 'lenet', '--method', 'msra', '--quiet', '--out', sys.argv[1]])
print(*(name for name in sys.modules if name.startswith('goodinit.netlib.engines.cuda')))
"""


def test_contributing_says_the_same():
    text = (ROOT / 'CONTRIBUTING.md').read_text(encoding='utf-8')
    rows = re.findall(r'^\| (`.*?) \|.*\| (.*) \|$', text, re.M)
    said = {}
    for folders, allowed in rows:
        for folder in re.findall(r'`([\w/]+)/`', folders):
            said[folder] = set(re.findall(r'`([\w/]+)`', allowed))
            if allowed == 'everything':
                said[folder] = PARTS
    assert said.pop('goodinit') == PARTS
    assert said == {name: MAY_IMPORT[name] for name in MAY_IMPORT if name != 'docs'}


def test_every_folder_has_its_rule():
    folders = {path.name for path in ROOT.iterdir() if list(path.glob('*.py'))}
    assert folders - {'tests', '.venv'} <= FOLDERS
    assert set(MAY_IMPORT) == PARTS - {'goodinit'}


def test_imports_go_one_way():
    broken = []
    for source in CODE.values():
        importer = part_of(source.name.split('/')) if '/' in source.name else '.'
        allowed = MAY_IMPORT.get(importer, PARTS) | {importer}
        for each in imports(source):
            imported = part_of(each.path[1:]) if each.is_ours else ''
            if imported in PARTS - allowed:
                broken.append(f'{each.place}: {importer} may not import {imported}')
    report(broken)


def part_of(path):
    """The part of the house that a path in it is in: ['experiments', 'runner', 'store']."""
    runner = RUNNER.split('/')
    return RUNNER if path[:2] == runner else ''.join(path[:1])


def test_no_file_imports_another_in_a_circle():
    """Imports in functions and those for type checkers count: a reader follows them too, and what
    needs to be imported late stands at the wrong place."""
    graph = import_graph(CODE)
    report([circle_text(graph, circle) for circle in circles(graph)])


def test_netlib_is_layered():
    broken = []
    for source in CODE.values():
        importer = part_of_netlib(['goodinit', *source.name.split('/')])
        for each in imports(source):
            imported = part_of_netlib(each.path)
            if importer in ORDER and imported in ORDER and not may_import(source, imported):
                broken.append(f'{each.place}: netlib/{importer} may not import netlib/{imported}')
    report(broken)


def may_import(source, imported):
    importer = part_of_netlib(['goodinit', *source.name.split('/')])
    if importer == 'layers' and imported == 'data':
        return source.name.startswith('netlib/layers/host/')
    return ORDER.index(imported) <= ORDER.index(importer)


def part_of_netlib(path):
    """'layers' of ['goodinit', 'netlib', 'layers', 'relu.py']; '' for what is not in netlib."""
    in_netlib = path[:2] == ['goodinit', 'netlib'] and len(path) > 2
    return path[2].removesuffix('.py') if in_netlib else ''


def test_every_part_of_netlib_has_its_place():
    found = {
        path.stem
        for path in (ROOT / 'netlib').iterdir()
        if path.suffix == '.py' or (path / '__init__.py').exists()
    }
    assert found - {'__init__'} == set(ORDER)


def test_layers_know_no_device_and_no_numpy():
    broken = []
    for name, source in CODE.items():
        if name.startswith('netlib/layers/') and '/host/' not in name:
            for each in imports(source):
                if each.path[0] in NOT_FOR_LAYERS:
                    broken.append(
                        f'{each.place}: a layer computes by its engine alone; '
                        f'{each.path[0]} is for layers/host'
                    )
    report(broken)


def test_our_packages_are_never_spelled_bare():
    """`import netlib` would make a second copy of every registry."""
    bare = FOLDERS - {'goodinit', 'caffe'}
    broken = []
    for source in SOURCES.values():
        for each in imports(source):
            if each.path[0] in bare and not each.written.startswith('.'):
                broken.append(f'{each.place}: write goodinit.{each.path[0]}, or a relative import')
    report(broken)


def test_tests_import_no_other_tests():
    """What they share lives in tests/helpers."""
    broken = []
    for source in SOURCES.values():
        for each in imports(source):
            if each.path[0].startswith('test_') or each.path[0] == 'conftest':
                broken.append(f'{each.place}: {each.path[0]} is a module of tests')
    report(broken)


def test_inside_the_package_imports_are_relative():
    broken = []
    for source in SOURCES.values():
        for each in imports(source):
            if source.folder not in ABSOLUTE and each.written.startswith('goodinit'):
                broken.append(f'{each.place}: {each.written}: write a relative import')
    report(broken)


def test_a_run_on_the_cpu_imports_nothing_of_the_cuda_engine(tmp_path):
    done = subprocess.run(
        [sys.executable, '-c', SMALL_RUN, str(tmp_path / 'lenet.caffemodel')],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (tmp_path / 'lenet.caffemodel').exists()
    assert done.stdout.split() == []


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
        (
            'netlib/net.py',
            'if TYPE_CHECKING:\n    from . import graph',
            ['goodinit.netlib.graph'],
        ),
        ('goodinit/__init__.py', 'from .netlib import Net', ['goodinit.netlib.Net']),
    ],
)
def test_imports_are_resolved(name, text, expected):
    assert ['.'.join(each.path) for each in imports(Source(name, text))] == expected


@pytest.mark.parametrize(
    'texts, expected',
    [
        ({'a.py': 'from .b import f', 'b.py': 'import numpy'}, []),
        (
            {'a.py': 'from .b import f', 'b.py': '\nfrom . import a'},
            ['netlib/a.py:1 -> netlib/b.py:2 -> netlib/a.py'],
        ),
        (
            {'a.py': 'from . import b', 'b.py': 'if TYPE_CHECKING:\n    from .a import A'},
            ['netlib/a.py:1 -> netlib/b.py:2 -> netlib/a.py'],
        ),
        (
            {'a.py': 'from . import b', 'b.py': 'def f():\n    from . import a'},
            ['netlib/a.py:1 -> netlib/b.py:2 -> netlib/a.py'],
        ),
        # A module in a package comes with the package.
        (
            {'a.py': 'from .p.q import f', 'p/__init__.py': 'from ..a import g', 'p/q.py': ''},
            ['netlib/a.py:1 -> netlib/p/__init__.py:1 -> netlib/a.py'],
        ),
        ({'p/__init__.py': 'from .q import f', 'p/q.py': 'import goodinit.netlib.p.q'}, []),
        (
            {'p/__init__.py': 'from .q import f', 'p/q.py': 'from . import f'},
            ['netlib/p/__init__.py:1 -> netlib/p/q.py:1 -> netlib/p/__init__.py'],
        ),
        (
            {'a.py': 'from . import b', 'b.py': 'from . import c', 'c.py': 'from . import a, b'},
            [
                'netlib/a.py:1 -> netlib/b.py:1 -> netlib/c.py:1 -> netlib/a.py',
                'netlib/b.py:1 -> netlib/c.py:1 -> netlib/b.py',
            ],
        ),
    ],
)
def test_circles_are_found(texts, expected):
    sources = {f'netlib/{name}': Source(f'netlib/{name}', text) for name, text in texts.items()}
    graph = import_graph(sources)
    assert [circle_text(graph, circle) for circle in circles(graph)] == expected
