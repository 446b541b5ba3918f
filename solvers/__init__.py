"""Training: the solver's loop (solver.py), and the rates, update rules, nets and snapshots that it
uses.

This is a library: it reports progress as events (events.py). Imports proto and netlib; never
initializers or tools.
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
