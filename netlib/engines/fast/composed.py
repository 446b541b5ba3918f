"""Layers with what follows them, by kernels that read each number once."""

import numpy as np
from numpy import ndarray

from ..interface import op
from ..reference import Reference
from .declarations import Kernels


class Composed(Reference):
    kernels: Kernels

    @op
    def rectify_backward(
        self,
        y: ndarray,
        dy: ndarray,
        *,
        out: ndarray,
        dshift: ndarray | None = None,
        also: ndarray | None = None,
    ) -> None:
        if also is None or dshift is not None:
            super().rectify_backward(y, dy, out=out, dshift=dshift, also=also)
            return
        self.kernels.rectify_backward_twice(y, dy, out, also, out.size)

    @op
    def normalize_batch(
        self,
        x: ndarray,
        eps: float,
        keep: float,
        scale: ndarray | None = None,
        shift: ndarray | None = None,
        rectify: bool = False,
        *,
        z: ndarray,
        mean: ndarray,
        inverse: ndarray,
        stored_mean: ndarray,
        stored_var: ndarray,
        factor: ndarray,
        out: ndarray | None = None,
    ) -> None:
        stored = {'stored_mean': stored_mean, 'stored_var': stored_var, 'factor': factor}
        if not has_rows(x):
            found = {'z': z, 'mean': mean, 'inverse': inverse, 'out': out}
            super().normalize_batch(x, eps, keep, scale, shift, rectify, **found, **stored)
            return
        var = np.empty_like(mean)
        outer, kept, inner = x.shape
        self.kernels.batch_norm(
            x, scale, shift, z, out, mean, var, inverse, eps, outer, kept, inner, rectify
        )
        self.remember(mean, var, x.size // mean.size, keep, **stored)

    @op
    def normalize_batch_backward(
        self,
        z: ndarray,
        inverse: ndarray,
        dy: ndarray,
        scale: ndarray | None = None,
        shift: ndarray | None = None,
        y: ndarray | None = None,
        *,
        out: ndarray,
        dscale: ndarray | None = None,
        dshift: ndarray | None = None,
    ) -> None:
        if not has_rows(z):
            found = {'out': out, 'dscale': dscale, 'dshift': dshift}
            super().normalize_batch_backward(z, inverse, dy, scale, shift, y, **found)
            return
        # Whether ReLU let a number pass follows from z: y need not be read.
        rectify = y is not None
        outer, kept, inner = z.shape
        self.kernels.batch_norm_backward(
            z, inverse, dy, scale, shift, out, dscale, dshift, outer, kept, inner, rectify
        )


def has_rows(x: ndarray) -> bool:
    """Whether x (N, C, I) has something to sum, in rows of more than one number."""
    return x.size > 0 and x.shape[2] > 1
