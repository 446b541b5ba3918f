"""The engine room: errors, shapes <- memory <- engines <- blob <- data, layers <- graph <- net.

Imports goodinit.proto, but never initializers, solvers or tools.
"""

from .net import Net

__all__ = ['Net']
