"""Training: the solver's loop (solver.py) with the rates, the update rules, the nets and the snapshots it consists of.

A library: what happens is told in events (events.py). Imports proto and netlib; never initializers or tools.
"""
from .events import Clipped, Displayed, Event, Output, Snapshotted, Tested
from .rates import POLICIES, rate
from .solver import Solver
from .updates import RULES

__all__ = ['POLICIES', 'RULES', 'Clipped', 'Displayed', 'Event', 'Output', 'Snapshotted', 'Solver', 'Tested', 'rate']
