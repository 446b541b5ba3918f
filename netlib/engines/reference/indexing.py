"""Moving values: boxes, parts along an axis, labels."""

import numpy as np
from numpy import ndarray

from ..interface import Engine, Ints, op
from ..labels import label_error


class Indexing(Engine):
    @op
    def copy_window(
        self,
        x: ndarray,
        start: Ints,
        *,
        out: ndarray,
        at: Ints,
        shape: Ints,
        accumulate: bool = False,
    ) -> None:
        source = x[box(start, shape)]
        target = out[box(at, shape)]
        if accumulate:
            target += source
        else:
            target[...] = source

    @op
    def gather(self, x: ndarray, index: Ints, axis: int, *, out: ndarray) -> None:
        part = np.asarray(index, dtype=int)
        np.take(x, part, axis, out=out, mode='wrap')
        np.moveaxis(out, axis, 0)[part < 0] = 0

    @op
    def scatter_add(self, dy: ndarray, index: Ints, axis: int, *, out: ndarray) -> None:
        part = np.asarray(index, dtype=int)
        out[...] = 0
        target = np.moveaxis(out, axis, 0)
        source = np.moveaxis(dy, axis, 0)
        taken = part >= 0
        np.add.at(target, part[taken], source[taken])

    @op
    def transpose(self, x: ndarray, order: Ints, *, out: ndarray) -> None:
        out[...] = x.transpose(order)

    @op
    def one_hot(self, label: ndarray, ignore: float | None, *, out: ndarray) -> None:
        label = label.astype(int)
        wanted = np.ones(label.shape, bool) if ignore is None else label != ignore
        check_labels(label[wanted], out.shape[1])
        out[...] = 0
        image, place = np.nonzero(wanted)
        out[image, label[image, place], place] = 1


def box(start: Ints, shape: Ints) -> tuple[slice, ...]:
    """The index of a box of this shape."""
    return tuple(slice(s, s + n) for s, n in zip(start, shape, strict=True))


def check_labels(labels: ndarray, classes: int) -> None:
    """Raises EngineError for a label outside 0 .. classes - 1."""
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise label_error(wrong[0], classes)
