"""The layer types, one file each; importing this package registers them all.

base.py holds the contract. A layer imports its base, blobs and shapes, and computes only through
its engine. Layers that must work on the host are in host/ and may use NumPy.
"""

import importlib
import pkgutil

from .base import Layer

__all__ = ['Layer']

for _module in pkgutil.walk_packages(__path__, __name__ + '.'):
    importlib.import_module(_module.name)
