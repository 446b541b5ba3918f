"""What threads make of some things, in the order of the things."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from .prefetch import THREADS

AHEAD = 2 * THREADS  # made before they are asked for, at most

Thing = TypeVar('Thing')
Made = TypeVar('Made')


def in_order(make: Callable[[Thing], Made], things: Iterable[Thing]) -> Iterator[Made]:
    """make(thing) for each thing, each on any thread, and a few ahead of time. An exception comes
    in its turn and is the end; what has not begun by then is not made."""
    ahead: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for thing in things:
                ahead.append(pool.submit(make, thing))
                if len(ahead) > AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
