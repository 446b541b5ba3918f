"""Ops of the CUDA engine, noted and run again: bare calls with nothing left to convert.

An op costs the host 20 us: tensors become addresses, shapes become structs, arguments are packed. A
Replay keeps what came of it, as the functions that were called with the arguments they took: a
launch then costs less than 1 us.
"""

from collections.abc import Callable
from typing import Any

from ...memory import Arena, Memory

Calls = list[Callable[[], Any]]


class Replay:
    """Calls of a device and its libraries, in order, and the memories that they read and write."""

    def __init__(self, device: Any):
        self.device = device
        self.calls: Calls = []
        self.memories: dict[Memory, bool] = {}  # whether it is written; they stay allocated

    def uses(self, memory: Memory, write: bool) -> None:
        """Note that a call reads a memory, or writes it."""
        parts = memory.parts if isinstance(memory, Arena) else [memory]
        for part in parts:
            self.memories[part] = write or self.memories.get(part, False)

    def __call__(self) -> None:
        """Run the calls again, after uploading what the host has changed; what is written is
        current on the device alone."""
        for memory, written in self.memories.items():
            head = memory.head
            if head != 'device' and (written or head != 'both'):
                memory.device(self.device, written)
        for call in self.calls:
            call()
