"""Finds out which fields of a message some code reads, by running it."""

from google.protobuf.message import Message


class Noting:
    """Stands for a message, and notes in `noted` which of its fields are read."""

    def __init__(self, message: Message):
        self._message = message
        self.noted: set[str] = set()

    def __getattr__(self, field: str):
        self.noted.add(field)
        return getattr(self._message, field)
