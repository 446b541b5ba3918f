"""What lets a net take less memory and fewer passes over it. Layers know nothing of it.

A Plan holds what was decided for a net and runs its layers by it. sharing.py makes one: blobs that
are not needed at the same time (live_ranges.py) get one place, a layer in place and the one below
it keep one copy for both (copies.py), and several layers compute in one pass (fusion.py).
"""

from .plan import Plan, Step

__all__ = ['Plan', 'Step']
