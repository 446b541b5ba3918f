"""NVIDIA's libraries, wherever they are installed: from pip, from conda, or with the toolkit."""

import ctypes
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import EngineError, import_extra


class NotInstalled(EngineError):
    """A library is not installed."""


def declare(
    library: ctypes.CDLL, functions: Mapping[str, tuple[Any, ...]], check: Callable[[int], None]
) -> None:
    """Tell ctypes the arguments of these functions, and let `check` look at the statuses that they
    return."""
    for name, types in functions.items():
        function = library[name]
        function.argtypes = types
        function.restype = check
        setattr(library, name, function)


def load_library(file: str, name: str, missing: str, repair: str) -> ctypes.CDLL:
    """The library lib<file>, which errors call `name`.

    Raises NotInstalled, which says what is `missing`, or an EngineError if it was found but does
    not load; `repair` says what to do about that.
    """
    finder: Any = import_extra('cuda.pathfinder', 'cuda')
    try:
        return ctypes.CDLL(finder.load_nvidia_dynamic_lib(file).abs_path)
    except finder.DynamicLibNotFoundError as error:
        raise NotInstalled(missing) from error
    except (OSError, RuntimeError) as error:  # what ctypes and the finder raise
        raise EngineError(f'{name} was found, but does not load: {error}. {repair}') from error
