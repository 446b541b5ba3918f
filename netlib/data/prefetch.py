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
    """A place in some data: an endless series of tasks.

    What depends on order (reading, drawing random numbers) happens in `next`; the task that it
    returns does the rest, on any thread, at any time.
    """

    def __next__(self) -> Callable[[], Any]: ...

    def state(self) -> dict:
        """The place, with the state of its random numbers, for `restore`."""

    def restore(self, state: dict) -> None:
        """Continue from there, without reading what lies before."""


class Grouped:
    """A reader of lists, each of `size` items of another reader."""

    def __init__(self, reader: Reader, size: int):
        self.reader = reader
        self.size = size
        self.state = reader.state
        self.restore = reader.restore

    def __next__(self) -> Callable[[], list]:
        tasks = [next(self.reader) for _ in range(self.size)]
        return lambda: [task() for task in tasks]


class Share:
    """One of `size` shares of another reader: of each `size` items in a row the number `first`."""

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
    """Pairs: what a task of the reader gives, and the reader's state after it.

    At most `ahead` tasks run before their time; 0 runs each when asked. The numbers are the same
    for any `ahead` and `threads`.
    """
    return Prefetch(reader, ahead, threads) if ahead else _read_when_asked(reader)


def _read_when_asked(reader: Reader) -> 'Generator[Item, None, None]':
    while True:
        task = next(reader)
        state = reader.state()
        yield task(), state


class Prefetch:
    """What a reader gives, made ahead by threads.

    The threads end after this is closed or dropped, and before the process. An exception comes
    where its result would have come. After an exception of the reader's own, nothing more comes:
    close, and start anew.
    """

    def __init__(self, reader: Reader, ahead: int, threads: int):
        self._results: SimpleQueue[tuple[Future, dict]] = SimpleQueue()
        self._room = Semaphore(ahead)
        stop = Event()
        # Not self, which may be dropped.
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
        """End the threads; after that, nothing uses the reader."""
        self._stop()
        for worker in self._workers:
            worker.join()


_running: weakref.WeakSet[Prefetch] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for prefetch in list(_running):
        prefetch.close()


def _work(reader: Reader, turn: Lock, results: SimpleQueue, room: Semaphore, stop: Event) -> None:
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


def _stop(stop: Event, room: Semaphore, threads: int) -> None:
    """Wake the threads to their end, without waiting for it: one of them may be collecting the
    garbage."""
    stop.set()
    room.release(threads)
