"""The lines of a log about training, each in Caffe's words and with its time.

    I1120 12:00:00.123456 25210 solver.cpp:239] Iteration 100 (2.5 iter/s, 40s/100 iters), loss = 1
    I1120 12:00:00.123456 25210 solver.cpp:239] Iteration 100, loss = 1
    iteration 100: loss 1, rate 0.01

The first form is that of `caffe train`, BVLC's or ours; the second is that of older versions of
Caffe. The third is that of `goodinit train`; it is translated into lines of the second form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import StringIO
from itertools import pairwise

NUMBER = r'[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan)'
# Greedy at its start, to find the last head on a line: the message before it was truncated. Since
# version 0.5, glog writes the year.
HEAD = re.compile(
    r'.*[IWEF](?P<year>\d{4})?(?P<month>0[1-9]|1[0-2])(?P<day>\d\d) '
    r'(?P<hours>\d\d):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d+)?) +\d+ [^] ]+\] '
)
CAFFE = re.compile(r' *(Solving|Iteration|Train net output|Test net output) ')
SOLVING = 'Solving'  # the name of the net follows, if it has one
# NVIDIA's and Intel's forks have more words before, between and after these.
WHOLE = r'(?![\w.+-])'  # ends a number that is not truncated
ITERATION = re.compile(
    rf'.*?\bIteration (?P<iter>\d{{1,18}})\b(?:.*?\bTesting net(?: \(#(?P<net>\d{{1,9}})\))?'
    rf'|(?=.*\b(?:loss|lr) = {NUMBER}{WHOLE})'
    rf'(?:(?=.*?\bloss = (?P<loss>{NUMBER}){WHOLE}))?'
    rf'(?:(?=.*?\blr = (?P<lr>{NUMBER}){WHOLE}))?)'
)
OUTPUT = re.compile(
    rf'.*?\b(?P<kind>Train|Test) net output #\d+: (?P<name>\S+) = (?P<value>{NUMBER}){WHOLE}'
    rf'(?: \(\* {NUMBER} = (?P<loss>{NUMBER}) loss\)|(?! \(\*))'
)
GOODINIT_TRAIN = re.compile(
    rf'iteration (?P<iter>\d{{1,18}}): (?:loss (?P<loss>{NUMBER})(?:, rate (?P<lr>{NUMBER}))?'
    r'|test net (?P<net>\d{1,9}): (?P<outputs>.*))$'
)


@dataclass
class Message:
    """One line: its number in the log, its text in Caffe's words, and the time when it was written
    (None if the log has no times)."""

    line: int
    text: str
    time: datetime | None


@dataclass
class _Headed:
    """A line split into its head and its text; None if it has no head."""

    line: int
    head: re.Match[str] | None
    text: str


def read_messages(log: str, last_year: int) -> Iterator[Message]:
    """The messages of a log about training, in order.

    A head without a year belongs to `last_year`, or to an earlier year if months go back after it.
    """
    lines = list(_headed_lines(log))
    heads = [line.head for line in lines]
    for line, time in zip(lines, _times(heads, last_year), strict=True):
        yield Message(line.line, line.text, time)


def _headed_lines(log: str) -> Iterator[_Headed]:
    """Those that tell of training. In a log with heads, a line without one is another program's."""
    lines = StringIO(log, newline=None).readlines()
    heads = [HEAD.match(line) for line in lines]
    bare = not any(heads)
    for number, (line, head) in enumerate(zip(lines, heads, strict=True), 1):
        if not line.endswith('\n'):
            return  # the line is still being written
        for text in _texts(line, head, bare):
            if _tells_of_training(text):
                yield _Headed(number, head, text)


def _texts(line: str, head: re.Match[str] | None, bare: bool) -> list[str]:
    """The text of a line, in Caffe's words; `bare`: Caffe's lines have no heads."""
    if head:
        return [line[head.end() :].rstrip()]
    if bare and CAFFE.match(line):
        return [line.rstrip()]
    return _in_words_of_caffe(line.rstrip())


def _tells_of_training(text: str) -> bool:
    if text.startswith(SOLVING):
        return True
    return bool(ITERATION.match(text) or OUTPUT.match(text))


def _in_words_of_caffe(line: str) -> list[str]:
    """The lines that `caffe train` would write for a line of `goodinit train`."""
    found = GOODINIT_TRAIN.match(line)
    if not found:
        return []
    start = f'Iteration {found["iter"]}'
    if found['net']:
        lines = [f'{start}, Testing net (#{found["net"]})']
        outputs = found['outputs'].split(', ')
        for i, output in enumerate(outputs):
            lines.append(f'Test net output #{i}: {output}')
        return lines
    lines = [f'{start}, loss = {found["loss"]}']
    if found['lr']:
        lines.append(f'{start}, lr = {found["lr"]}')
    return lines


def _times(heads: list[re.Match[str] | None], last_year: int) -> list[datetime | None]:
    """The times of the lines. A month below that of the previous line starts a new year."""
    months = [int(head['month']) for head in heads if head]
    new_years = sum(month < before for before, month in pairwise(months))
    year = last_year - new_years
    month = 0
    times: list[datetime | None] = []
    for head in heads:
        if head is None:
            times.append(None)
            continue
        if int(head['month']) < month:
            year += 1
        month = int(head['month'])
        times.append(_time(head, year))
    return times


def _time(head: re.Match[str], year: int) -> datetime | None:
    """The time when a line was written, in `year` unless its head has a year. February 29 in a year
    without one is March 1; a time outside of the years 1 to 9999 is None."""
    since = timedelta(
        days=int(head['day']) - 1,
        hours=int(head['hours']),
        minutes=int(head['minutes']),
        seconds=float(head['seconds']),
    )
    try:
        return datetime(int(head['year'] or year), int(head['month']), 1) + since
    except (ValueError, OverflowError):
        return None
