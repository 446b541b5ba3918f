"""The sources as the rules of the house read them: syntax trees, and which file imports which."""

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from places import ROOT

GENERATED = {'proto/caffe_pb2.py'}
FOLDERS = {
    'goodinit',
    'proto',
    'netlib',
    'initializers',
    'solvers',
    'feeding',
    'voc',
    'export',
    'caffe',
    'learn',
    'tools',
    'zoo',
    'experiments',
    'benchmarks',
    'docs',
}


class Source:
    """A Python file, named by its path from the root."""

    def __init__(self, name: str, text: str):
        self.name = name
        self.text = text
        self.lines = text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def folder(self) -> str:
        """The top-level folder; '.' for a file in the root."""
        return self.name.split('/')[0] if '/' in self.name else '.'


class Import(NamedTuple):
    """A module, or a name in a module, that a file imports, at any level of its code."""

    source: str
    line: int
    path: list[str]  # absolute: ['goodinit', 'netlib', 'net', 'Net']
    written: str  # the module as the file spells it: '..netlib.net'

    @property
    def is_ours(self) -> bool:
        return self.path[0] == 'goodinit'

    @property
    def place(self) -> str:
        return f'{self.source}:{self.line}'


def read_sources() -> dict[str, Source]:
    """Every Python file by its name, tests included, except the generated one."""
    paths = list(ROOT.glob('*.py'))
    for folder in [*sorted(FOLDERS), 'tests']:
        paths += sorted((ROOT / folder).rglob('*.py'))
    found = {}
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        if name not in GENERATED:
            found[name] = Source(name, path.read_text(encoding='utf-8'))
    return found


SOURCES = read_sources()
CODE = {name: source for name, source in SOURCES.items() if source.folder != 'tests'}


def imports(source: Source) -> Iterator[Import]:
    """What a file imports: at its head, in functions and for type checkers."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(source.name, node.lineno, alias.name.split('.'), alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = absolute_module(source.name, node)
            written = '.' * node.level + (node.module or '')
            for alias in node.names:
                yield Import(source.name, node.lineno, [*module, alias.name], written)


def absolute_module(name: str, node: ast.ImportFrom) -> list[str]:
    """The module of `from module import ...` in the file called `name`."""
    module = node.module.split('.') if node.module else []
    if not node.level:
        return module
    package = package_of(name)
    return package[: len(package) - node.level + 1] + module


def package_of(name: str) -> list[str]:
    """The package of the file called `name`. The files of goodinit/ are in goodinit itself."""
    folders = [folder for folder in Path(name).parts[:-1] if folder != 'goodinit']
    return ['goodinit', *folders]


# -- the graph of imports

Graph = dict[str, dict[str, int]]  # file -> {file that it imports: line}


def import_graph(sources: Mapping[str, Source]) -> Graph:
    """Who imports whom among these files."""
    graph: Graph = {}
    for source in sources.values():
        edges = graph[source.name] = {}
        for each in imports(source):
            for target in files_run_by(each, sources):
                edges.setdefault(target, each.line)
    return graph


def files_run_by(each: Import, sources: Mapping[str, Source]) -> list[str]:
    """The files among `sources` that an import runs: the module, and the packages on the way to it
    that the importing file is not in."""
    if not each.is_ours:
        return []
    own = package_of(each.source)
    found = [file_of(each.path, sources) or file_of(each.path[:-1], sources)]
    for depth in range(1, len(each.path)):
        package = each.path[:depth]
        if own[:depth] != package:
            found.append(file_of(package, sources))
    return [file for file in found if file not in (None, each.source)]


def file_of(path: list[str], sources: Mapping[str, Source]) -> str | None:
    """The file of a module: ['goodinit', 'netlib', 'net'] is netlib/net.py."""
    inside = '/'.join(path[1:]) or 'goodinit'
    for name in (f'{inside}.py', f'{inside}/__init__.py'):
        if name in sources:
            return name
    return None


def circles(graph: Graph) -> list[list[str]]:
    """The shortest circle through each file that is on one; each circle once, from its file that
    is first in the alphabet."""
    found: dict[frozenset[str], list[str]] = {}
    for start in sorted(graph):
        circle = shortest_circle(graph, start)
        if circle:
            found.setdefault(frozenset(circle), circle)
    return list(found.values())


def shortest_circle(graph: Graph, start: str) -> list[str]:
    """The files of a shortest way from `start` to itself, breadth first; [] if there is none."""
    before = {start: start}
    queue = [start]
    for file in queue:
        for imported in graph[file]:
            if imported == start:
                return way_back(before, file)
            if imported not in before:
                before[imported] = file
                queue.append(imported)
    return []


def way_back(before: Mapping[str, str], file: str) -> list[str]:
    way = [file]
    while before[file] != file:
        file = before[file]
        way.append(file)
    return way[::-1]


def circle_text(graph: Graph, circle: list[str]) -> str:
    """netlib/net.py:19 -> netlib/plan.py:7 -> netlib/net.py, with the line of each import."""
    following = [*circle[1:], circle[0]]
    steps = [
        f'{file}:{graph[file][imported]}' for file, imported in zip(circle, following, strict=True)
    ]
    return ' -> '.join([*steps, circle[0]])


# -- what a rule says


def report(broken: list[str]) -> None:
    """Fail with every place that breaks a rule."""
    assert not broken, '\n' + '\n'.join(broken)
