"""Reads a training log: the losses, rates and outputs of each logged iteration."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime
from math import isnan, nan
from pathlib import Path
from typing import Any

from ...netlib.errors import DataError
from ...proto.files import check_not_utf16, read_bytes
from .messages import ITERATION, OUTPUT, SOLVING, Message, read_messages


@dataclass
class Row:
    """The logged values of an iteration.

    seconds   since the first "Solving" of the runs that count; NaN if the log has no times
    lr        the learning rate; if it was not logged, that of the previous iteration
    loss      in training: the displayed loss
              in a test: the sum of the first test net's outputs, times their weights
    outputs   {name: value}; an output of test net k > 0 is called name#k,
              further numbers of one output name[1], name[2], ...
    """

    iter: int
    seconds: float
    lr: float = nan
    loss: float = nan
    outputs: dict[str, float] = field(default_factory=dict)


@dataclass
class Log:
    """The contents of a log.

    train, test   the rows of training and of tests, in order of their iterations
    losses        the names of the outputs that have a weight in the loss
    notes         what a user should know about how the log was read
    """

    train: list[Row]
    test: list[Row]
    losses: set[str]
    notes: list[str]


def read_log(path: str | Path) -> Log:
    """Read a log. Truncated lines and lines from other programs are skipped.

    If iterations go back, as in a log of several resumed runs, the later lines count. Lines without
    a year are assumed to end in the year of the file's last change. Raises ProtoError for a file
    that cannot be read, DataError for one without iterations.
    """
    data = read_bytes(path)
    check_not_utf16(data, path)
    text = data.decode('utf-8', 'replace')
    changed = datetime.fromtimestamp(os.stat(path).st_mtime)
    reader = _Reader()
    for message in read_messages(text, changed.year):
        reader.take(message)
    if reader.iter < 0:
        raise DataError(
            f'{path}: found no iterations; needed: a training log, with lines such as '
            "'Iteration 100, loss = 0.5'"
        )
    return reader.log()


class _Reader:
    """Collects the values of each iteration from the messages of a log, one by one."""

    def __init__(self) -> None:
        self.train: dict[int, Row] = {}
        self.test: dict[int, Row] = {}
        self.rates: dict[int, float] = {}
        self.losses: set[str] = set()
        self.notes: list[str] = []
        self.iter = -1
        self.net = 0  # the test net that outputs belong to
        self.first_start: datetime | None = None
        self.last_start: datetime | None = None

    def take(self, message: Message) -> None:
        iteration = ITERATION.match(message.text)
        output = OUTPUT.match(message.text)
        begins = message.text.startswith(SOLVING)
        if begins or (iteration and self.first_start is None):
            self.last_start = message.time
            self.first_start = self.first_start or message.time
        if iteration:
            self._reach(int(iteration['iter']), message.line)
            self._take_iteration(iteration, self._seconds(message))
        elif output and self.iter >= 0:
            self._take_output(output, self._seconds(message))

    def _seconds(self, message: Message) -> float:
        if message.time is None or self.first_start is None:
            return nan
        return (message.time - self.first_start).total_seconds()

    def _reach(self, i: int, line: int) -> None:
        """Continue with iteration i. If it was reached before, discard the values from i on."""
        if i < self.iter:
            self.notes.append(
                f'line {line}: iteration {i} follows iteration {self.iter}; '
                f'from {i} on, the later lines count'
            )
            self._forget_from(i)
        self.iter = i

    def _forget_from(self, i: int) -> None:
        tables: list[dict[int, Any]] = [self.train, self.test, self.rates]
        for table in tables:
            for key in list(table):
                if key >= i:
                    del table[key]
        if not any(tables):
            self.first_start = self.last_start

    def _take_iteration(self, found: re.Match[str], seconds: float) -> None:
        if found['lr']:
            self.rates[self.iter] = float(found['lr'])
        if found['loss']:
            self.train[self.iter] = Row(self.iter, seconds, loss=float(found['loss']))
        elif not found['lr']:
            self.net = int(found['net'] or 0)
            if self.net == 0:
                self.test.pop(self.iter, None)

    def _take_output(self, found: re.Match[str], seconds: float) -> None:
        test = found['kind'] == 'Test'
        rows = self.test if test else self.train
        row = rows.setdefault(self.iter, Row(self.iter, seconds))
        name = found['name']
        if test and self.net:
            name = f'{name}#{self.net}'
        name = _numbered(name, row.outputs)
        row.outputs[name] = float(found['value'])
        loss = found['loss']
        if loss:
            self.losses.add(name)
        if loss and test and self.net == 0:
            before = 0 if isnan(row.loss) else row.loss
            row.loss = before + float(loss)

    def log(self) -> Log:
        train = [self.train[i] for i in sorted(self.train)]
        test = [self.test[i] for i in sorted(self.test)]
        rated = sorted(self.rates)
        if len(train) > 1 and not rated:  # the loss after the last iteration has no rate
            self.notes.append("found no learning rates, as in 'Iteration 100, lr = 0.01'")
        if rated:
            for row in (*train, *test):
                at = max(bisect_right(rated, row.iter) - 1, 0)
                row.lr = self.rates[rated[at]]
        return Log(train, test, self.losses, self.notes)


def _numbered(name: str, outputs: dict[str, float]) -> str:
    """The name for a further number of the same output: name[1], name[2], ..."""
    if name not in outputs:
        return name
    further = sum(other.startswith(f'{name}[') for other in outputs)
    return f'{name}[{further + 1}]'
