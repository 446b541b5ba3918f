"""Where the findings of an experiment go: results/NAME.json for programs, results/NAME.md for
readers, results/NAME.png."""

import json
import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

RESULTS = Path(__file__).parent / 'results'
WORK = RESULTS.parents[1] / 'build'  # where experiments of hours keep what they have done so far


def write(name: str, numbers: dict, text: str) -> None:
    """Keep the numbers, and the text that tells them; show the text."""
    data = RESULTS / f'{name}.json'
    data.write_text(json.dumps(numbers, indent=1) + '\n', encoding='utf-8')
    page = RESULTS / f'{name}.md'
    page.write_text(text, encoding='utf-8')
    print(text)


def read(name: str) -> dict:
    """The numbers of an experiment that was run before."""
    return json.loads((RESULTS / f'{name}.json').read_text(encoding='utf-8'))


def draw(name: str, plot: Callable[[Path], None]) -> None:
    """Let `plot` write the picture; without matplotlib say that there is none."""
    if find_spec('matplotlib') is None:
        print(f'{name}.png is left out: no matplotlib: pip install matplotlib')
    else:
        plot(RESULTS / f'{name}.png')


def share_processors(jobs: int) -> None:
    """Let each of so many processes that start from now on compute on its share, unless
    OMP_NUM_THREADS is set."""
    share = (os.cpu_count() or 1) // jobs
    os.environ.setdefault('OMP_NUM_THREADS', str(max(share, 1)))


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column to the left, the others to the right."""
    ruler = ['---'] + ['---:'] * (len(head) - 1)
    lines = []
    for cells in [head, ruler, *rows]:
        joined = ' | '.join(cells)
        lines.append(f'| {joined} |')
    return '\n'.join(lines)
