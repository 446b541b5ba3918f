"""Reading an LMDB's file page by page, each checked before it is followed.

The library lmdb maps the file and trusts it: a damaged page, or a file that shrinks, kills the
process. Here a page is read, never mapped, and every offset in it is compared with its size.

A file consists of pages. Two of the first are meta pages, of which the one with the higher
transaction counts; it has the root of a B+ tree. A page begins with its flags and the end of the
offsets of its nodes, which follow. A node of a branch page has the first key of a page below; one
of a leaf has a key and a value, or the number of the first page of a large value. Source: lmdb.h
and mdb.c of LMDB 0.9, https://www.openldap.org.
"""

import os
import struct
import weakref
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ..errors import DataError, reason

MAGIC = 0xBEEFC0DE
EMPTY = 2**64 - 1  # the root of an empty tree
BRANCH, LEAF = 1, 2  # flags of a page
BIG = 1  # flag of a node whose value has pages of its own
PAGE = struct.Struct('<QHHHH')  # number, padding, flags, end of the offsets, start of the nodes
NODE = struct.Struct('<HHHH')  # low and high half of a size or page, flags, bytes of the key
META = struct.Struct('<IIQQ IHHQQQQQ IHHQQQQQ QQ')
SIZES = range(256, 65537)  # of pages
DEEPEST = 64
KEPT = 256  # pages in memory
AHEAD = 2**18  # bytes that are read at a time where reads follow each other
NEAR = 2**16  # bytes between two reads, at most, that follow each other


class Node(NamedTuple):
    """Of a branch: the page below. Of a leaf: where the value is, in the node or from a page on."""

    key: bytes
    page: int
    value: bytes | None
    size: int


class LmdbFile:
    """The pairs of the file's main database. `about` is for errors. Raises DataError."""

    def __init__(self, path: Path, about: str):
        self.about = about
        try:
            self._file = os.open(path, os.O_RDONLY | getattr(os, 'O_BINARY', 0))
        except OSError as error:
            raise DataError(f'{about}: cannot be opened as LMDB ({error.strerror})') from error
        self._close = weakref.finalize(self, os.close, self._file)
        self.page_size, self.root, last = self._read_meta()
        self.pages = last + 1
        needed = self.pages * self.page_size
        found = os.fstat(self._file).st_size
        if found < needed:
            raise DataError(f'{about}: truncated: found {found} bytes, needed: {needed}')
        self._nodes = lru_cache(KEPT)(self._read_nodes)
        self._end = 0  # of the last read
        self._ahead = (0, b'')  # the place of some bytes, and the bytes

    def pairs(self, after: bytes = b'') -> Iterator[tuple[bytes, bytes]]:
        """The pairs whose keys follow `after`, in order."""
        for node in self.nodes(after):
            yield node.key, self.value_of(node)

    def nodes(self, after: bytes = b'') -> Iterator[Node]:
        """The nodes of all leaves, from the first key after `after` on."""
        seen = 0
        stack = [] if self.root == EMPTY else [self.root]
        while stack:
            is_leaf, nodes = self._nodes(stack.pop())
            seen += 1
            if seen > self.pages:
                raise self._damage('its pages form a circle')
            start = bisect_right(nodes, after, key=_key_of) if after else 0
            if is_leaf:
                yield from nodes[start:]
            else:
                below = nodes[max(start - 1, 0) :]
                stack += [node.page for node in reversed(below)]

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, None for one that is not there."""
        page = self.root
        for _ in range(DEEPEST):
            if page == EMPTY:
                return None
            is_leaf, nodes = self._nodes(page)
            if is_leaf:
                at = bisect_left(nodes, key, key=_key_of)
                found = nodes[at : at + 1]
                return self.value_of(found[0]) if found and found[0].key == key else None
            at = bisect_right(nodes, key, key=_key_of)
            page = nodes[max(at - 1, 0)].page
        raise self._damage('its pages form a circle')

    def value_of(self, node: Node) -> bytes:
        if node.value is not None:
            return node.value
        start = node.page * self.page_size + PAGE.size
        if start + node.size > self.pages * self.page_size:
            raise self._damage(f'a value of {node.size} bytes begins in page {node.page}')
        return self._read(start, node.size)

    # -- pages

    def _read_meta(self) -> tuple[int, int, int]:
        """The size of a page, the root of the tree, and the last page."""
        first = self._meta_at(0)
        second = self._meta_at(first[4])
        newest = second if second[-1] > first[-1] else first
        return first[4], newest[-3], newest[-2]

    def _meta_at(self, place: int) -> tuple[int, ...]:
        try:
            meta = META.unpack(os.pread(self._file, META.size, place + PAGE.size))
        except (struct.error, OSError):
            meta = (0,) * 22
        magic, version, *_ = meta
        if magic != MAGIC or version != 1 or meta[4] not in SIZES:
            raise DataError(f'{self.about}: cannot be opened as LMDB (it has no meta page)')
        return meta

    def _read_nodes(self, number: int) -> tuple[bool, list[Node]]:
        """Whether a page is a leaf, and its nodes."""
        if number >= self.pages:
            raise self._damage(f'it refers to page {number}')
        page = self._read(number * self.page_size, self.page_size)
        own, _, flags, end, _ = PAGE.unpack_from(page)
        kind = flags & (BRANCH | LEAF)
        count = (end - PAGE.size) // 2
        if own != number or kind not in (BRANCH, LEAF) or not 0 <= count < self.page_size // 2:
            raise self._damage(f'page {number}')
        try:
            offsets = struct.unpack_from(f'<{count}H', page, PAGE.size)
            nodes = [self._node(page, offset, kind == LEAF) for offset in offsets]
        except struct.error:
            raise self._damage(f'page {number}') from None
        if not nodes:
            raise self._damage(f'page {number}')
        return kind == LEAF, nodes

    def _node(self, page: bytes, offset: int, is_leaf: bool) -> Node:
        low, high, flags, length = NODE.unpack_from(page, offset)
        start = offset + NODE.size
        end = start + length
        if end > len(page):
            raise self._damage(f'a key of {length} bytes')
        key = page[start:end]
        size = low | high << 16
        if not is_leaf:
            return Node(key, size | flags << 32, None, 0)
        if flags & BIG:
            (first,) = struct.unpack_from('<Q', page, end)
            return Node(key, first, None, size)
        if end + size > len(page):
            raise self._damage(f'a value of {size} bytes')
        return Node(key, 0, page[end : end + size], size)

    def _read(self, start: int, size: int) -> bytes:
        """Small images in the order of their keys follow each other: many come with one call of the
        system, at each of which other threads may take the interpreter's lock."""
        place, data = self._ahead
        if not place <= start <= start + size <= place + len(data):
            follows = 0 <= start - self._end <= NEAR
            place, data = start, self._bytes_at(start, max(size, AHEAD) if follows else size)
            self._ahead = place, data
        self._end = start + size
        found = data[start - place : start - place + size]
        if len(found) < size:
            raise self._damage(f'it ends at byte {start + len(found)}')
        return found

    def _bytes_at(self, start: int, size: int) -> bytes:
        try:
            return os.pread(self._file, size, start)
        except OSError as error:
            raise self._damage(reason(error)) from error

    def _damage(self, what: str) -> DataError:
        return DataError(f'{self.about}: damaged ({what})')


def _key_of(node: Node) -> bytes:
    return node.key
