"""Calls that repeat in the same order, as one launch of a CUDA graph.

A launch costs the host and the card a few microseconds each, which in a net of small layers is more
than the kernels take. So Replays do not make their calls at once: they wait in line until the
device is asked for something else (a copy, an op that is not repeated). A line that has been run
before is then captured, and launched as a graph from there on. GOODINIT_CUDA_GRAPHS=0 turns that
off.
"""

import ctypes
import os
import warnings
from collections import Counter, OrderedDict
from ctypes import POINTER, byref, c_int, c_ulonglong, c_void_p
from typing import Any

from ...errors import EngineError
from ...memory import Places
from .libraries import declare
from .replay import Replay

GRAPHS = 'GOODINIT_CUDA_GRAPHS'  # the variable
RUNS = 2  # of a line before it is captured: libraries take memory when they are first called
MOST = 64  # graphs; those not used for the longest time go
RELAXED = 2  # CU_STREAM_CAPTURE_MODE_RELAXED

# The arguments of the functions, as cuda.h declares them. Streams and graphs are pointers.
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    'cuStreamBeginCapture_v2': (c_void_p, c_int),
    'cuStreamEndCapture': (c_void_p, POINTER(c_void_p)),
    'cuGraphInstantiateWithFlags': (POINTER(c_void_p), c_void_p, c_ulonglong),
    'cuGraphLaunch': (c_void_p, c_void_p),
    'cuGraphDestroy': (c_void_p,),
    'cuGraphExecDestroy': (c_void_p,),
}
Line = tuple[Replay, ...]


class Graph:
    """The calls of a line, captured from a stream."""

    def __init__(self, driver: Any, stream: int, line: Line):
        self.driver, self.stream = driver, stream
        self.executable = c_void_p()
        captured = c_void_p()
        driver.cuStreamBeginCapture_v2(stream, RELAXED)
        try:
            make_calls(line)
        finally:
            driver.cuStreamEndCapture(stream, byref(captured))
        driver.cuGraphInstantiateWithFlags(byref(self.executable), captured, 0)
        driver.cuGraphDestroy(captured)

    def launch(self) -> None:
        self.driver.cuGraphLaunch(self.executable, self.stream)

    def __del__(self) -> None:
        if self.executable:
            self.driver.cuGraphExecDestroy(self.executable)


class Graphs:
    """Replays that wait in line, and the graphs of lines that have been run."""

    def __init__(self, stream: Any):
        self.driver = load_driver()
        self.stream = stream.handle
        self.line: list[Replay] = []
        self.runs: Counter[Line] = Counter()
        self.found: OrderedDict[Line, Graph] = OrderedDict()
        self.works = True  # until a capture fails
        self.places = Places.version  # for which those found are right

    def run(self) -> None:
        """Queue the calls of the line."""
        if not self.line:
            return
        line = tuple(self.line)
        self.line = []
        if self.places != Places.version:  # recordings end, and memory must not be held for them
            self.places = Places.version
            self.found.clear()
            self.runs.clear()
        graph = self._graph(line) if self.works else None
        if graph is None:
            make_calls(line)
        else:
            graph.launch()

    def _graph(self, line: Line) -> Graph | None:
        """The graph of a line; None if it is new, or cannot be captured."""
        graph = self.found.pop(line, None)
        if graph is None:
            self.runs[line] += 1
            if self.runs[line] <= RUNS:
                self._forget()
                return None
            del self.runs[line]
            graph = self._capture(line)
        if graph is not None:
            self.found[line] = graph  # now the most recently used
            if len(self.found) > MOST:
                self.found.popitem(last=False)
        return graph

    def _capture(self, line: Line) -> Graph | None:
        try:
            return Graph(self.driver, self.stream, line)
        except Exception as error:  # PyCUDA's and ours
            self.works = False
            message = f'{GRAPHS}: nothing can be captured ({error}): going on without graphs'
            warnings.warn(message, stacklevel=2)
            return None

    def _forget(self) -> None:
        """Let go of lines that were begun and did not come again."""
        if len(self.runs) > MOST:
            self.runs.clear()


def make_calls(line: Line) -> None:
    for replay in line:
        for call in replay.calls:
            call()


def wanted() -> bool:
    return os.environ.get(GRAPHS, '') != '0'


def load_driver() -> ctypes.CDLL:
    """The driver's library, with FUNCTIONS as attributes, which raise EngineError."""
    library = ctypes.CDLL('libcuda.so.1')
    declare(library, FUNCTIONS, check_status)
    return library


def check_status(status: int) -> None:
    """Raises EngineError if `status` says that a function of the driver failed."""
    if status:
        raise EngineError(f'a CUDA graph failed with status {status}')
