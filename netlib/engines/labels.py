"""The error about a label that is not a class, for every engine."""

from ..errors import EngineError


class LabelError(EngineError):
    """A label, `label`, is not a class."""

    def __init__(self, message: str, label: int):
        super().__init__(message)
        self.label = label


def label_error(label: int, classes: int) -> LabelError:
    return LabelError(
        f'found the label {label}: labels must be in 0 .. {classes - 1}, '
        f'since the scores have {classes} classes',
        label,
    )
