"""Exercise: what a reader is to write, our own solution, and the mistakes that people make."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# The pages of docs/learn, in their order: the first part of an exercise's number is its page.
PAGES = (
    'Blob and shape',
    'A convolution three ways',
    'Backward, and the check that finds a wrong one',
    'A graph, its order and its memory',
    "Caffe's ceil",
    "BatchNorm's third blob",
    'How fast does a layer learn',
    'LSUV',
    'Weights from data',
    'How a kernel gets fast',
    'Training and exact resume',
)
HEAD = r'^def \w+\(.*?""".*?"""$'  # of a function: its signature and docstring

Case = Mapping[str, Any]  # the arguments of one call, by name


class Wrong(Exception):
    """A solution is wrong; the message says in what."""


@dataclass(frozen=True)
class Mistake:
    """A sentence about a common mistake, and the solution of somebody who makes it."""

    sentence: str
    solution: Callable[..., Any]


def call(found: Callable[..., Any], case: Case) -> Any:
    """The plain way to run a solution: call it."""
    return found(**case)


@dataclass(eq=False)
class Exercise:
    """One exercise of the book.

    number    '5.1': its page, and its place there
    title     what is asked for, in a few words
    solution  ours. Its name, signature and docstring are the task
    cases     the arguments of each call
    returns   the names of what a solution returns: one, or as many as the tuple has parts
    run       how to run a solution on a case; what it returns is compared with the recorded result.
              It may raise Wrong
    mistakes  the common ones
    template  the file to fill in, if the signature alone does not do
    """

    number: str
    title: str
    solution: Callable[..., Any]
    cases: Sequence[Case]
    returns: tuple[str, ...] = ('the result',)
    run: Callable[[Any, Case], Any] = call
    template: str = ''
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the reader's file has to define."""
        return self.solution.__name__

    def mistake(self, sentence: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a solution that makes a common mistake."""

        def register(solution: Callable[..., Any]) -> Callable[..., Any]:
            self.mistakes.append(Mistake(sentence, solution))
            return solution

        return register

    @property
    def text(self) -> str:
        """The file that a reader fills in."""
        head = f'"""Exercise {self.number}: {self.title}."""\n\n'
        if self.template:
            return head + self.template.lstrip('\n')
        found = re.search(HEAD, inspect.getsource(self.solution), re.M | re.S)
        definition = found[0] if found else ''
        imports = 'import numpy as np\n\n\n' if 'np.' in definition else '\n'
        return f'{head}{imports}{definition}\n    raise NotImplementedError\n'


def exercise(
    number: str, title: str, cases: Sequence[Case], **options: Any
) -> Callable[[Callable[..., Any]], Exercise]:
    """Make an exercise of our solution of it."""

    def make(solution: Callable[..., Any]) -> Exercise:
        return Exercise(number, title, solution, cases, **options)

    return make


def page_of(number: str) -> str:
    """The title of the page that an exercise belongs to."""
    page, _, _ = number.partition('.')
    return PAGES[int(page) - 1]
