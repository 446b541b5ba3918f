"""The ops that do the work of several others, as compositions of those. The fast engine inherits
them, and so composes its own kernels."""

import numpy as np
from numpy import ndarray

from ..interface import op
from .indexing import Indexing
from .normalization import Normalization


class Composed(Indexing, Normalization):
    @op
    def dropout(self, x: ndarray, seed: int, ratio: float, *, out: ndarray, mask: ndarray) -> None:
        self.dropout_mask(seed, ratio, out=mask)
        self.binary('mul', x, mask, out=out)

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
        self.unary_backward('relu', y, y, dy, 0, out=out)
        if also is not None:
            self.copy(out, out=also)
        if dshift is not None:
            self.sum(out, out=dshift, accumulate=True)

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
        var = np.empty_like(mean)
        self.moments(x, mean=mean, var=var)
        m = x.size // max(mean.size, 1)
        self.remember(mean, var, m, keep, stored_mean, stored_var, factor)
        self.unary('power', var, -0.5, 1, eps, out=inverse)
        self.standardize(x, mean, inverse, out=z)
        if out is not None:
            self.scale_shift(z, scale, shift, rectify, out=out)

    def remember(
        self,
        mean: ndarray,
        var: ndarray,
        m: int,
        keep: float,
        stored_mean: ndarray,
        stored_var: ndarray,
        factor: ndarray,
    ) -> None:
        """Add a batch's statistics, of m elements per channel, to the stored ones."""
        one = np.ones_like(factor)
        self.axpby(1, mean, keep, out=stored_mean)
        self.axpby(m / max(m - 1, 1), var, keep, out=stored_var)
        self.axpby(1, one, keep, out=factor)

    @op
    def stored_moments(
        self,
        stored_mean: ndarray,
        stored_var: ndarray,
        factor: ndarray,
        eps: float,
        *,
        mean: ndarray,
        inverse: ndarray,
    ) -> None:
        var = np.empty_like(inverse)
        share = 1 / float(factor[0]) if factor[0] else 0
        self.axpby(share, stored_mean, 0, out=mean)
        self.axpby(share, stored_var, 0, out=var)
        self.unary('power', var, -0.5, 1, eps, out=inverse)

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
        if y is not None:
            self.unary_backward('relu', y, y, dy, 0, out=out)
            dy = out
        if scale is not None:
            self.scale_shift_backward(z, scale, dy, out=out, dscale=dscale, dshift=dshift)
            dy = out
        self.standardize_backward(z, inverse, dy, out=out)

    @op
    def cross_entropy(
        self, p: ndarray, label: ndarray, floor: float, factor: float, *, out: ndarray
    ) -> None:
        target = np.empty_like(p)
        log_p = np.empty_like(p)
        self.one_hot(label, None, out=target)
        self.unary('log_floor', p, floor, out=log_p)
        self.dot(log_p, target, out=out)
        self.axpby(factor, out, 0, out=out)

    @op
    def cross_entropy_backward(
        self, p: ndarray, label: ndarray, factor: float, *, out: ndarray
    ) -> None:
        self.one_hot(label, None, out=out)
        self.binary('sub', p, out, out=out)
        self.axpby(factor, out, 0, out=out)
