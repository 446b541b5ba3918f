"""The error about a label that is not a class, for every engine."""

from ..errors import EngineError


def label_error(label: int, classes: int) -> EngineError:
    return EngineError(
        f'found the label {label}: labels must be in 0 .. {classes - 1}, '
        f'since the scores have {classes} classes'
    )
