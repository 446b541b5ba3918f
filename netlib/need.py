"""The memory that a net needs, compared with what there is before any of it is taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .blob import Blob
from .errors import NetError
from .machine import free_memory
from .memory import Memory
from .shapes import dimensions

NAMED = 3  # blobs in a message


def check_need(name: str, blobs: Iterable[Blob], free: int | None = None) -> None:
    """Raises NetError, with the greatest blobs, if the values of all `blobs` of the net `name`, as
    far as they have no memory yet, need more than the `free` bytes (None: what the system has)."""
    missing = without_memory(blobs)
    needed = sum(memory.nbytes for memory, _ in missing)
    if free is None:
        free = free_memory()
    if needed > free:
        raise NetError(
            f"net '{name}' needs {in_bytes(needed)} of memory to run, but {in_bytes(free)} are "
            f'free; its greatest blobs: {greatest(missing)}: use a smaller batch or input'
        )


def without_memory(blobs: Iterable[Blob]) -> list[tuple[Memory, Blob]]:
    """The memories that hold values but are not allocated, each with one of its blobs."""
    found: dict[int, tuple[Memory, Blob]] = {}
    for blob in blobs:
        memory = blob.values.memory
        whole = memory.whole or memory
        if not whole.held:
            found.setdefault(id(whole), (whole, blob))
    return list(found.values())


def greatest(found: Sequence[tuple[Memory, Blob]]) -> str:
    """The blobs of the largest memories, with their shapes."""
    largest = sorted(found, key=lambda each: each[0].nbytes, reverse=True)[:NAMED]
    texts = []
    for memory, blob in largest:
        texts.append(f"'{blob.name}' ({dimensions(blob.shape)}) {in_bytes(memory.nbytes)}")
    return ', '.join(texts)


def in_bytes(count: float) -> str:
    """'1.5 GB', '20 MB'."""
    for unit in ('B', 'kB', 'MB', 'GB', 'TB'):
        if count < 1000:
            return f'{count:.3g} {unit}'
        count /= 1000
    return f'{count:.3g} PB'
