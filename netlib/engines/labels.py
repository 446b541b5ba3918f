"""The error about a label that is not a class, for every engine."""

from ..errors import EngineError


def label_error(label: int, classes: int) -> EngineError:
    return EngineError(
        f'found the label {label}: labels must lie in 0 .. {classes - 1}, '
        f'for as many classes as the scores have ({classes})'
    )
