"""`import caffe` for code that was written for pycaffe: the same modules under a second name.

In a notebook, before the cell that says `import caffe`:

    import goodinit.caffe.alias
    goodinit.caffe.alias.install()
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module, util
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

NAME = 'caffe'
HERE = __package__


class Alias(MetaPathFinder, Loader):
    """Finds caffe and caffe.x as goodinit.caffe and goodinit.caffe.x: the same modules, and one
    registry."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition('.')[0] != NAME or not util.find_spec(ours(fullname)):
            return None
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(ours(spec.name))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """The module has run under its own name: only its spec, which the import system has
        replaced, is put back."""
        if module.__spec__ is not None:
            module.__spec__ = module.__spec__.loader_state


def ours(name: str) -> str:
    """The name here of a module of pycaffe's."""
    return HERE + name.removeprefix(NAME)


def install() -> None:
    """From now on `import caffe` finds goodinit.caffe, whatever else is installed or on the path
    under that name."""
    if not any(isinstance(finder, Alias) for finder in sys.meta_path):
        sys.meta_path.insert(0, Alias())
