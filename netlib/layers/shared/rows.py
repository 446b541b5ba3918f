"""Shared by Embed, BatchReindex and Filter: rows of a blob, selected by the numbers in another
blob."""

from ...blob import Blob
from ..base import Layer


class Rows(Layer):
    """A layer that reads a bottom as a list of integers, on the host."""

    def integers(self, blob: Blob) -> list[int]:
        """The blob's values, truncated."""
        return blob.values.array().reshape(-1).astype(int).tolist()

    def check_range(self, index: list[int], rows: int, below: str, beyond: str) -> None:
        """Raises LayerError, with one of the messages, unless every index is in 0 .. rows - 1."""
        for i in index:
            if not 0 <= i < rows:
                raise self.error(f'{below if i < 0 else beyond} Found {i}, for {rows} rows')
