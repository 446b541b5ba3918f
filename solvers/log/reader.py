"""Reads what a log says of training: that of `caffe train`, BVLC's or ours, in its old form and in
its new one, and the lines of `goodinit train`.

    I1120 12:00:00.123456 25210 solver.cpp:239] Iteration 100 (2.5 iter/s, 40s/100 iters), loss = 0.3
    I1120 12:00:00.123456 25210 solver.cpp:239] Iteration 100, loss = 0.3
    iteration 100: loss 0.3, rate 0.01
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import StringIO
from itertools import pairwise
from math import isnan, nan
from pathlib import Path
from typing import Any

from ...netlib.errors import DataError
from ...proto.files import read_bytes

NUMBER = r'[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan)'
# The greedy start finds the last head on a line: what comes before it was cut off. glog writes the
# year since 0.5.
HEAD = re.compile(
    r'.*[IWEF](?P<year>\d{4})?(?P<month>0[1-9]|1[0-2])(?P<day>\d\d) '
    r'(?P<hours>\d\d):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d+)?) +\d+ [^] ]+\] '
)
SOLVING = 'Solving'  # the name of the net follows, if it has one
ITERATION = re.compile(
    rf'Iteration (?P<iter>\d+)(?:, Testing net(?: \(#(?P<net>\d+)\))?'
    rf'|(?: \([^)]*\))?, loss = (?P<loss>{NUMBER})|, lr = (?P<lr>{NUMBER}))$'
)
OUTPUT = re.compile(
    rf' *(?P<kind>Train|Test) net output #\d+: (?P<name>\S+) = (?P<value>{NUMBER})'
    rf'(?: \(\* {NUMBER} = (?P<loss>{NUMBER}) loss\))?$'
)
OF_TRAIN = re.compile(
    rf'iteration (?P<iter>\d+): (?:loss (?P<loss>{NUMBER})(?:, rate (?P<lr>{NUMBER}))?'
    r'|test net (?P<net>\d+): (?P<outputs>.*))$'
)


@dataclass
class Row:
    """What was logged of an iteration.

    seconds   since the first "Solving" of the runs that count; NaN where the log has no times
    lr        the learning rate; where the iteration's is not logged, the last one before it
    loss      of a train row the loss displayed; of a test row the sum of the first test net's weighted outputs
    outputs   {name: value}; those of test net k > 0 are called name#k, further numbers of an output name[1] and so on
    """

    iter: int
    seconds: float
    lr: float = nan
    loss: float = nan
    outputs: dict[str, float] = field(default_factory=dict)


@dataclass
class Log:
    """The rows in the order of their iterations, the outputs that have a weight in the loss, and
    what is to be said of how the log was read."""

    train: list[Row]
    test: list[Row]
    losses: set[str]
    notes: list[str]


def read_log(path: str | Path) -> Log:
    """Read a log, of which lines may be cut off or of other programs.

    Where iterations go back, as in a log of several runs that resume one another, the later lines
    count. Lines without a year are taken to end in that of the file's last change. Raises
    ProtoError for a file that cannot be read, DataError for one without iterations.
    """
    messages = list(_messages(read_bytes(path).decode('utf-8', 'replace')))
    times = _times(
        [head for _, head, _ in messages], datetime.fromtimestamp(os.stat(path).st_mtime).year
    )
    reader = _Reader()
    for (line, _, text), time in zip(messages, times, strict=True):
        reader.take(line, text, time)
    if reader.iter < 0:
        raise DataError(
            f'{path}: found no iterations; needed: the log of a training, with lines such as '
            "'Iteration 100, loss = 0.5'"
        )
    return reader.log()


def _messages(text: str) -> Iterator[tuple[int, re.Match[str] | None, str]]:
    """(line number, its head, the message) of all that may tell something, in glog's words."""
    for number, line in enumerate(StringIO(text, newline=None), 1):
        if not line.endswith('\n'):
            return  # it is still being written
        head = HEAD.match(line)
        message = line[head.end() if head else 0 :].rstrip()
        for part in [message] if head else _in_words_of_glog(message):
            if part.startswith(SOLVING) or ITERATION.match(part) or OUTPUT.match(part):
                yield number, head, part


def _in_words_of_glog(line: str) -> list[str]:
    """What `caffe train` would write for a line of `goodinit train`."""
    found = OF_TRAIN.match(line)
    if not found:
        return []
    start = f'Iteration {found["iter"]}, '
    if found['net']:
        return [
            f'{start}Testing net (#{found["net"]})',
            *(
                f'Test net output #{i}: {output}'
                for i, output in enumerate(found['outputs'].split(', '))
            ),
        ]
    return [f'{start}{name} = {found[name]}' for name in ('loss', 'lr') if found[name]]


def _times(heads: Sequence[re.Match[str] | None], last_year: int) -> list[datetime | None]:
    """When the lines were written. A month that is less than that of the line before begins a year."""
    months = [int(head['month']) for head in heads if head]
    year = last_year - sum(b < a for a, b in pairwise(months))
    times: list[datetime | None] = []
    before = 0
    for head in heads:
        if head is None:
            times.append(None)
            continue
        month, day, hours, minutes = (
            int(head[name]) for name in ('month', 'day', 'hours', 'minutes')
        )
        year += month < before
        before = month
        times.append(
            datetime(int(head['year'] or year), month, 1)
            + timedelta(day - 1, float(head['seconds']), hours=hours, minutes=minutes)
        )
    return times


class _Reader:
    """Takes the messages one by one."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[int, Row]] = {'Train': {}, 'Test': {}}
        self.rates: dict[int, float] = {}
        self.losses: set[str] = set()
        self.notes: list[str] = []
        self.iter, self.net = -1, 0
        self.start: datetime | None = None  # of the first run, and of the one that is being read
        self.run: datetime | None = None

    def take(self, line: int, text: str, time: datetime | None) -> None:
        iteration, output = ITERATION.match(text), OUTPUT.match(text)
        if text.startswith(SOLVING) or iteration and self.start is None:
            self.run = time
            self.start = self.start or time
        if iteration:
            self._reach(line, int(iteration['iter']))
        seconds = (time - self.start).total_seconds() if time and self.start else nan
        if iteration:
            self._iteration(iteration, seconds)
        elif output and self.iter >= 0:
            self._output(
                self.rows[output['kind']].setdefault(self.iter, Row(self.iter, seconds)), output
            )

    def _iteration(self, found: re.Match[str], seconds: float) -> None:
        if found['loss']:
            self.rows['Train'][self.iter] = Row(self.iter, seconds, loss=float(found['loss']))
        elif found['lr']:
            self.rates[self.iter] = float(found['lr'])
        else:
            self.net = int(found['net'] or 0)
            if self.net == 0:
                self.rows['Test'].pop(self.iter, None)

    def _reach(self, line: int, i: int) -> None:
        """Lines of iteration i follow; what stands from there on was replaced when the training
        went back."""
        if i < self.iter:
            self.notes.append(
                f'line {line}: iteration {i} follows iteration {self.iter}; from {i} on the later lines '
                'count'
            )
            tables: list[dict[int, Any]] = [*self.rows.values(), self.rates]
            for table in tables:
                for late in [key for key in table if key >= i]:
                    del table[late]
            if not any(tables):
                self.start = self.run
        self.iter = i

    def _output(self, row: Row, found: re.Match[str]) -> None:
        test = found['kind'] == 'Test'
        name = f'{found["name"]}#{self.net}' if test and self.net else found['name']
        if name in row.outputs:
            name += f'[{sum(other.startswith(name + "[") for other in row.outputs) + 1}]'
        row.outputs[name] = float(found['value'])
        if found['loss']:
            self.losses.add(name)
            if test and not self.net:
                row.loss = float(found['loss']) + (0 if isnan(row.loss) else row.loss)

    def log(self) -> Log:
        train, test = ([rows[i] for i in sorted(rows)] for rows in self.rows.values())
        known = sorted(self.rates)
        for row in (*train, *test):
            if known:
                row.lr = self.rates[known[max(bisect_right(known, row.iter) - 1, 0)]]
        return Log(train, test, self.losses, self.notes)
