"""Which classes a photograph shows, for classification."""

from collections.abc import Sequence

import numpy as np

from .classes import CLASSES
from .devkit import Photograph

PRESENT, ABSENT, IGNORED = 1, 0, -1
# What becomes of a class all of whose objects in a photograph are marked difficult.
DIFFICULT = {'ignore': IGNORED, 'present': PRESENT, 'absent': ABSENT}


def labels_of(photographs: Sequence[Photograph], difficult: str = 'ignore') -> np.ndarray:
    """float32 (N, 20): 1 for a class that is there, 0 for one that is not; `difficult` names what a
    class gets of which there are only difficult objects.

    VOC's own lists (ImageSets/Main/<class>_<split>.txt) have 1, -1 and 0 for the three.
    """
    found = np.full((len(photographs), len(CLASSES)), ABSENT, np.float32)
    for row, photograph in zip(found, photographs, strict=True):
        for box in photograph.boxes:
            if not box.difficult:
                row[box.label] = PRESENT
            elif row[box.label] != PRESENT:
                row[box.label] = DIFFICULT[difficult]
    return found
