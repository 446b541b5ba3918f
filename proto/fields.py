"""Copying fields between messages, whatever their kind."""

from collections.abc import Collection
from typing import Any

from google.protobuf.message import Message


def is_message_list(value: Any) -> bool:
    """Whether the value of a field is a list of messages (a list of numbers has no `add`)."""
    return hasattr(value, 'add')


def copy_fields(source: Message, target: Message, skip: Collection[str] = ()) -> None:
    """Adds the set fields of source to target, by name; lists are appended."""
    for field, value in source.ListFields():
        if field.name in skip:
            continue
        if hasattr(value, 'extend'):
            getattr(target, field.name).extend(value)
        elif hasattr(value, 'CopyFrom'):
            getattr(target, field.name).CopyFrom(value)
        else:
            setattr(target, field.name, value)
