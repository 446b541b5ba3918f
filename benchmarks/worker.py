"""A candidate of a benchmark in a process of its own, which runs a task whenever it is asked to."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from goodinit.benchmarks.machine import environment

Answers = Mapping[str, Callable[[], float]]


class Worker:
    """The process. `command`: a Python file and its arguments; it must call `serve`.

    `greeting` is what it says once it is ready; None if it has ended instead.
    """

    def __init__(self, command: Sequence[str], variables: Mapping[str, str] | None = None):
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment() | dict(variables or {}),
        )
        self.greeting = self._read()

    def ask(self, question: str) -> float | None:
        """The answer; None from a process that has ended, as it does without memory."""
        try:
            print(question, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return None
        return self._read()

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()

    def _read(self) -> Any:
        line = self.process.stdout.readline() if self.process.stdout else ''
        return json.loads(line) if line else None


def serve(greeting: object, answers: Answers) -> None:
    """In the process: say the greeting, then for each line of the standard input the answer that it
    asks for."""
    print(json.dumps(greeting), flush=True)
    for line in sys.stdin:
        print(json.dumps(answers[line.strip()]()), flush=True)
