"""Runs damaged files in forked processes, and collects what goes wrong."""

import contextlib
import mmap
import os
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from fuzz_kinds import KINDS
from goodinit.netlib.errors import GoodinitError

MEMORY = 4 << 30  # bytes of address space
SECONDS = 10  # of computing, for a case
PATIENCE = 120  # seconds on the clock, for a case
BATCH = 64  # cases of a process
OUTCOMES = ('read', 'refused', 'error', 'death', 'hang')
RECORD = struct.Struct('<q')


@dataclass
class Found:
    """outcomes: for each kind, how often each of OUTCOMES. findings: a text for each place."""

    outcomes: dict = field(default_factory=lambda: defaultdict(Counter))
    findings: dict = field(default_factory=dict)


def run_case(kind, seed):
    """Run one case in this process."""
    with a_folder() as folder, contextlib.chdir(folder):
        try:
            KINDS[kind](folder, generator(kind, seed))
        except GoodinitError as error:
            print(f'refused: {error}')
            return 0
    print('read')
    return 0


def generator(kind, seed):
    return np.random.default_rng([seed, *kind.encode()])


@contextlib.contextmanager
def a_folder():
    memory = '/dev/shm' if os.path.isdir('/dev/shm') else None
    folder = Path(tempfile.mkdtemp(prefix='fuzz-', dir=memory))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Fuzzer:
    """Cases of some kinds in turn; the i-th has the seed first + i."""

    def __init__(self, kinds, first=0):
        self.kinds, self.first = kinds, first
        self.found = Found()
        self.page = mmap.mmap(-1, mmap.PAGESIZE)  # the child's case, for the parent

    def run(self, cases):
        for i in range(len(self.kinds)):  # what is loaded and made once, is so before the forks
            self.outcome(i)
        done = 0
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C ends it with what was found
            while done < cases:
                done += self.batch(done, min(BATCH, cases - done))
        return self.found

    def batch(self, start, count):
        """Run cases in a child; returns how many it did, the last of which may have ended it."""
        self.page[: RECORD.size] = RECORD.pack(start)
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            self.in_child(start, count, writer)
        os.close(writer)
        deadline = time.monotonic() + PATIENCE * 2
        with open(reader, encoding='utf-8', errors='replace') as pipe:
            for line in pipe:
                self.note(*line.rstrip('\n').split('\t', 2))
                if time.monotonic() > deadline:
                    break
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return count
        (last,) = RECORD.unpack(self.page[: RECORD.size])
        number = os.WTERMSIG(status)
        late = number in (signal.SIGPROF, signal.SIGALRM)
        self.note('hang' if late else 'death', str(last), signal.Signals(number).name)
        return last - start + 1

    def note(self, outcome, number, text=''):
        i = int(number)
        name = self.kinds[i % len(self.kinds)]
        self.found.outcomes[name][outcome] += 1
        if outcome not in ('read', 'refused'):
            what = f'{outcome}: {name} --seed {self.first + i}: {text}'
            key = (name, text.rpartition(' | ')[2] if outcome == 'error' else outcome)
            self.found.findings.setdefault(key, what)

    def in_child(self, start, count, writer):
        """Run the cases and report each to the parent by a line."""
        warnings.simplefilter('ignore')
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        for i in range(start, start + count):
            self.page[: RECORD.size] = RECORD.pack(i)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            signal.alarm(PATIENCE)
            outcome, text = self.outcome(i)
            os.write(writer, f'{outcome}\t{i}\t{text}\n'.encode(errors='replace'))
        os._exit(0)

    def outcome(self, i):
        name = self.kinds[i % len(self.kinds)]
        with a_folder() as folder, contextlib.chdir(folder):
            try:
                KINDS[name](folder, generator(name, self.first + i))
                return 'read', ''
            except GoodinitError:
                return 'refused', ''
            except BaseException as error:  # whatever it is, it is a finding
                return 'error', words(error)


def words(error):
    """The error in one line, and the last place in goodinit that it passed."""
    places = traceback.extract_tb(sys.exc_info()[2])
    ours = [each for each in places if '/tests/' not in each.filename]
    inside = [each for each in ours if 'site-packages' not in each.filename]
    place = (inside or ours or places)[-1]
    name = '/'.join(Path(place.filename).parts[-3:])
    text = ' '.join(str(error).split())[:150]
    return f'{type(error).__name__}: {text} | {name}:{place.lineno} {type(error).__name__}'
