"""Statements that say too much at once: more than one comprehension or conditional expression.

density.json says how many each folder may have: exactly as many as it has. As a script:

    python tests/helpers/density.py netlib      # list them, in one folder or all
    python tests/helpers/density.py --update    # lower the numbers in density.json to today's
"""

import ast
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from sources import SOURCES, Source

TABLE = Path(__file__).with_suffix('.json')
UPDATE = 'python tests/helpers/density.py --update'
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def dense_statements(source: Source) -> Iterator[str]:
    """file:line of each, with what it has too much of. A lambda counts as a statement of its own,
    and of a compound statement only the head."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.stmt | ast.Lambda):
            continue
        inside = list(expressions(node))
        comprehensions = sum(isinstance(each, COMPREHENSIONS) for each in inside)
        conditionals = sum(isinstance(each, ast.IfExp) for each in inside)
        if comprehensions > 1:
            yield f'{source.name}:{node.lineno}: {comprehensions} comprehensions in a statement'
        if conditionals > 1:
            yield f'{source.name}:{node.lineno}: {conditionals} conditionals in a statement'


def expressions(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement, without the statements and lambdas in it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.Lambda):
            continue
        if not isinstance(child, ast.ExceptHandler | ast.match_case):
            yield child
        yield from expressions(child)


def dense_by_folder(sources: Iterable[Source]) -> Counter[str]:
    """How many each folder has."""
    counts: Counter[str] = Counter()
    for source in sources:
        counts[source.folder] += len(list(dense_statements(source)))
    return counts


def changes(allowed: Counter[str], found: Counter[str]) -> list[str]:
    """What to do where the table says something other than the sources."""
    lines = []
    for folder in sorted(allowed | found):
        count, most = found[folder], allowed[folder]
        if count > most:
            lines.append(
                f'{folder}: {count} dense statements, at most {most}: '
                f'unfold what `python tests/helpers/density.py {folder}` lists'
            )
        elif count < most:
            lines.append(f'{folder}: {count} dense statements, fewer than {most}: run `{UPDATE}`')
    return lines


def read_table() -> Counter[str]:
    return Counter(json.loads(TABLE.read_text(encoding='utf-8')))


def lower_table() -> None:
    """Write the numbers that have gone down. One that is to go up is a person's to write."""
    table = read_table() & dense_by_folder(SOURCES.values())
    TABLE.write_text(json.dumps(dict(sorted(table.items())), indent=1) + '\n', encoding='utf-8')


def main(arguments: list[str]) -> None:
    if arguments == ['--update']:
        lower_table()
        return
    for source in SOURCES.values():
        if not arguments or source.folder in arguments:
            for place in dense_statements(source):
                print(place)


if __name__ == '__main__':
    main(sys.argv[1:])
