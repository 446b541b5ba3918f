"""Where the numbers of an experiment go: results/NAME.json for programs, results/NAME.md for
readers."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / 'results'
WORK = RESULTS.parents[1] / 'build'  # where experiments of hours keep what they have done so far


def write(name: str, numbers: dict, text: str) -> None:
    """Keep the numbers, and the text that tells them; show the text."""
    (RESULTS / f'{name}.json').write_text(json.dumps(numbers, indent=1) + '\n')
    (RESULTS / f'{name}.md').write_text(text)
    print(text)


def read(name: str) -> dict:
    """The numbers of an experiment that was run before."""
    return json.loads((RESULTS / f'{name}.json').read_text())


def share_processors(jobs: int) -> None:
    """Let each of so many processes that start from now on compute on its share, unless
    OMP_NUM_THREADS is set."""
    os.environ.setdefault('OMP_NUM_THREADS', str(max((os.cpu_count() or 1) // jobs, 1)))


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column to the left, the others to the right."""
    lines = [head, ['---', *['---:'] * (len(head) - 1)], *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
