"""Training: the solver's loop (solver.py) with the rates, the update rules, the nets and the
snapshots it consists of.

A library: what happens is told in events (events.py). Imports proto and netlib; never initializers
or tools.
"""

from .events import (
    Clipped,
    Displayed,
    Event,
    NotFinite,
    Output,
    Rated,
    Snapshotted,
    Stepped,
    Tested,
)
from .rates import POLICIES, rate
from .rules import RULES
from .solver import Solver

__all__ = [
    'POLICIES',
    'RULES',
    'Clipped',
    'Displayed',
    'Event',
    'NotFinite',
    'Output',
    'Rated',
    'Snapshotted',
    'Solver',
    'Stepped',
    'Tested',
    'rate',
]
