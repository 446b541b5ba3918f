"""A progress bar for programs: tqdm's, which suits a notebook as well as a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..netlib import Net

Progress = Callable[[str], None]


@contextmanager
def hearing(progress: Progress | bool, net: Net) -> Iterator[Progress]:
    """What hears of each layer of a net: `progress` itself, or a bar if it is True."""
    if callable(progress):
        yield progress
        return
    from tqdm.auto import tqdm

    with tqdm(total=len(net.layers), unit='layer', leave=False, disable=not progress) as bar:

        def advance(layer: str) -> None:
            bar.set_description(layer, refresh=False)
            bar.update()

        yield advance
