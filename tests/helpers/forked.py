"""Runs a command in a child of this process, with limits, and says what it took."""

import os
import resource
import sys
import traceback
from dataclasses import dataclass

from goodinit.netlib import machine
from goodinit.tools.cli.main import main

ROOM = 8 << 30  # bytes of address space that a child may take beyond those of its parent


@dataclass
class Ended:
    """status: the exit status, or the signal's number, negative. text: all that was written.
    peak: bytes of memory. seconds: of computing."""

    status: int
    out: str
    err: str
    peak: int
    seconds: float


def run_forked(argv, folder, seconds):
    """Run `goodinit` with its arguments in a folder, for at most so many seconds of computing."""
    out, err = folder / 'stdout', folder / 'stderr'
    child = os.fork()
    if not child:
        in_child(argv, folder, seconds, (out, err))
    _, status, used = os.wait4(child, 0)
    took = used.ru_utime + used.ru_stime
    code = os.waitstatus_to_exitcode(status)
    texts = [path.read_text(errors='replace') for path in (out, err)]
    return Ended(code, *texts, used.ru_maxrss << 10, took)


def in_child(argv, folder, seconds, files):
    os.chdir(folder)
    sys.stdout, sys.stderr = (path.open('w') for path in files)
    with open('/proc/self/statm') as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, taken + ROOM))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    machine.most_memory.cache_clear()
    status = 70  # for a traceback
    try:
        status = main(argv)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
