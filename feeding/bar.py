"""A progress bar for programs: tqdm's, which suits a notebook as well as a terminal."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..netlib import Net

Progress = Callable[[str], None]


@contextmanager
def hearing(progress: Progress | bool, net: Net) -> Iterator[Progress]:
    """What hears of each layer of a net: `progress` itself, or a bar if it is True."""
    if callable(progress):
        yield progress
        return
    with bar_class()(total=len(net.layers), unit='layer', leave=False, disable=not progress) as bar:

        def advance(layer: str) -> None:
            bar.set_description(layer, refresh=False)
            bar.update()

        yield advance


def bar_class() -> Any:
    """tqdm's bar for where the program runs. A notebook without ipywidgets gets one of text, about
    which tqdm would warn in the midst of the results."""
    from tqdm import TqdmWarning

    with warnings.catch_warnings():
        warnings.simplefilter('ignore', TqdmWarning)
        from tqdm.auto import tqdm
    return tqdm
