"""How long and how dense the code is. As a script: a table of the folders.

python tests/helpers/sizes.py
"""

import ast
import statistics
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sources import CODE, Source

COLUMNS = 100
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


class Function(NamedTuple):
    place: str
    name: str
    lines: int
    body: int  # lines without the head and the docstring


def code_lines(source: Source) -> list[str]:
    """The lines that are neither blank nor a comment nor part of a docstring."""
    docstring = docstring_lines(source.tree)
    return [
        line
        for number, line in enumerate(source.lines, 1)
        if line.strip() and not line.strip().startswith('#') and number not in docstring
    ]


def docstring_lines(tree: ast.Module) -> set[int]:
    numbers: set[int] = set()
    for node in ast.walk(tree):
        docstring = docstring_of(node)
        if docstring:
            numbers.update(range(docstring.lineno, last_line(docstring) + 1))
    return numbers


def docstring_of(node: ast.AST) -> ast.Expr | None:
    """The statement that is the docstring of a module, class or function."""
    if not isinstance(node, ast.Module | ast.ClassDef | FUNCTION) or not node.body:
        return None
    first = node.body[0]
    if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
        return None
    return first if isinstance(first.value.value, str) else None


def last_line(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno


def functions(source: Source) -> Iterator[Function]:
    """Every function, nested ones and methods too."""
    for node in ast.walk(source.tree):
        if isinstance(node, FUNCTION):
            body = node.body[1:] if docstring_of(node) else node.body
            lines = last_line(node) - node.lineno + 1
            body_lines = last_line(node) - body[0].lineno + 1 if body else 0
            yield Function(f'{source.name}:{node.lineno}', node.name, lines, body_lines)


def nodes(source: Source, kind: type[ast.AST]) -> int:
    """How many nodes of this kind the syntax tree has."""
    return sum(isinstance(node, kind) for node in ast.walk(source.tree))


def long_lines(source: Source) -> list[int]:
    """The numbers of the lines of over 100 columns."""
    return [number for number, line in enumerate(source.lines, 1) if len(line) > COLUMNS]


class Sizes:
    """The measures of several files together."""

    def __init__(self, sources: Iterable[Source]):
        sources = list(sources)
        code = [line for source in sources for line in code_lines(source)]
        lengths = sorted(each.body for source in sources for each in functions(source))
        self.files = len(sources)
        self.median_file = statistics.median(len(source.lines) for source in sources)
        self.longest_file = max(len(source.lines) for source in sources)
        self.ninth_tenth_function = lengths[int(0.9 * len(lengths))] if lengths else 0
        self.longest_function = max(lengths, default=0)
        self.mean_line = statistics.mean(map(len, code))
        self.long_lines = sum(len(long_lines(source)) for source in sources)
        self.nodes_per_line = sum(nodes(source, ast.expr) for source in sources) / len(code)
        conditionals = sum(nodes(source, ast.IfExp) for source in sources)
        self.conditionals_per_100_lines = 100 * conditionals / len(code)


ROW = '{:13}{:6}{:8}{:9}{:10}{:9}{:10}{:7}{:7}{:13}'
HEAD = ROW.format(
    '',
    'files',
    'median',
    'longest',
    'function',
    'longest',
    'mean line',
    '> 100',
    'nodes',
    'conditionals',
)


def row(name: str, sizes: Sizes) -> str:
    return ROW.format(
        name,
        sizes.files,
        round(sizes.median_file),
        sizes.longest_file,
        sizes.ninth_tenth_function,
        sizes.longest_function,
        round(sizes.mean_line, 1),
        sizes.long_lines,
        round(sizes.nodes_per_line, 2),
        round(sizes.conditionals_per_100_lines, 2),
    )


if __name__ == '__main__':
    print(HEAD)
    for folder in sorted({source.folder for source in CODE.values()}):
        inside = [source for source in CODE.values() if source.folder == folder]
        print(row(folder, Sizes(inside)))
    print(row('all', Sizes(CODE.values())))
