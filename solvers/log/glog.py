"""The format of Google's glog, which BVLC Caffe writes and scripts read.

    I1120 12:00:00.123456 25210 solver.cpp:239] Iteration 100 (2.5 iter/s, 40s/100 iters), loss = 1

A head has the level, the month and day (two digits each, as parse_log.py expects), the time, the
process, and the file and line of BVLC's source that writes the message.
"""

import os
import sys
from datetime import datetime

LEVELS = 'IWEF'  # info, warning, error, fatal
SILENCE = 'GLOG_minloglevel'  # glog's own spelling


def log(place: str, text: str, level: str = 'I') -> None:
    """Write a message to stderr. `place` is BVLC's file and line, such as 'solver.cpp:239'.

    Only the first line of a text gets a head. The environment variable GLOG_minloglevel (0 to 3)
    silences lower levels.
    """
    least = os.environ.get(SILENCE, '0')
    if least.isdigit() and LEVELS.index(level) < int(least):
        return
    time = datetime.now()
    head = f'{level}{time:%m%d %H:%M:%S.%f} {os.getpid():5d} {place}]'
    sys.stderr.write(f'{head} {text}\n')


def number(value: float) -> str:
    """A number as C++ streams print it: six significant digits."""
    return f'{value:g}'
