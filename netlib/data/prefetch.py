"""Reading ahead: threads that read the next items while the net computes."""

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
    """A position in some data: an endless series of tasks.

    Work that depends on order (reading, drawing random numbers) happens in `next`. The task that it
    returns does the rest, on any thread, at any time.
    """

    def __next__(self) -> Callable[[], Any]: ...

    def state(self) -> dict:
        """The position, with the state of the random numbers, for `restore`."""

    def restore(self, state: dict) -> None:
        """Continue from a position, without reading the items before it."""


class Grouped:
    """A reader of lists of `size` items from another reader."""

    def __init__(self, reader: Reader, size: int):
        self.reader = reader
        self.size = size
        self.state = reader.state
        self.restore = reader.restore

    def __next__(self) -> Callable[[], list]:
        tasks = [next(self.reader) for _ in range(self.size)]
        return lambda: [task() for task in tasks]


class Share:
    """One of `size` shares of another reader: item `first` of each group of `size` items."""

    def __init__(self, reader: Reader, first: int, size: int):
        self.reader = reader
        self.first = first
        self.size = size
        self.state = reader.state
        self.restore = reader.restore

    def __next__(self) -> Callable[[], Any]:
        tasks = [next(self.reader) for _ in range(self.size)]
        return tasks[self.first]


def read_ahead(
    reader: Reader, ahead: int, threads: int = THREADS
) -> 'Prefetch | Generator[Item, None, None]':
    """Pairs: the result of a task of the reader, and the reader's state after it.

    At most `ahead` tasks run ahead of time; with 0, each runs when asked for. The numbers are the
    same for any `ahead` and `threads`.
    """
    return Prefetch(reader, ahead, threads) if ahead else _read_when_asked(reader)


def _read_when_asked(reader: Reader) -> 'Generator[Item, None, None]':
    while True:
        task = next(reader)
        state = reader.state()
        yield task(), state


class Prefetch:
    """A reader's items, made ahead by threads.

    The threads end after this object is closed or dropped, and before the process ends. An
    exception is raised in place of its result. After an exception in the reader itself there are no
    further results: close this object and make a new one.
    """

    def __init__(self, reader: Reader, ahead: int, threads: int):
        self._results: SimpleQueue[tuple[Future, dict]] = SimpleQueue()
        self._room = Semaphore(ahead)
        stop = Event()
        # Threads do not refer to self, so that it can be dropped.
        arguments = (reader, Lock(), self._results, self._room, stop)
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
        """End the threads; the reader is then no longer in use."""
        self._stop()
        for worker in self._workers:
            worker.join()


_running: weakref.WeakSet[Prefetch] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for prefetch in list(_running):
        prefetch.close()


def _work(reader: Reader, turn: Lock, results: SimpleQueue, room: Semaphore, stop: Event) -> None:
    """Run tasks, in turn with the other threads, while there is room for results."""
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


def _stop(stop: Event, room: Semaphore, threads: int) -> None:
    """Wake the threads so that they end, without waiting: one of them may be running the garbage
    collector."""
    stop.set()
    room.release(threads)
