"""The experiments by name: each is a file of the folder of its paper, which has an EXPERIMENT."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from goodinit.netlib.errors import did_you_mean

from .description import Experiment
from .errors import ExperimentError

FOLDER = Path(__file__).parents[1]
NOT_PAPERS = ('runner',)


def papers() -> list[str]:
    """The folders of papers: 'luther2019', ..."""
    folders = [path.parent.name for path in FOLDER.glob('*/__init__.py')]
    return sorted(set(folders) - set(NOT_PAPERS))


def title_of(paper: str) -> str:
    """The paper's authors, year and title."""
    return (import_module(f'goodinit.experiments.{paper}').__doc__ or '').strip()


def names() -> list[str]:
    """All experiments: 'luther2019/figure1', ..."""
    found = []
    for paper in papers():
        files = [path.stem for path in (FOLDER / paper).glob('*.py')]
        files.sort(key=by_number)
        found += [f'{paper}/{name}' for name in files if name != '__init__']
    return found


def by_number(name: str) -> list[str | int]:
    """A key that sorts 'table2' before 'table10'."""
    words = re.split(r'(\d+)', name)
    return [int(word) if word.isdecimal() else word for word in words]


def open_experiment(name: str) -> Experiment:
    """The experiment of that name. Raises ExperimentError if there is none."""
    known = names()
    if name not in known:
        hint = did_you_mean(name, known)
        raise ExperimentError(f"unknown experiment '{name}'{hint} (known: {', '.join(known)})")
    module = import_module(f'goodinit.experiments.{name.replace("/", ".")}')
    return module.EXPERIMENT
