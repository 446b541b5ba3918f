"""How a net saves memory and passes over it. Layers are unaware of the plan.

A Plan holds the decisions made for a net, and runs the net's layers accordingly. sharing.py makes
one: blobs that are not needed at the same time share a place (live_ranges.py), an in-place layer
and the one below it share one copy (copies.py), and several layers compute in one pass (fusion.py).
While shapes stay, what layers ask of the engine is run again without them (recording.py), and
without a look at each (stretches.py).
"""

from .plan import Plan, Step

__all__ = ['Plan', 'Step']
