"""A log in the form of Google's glog, which BVLC Caffe writes and the scripts around it read.

    I1120 12:00:00.123456 25210 solver.cpp:239] Iteration 100 (2.5 iter/s, 40s/100 iters), loss = 0.3

Month and day are two digits each, as parse_log.py takes them apart.
"""

import os
import sys
from datetime import datetime

LEVELS = 'IWEF'
SILENCE = 'GLOG_minloglevel'  # glog's own spelling


def log(place: str, text: str, level: str = 'I') -> None:
    """Each line of the text to stderr, the first with its level, time, process and `place`, which
    is BVLC's file and line of the message. The environment's GLOG_minloglevel (0 to 3) silences
    what is below it."""
    least = os.environ.get(SILENCE, '0')
    if least.isdigit() and LEVELS.index(level) < int(least):
        return
    now = datetime.now()
    sys.stderr.write(f'{level}{now:%m%d %H:%M:%S.%f} {os.getpid():5d} {place}] {text}\n')


def number(value: float) -> str:
    """A number as C++ streams print it: six digits."""
    return f'{value:g}'
