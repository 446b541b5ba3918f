"""Reading ahead: threads that make what comes next while the net computes."""

import atexit
import os
import weakref
from collections.abc import Callable, Generator
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Event, Lock, Semaphore, Thread
from typing import Any, Protocol

THREADS = min(os.cpu_count() or 1, 8)
Item = tuple[Any, dict]


class Reader(Protocol):
    """Where data come from, with a place in them: an endless row of tasks.

    What depends on order (reading, drawing random numbers) happens in `next`; the task that it
    returns does the rest, on any thread, at any time.
    """

    def __next__(self) -> Callable[[], Any]: ...

    def state(self) -> dict:
        """The place, with the state of its random numbers, for `restore`."""

    def restore(self, state: dict) -> None:
        """Go on from there, without reading what lies before."""


class Grouped:
    """A reader of lists, of `size` items each of another reader."""

    def __init__(self, reader: Reader, size: int):
        self.reader, self.size = reader, size
        self.state, self.restore = reader.state, reader.restore

    def __next__(self) -> Callable[[], list]:
        tasks = [next(self.reader) for _ in range(self.size)]
        return lambda: [task() for task in tasks]


class Share:
    """A reader of every `size`-th item of another reader, the first being its item number `first`."""

    def __init__(self, reader: Reader, first: int, size: int):
        self.reader, self.first, self.size = reader, first, size
        self.state, self.restore = reader.state, reader.restore

    def __next__(self) -> Callable[[], Any]:
        return [next(self.reader) for _ in range(self.size)][self.first]


def read_ahead(
    reader: Reader, ahead: int, threads: int = THREADS
) -> 'Prefetch | Generator[Item, None, None]':
    """(what each task of the reader gives, the reader's state after it), at most `ahead` of them
    before their time.

    The numbers are the same for any `ahead` and `threads`; 0 reads when asked.
    """
    return Prefetch(reader, ahead, threads) if ahead else _read(reader)


def _read(reader: Reader) -> 'Generator[Item, None, None]':
    while True:
        task = next(reader)
        state = reader.state()
        yield task(), state


class Prefetch:
    """What a reader gives, made ahead by threads, which end after this is closed or dropped, and
    before the process.

    An exception comes where its result would have come. After one of the reader's own nothing more
    comes: close, and begin anew.
    """

    def __init__(self, reader: Reader, ahead: int, threads: int):
        self._results: SimpleQueue[tuple[Future, dict]] = SimpleQueue()
        self._room, stop = Semaphore(ahead), Event()
        arguments = (
            reader,
            Lock(),
            self._results,
            self._room,
            stop,
        )  # and not self, which may be dropped
        self._workers = [Thread(target=_work, args=arguments, daemon=True) for _ in range(threads)]
        self._stop = weakref.finalize(self, _stop, stop, self._room, threads)
        for worker in self._workers:
            worker.start()
        _running.add(self)

    def __next__(self) -> Item:
        future, state = self._results.get()
        self._room.release()
        return future.result(), state

    def close(self) -> None:
        """End the threads; afterwards nobody uses the reader."""
        self._stop()
        for worker in self._workers:
            worker.join()


_running: weakref.WeakSet[Prefetch] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for prefetch in list(_running):
        prefetch.close()


def _work(reader, turn, results, room, stop):
    """Task after task, in turn with the other threads, while there is room for results."""
    while True:
        room.acquire()
        future: Future = Future()
        with turn:
            if stop.is_set():
                return
            try:
                task = next(reader)
                results.put((future, reader.state()))
            except Exception as error:
                stop.set()
                results.put((future, {}))
                future.set_exception(error)
                return
        try:
            future.set_result(task())
        except Exception as error:
            future.set_exception(error)


def _stop(stop, room, threads):
    """Wake the threads to their end. It is not waited for here: one of them may be collecting the
    garbage."""
    stop.set()
    room.release(threads)
