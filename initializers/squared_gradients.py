"""The squares of a weight's gradients, collected image by image, and the learning rates that follow
(Krähenbühl et al. 2016, section 3)."""

import functools
from collections.abc import Callable, Sequence

import numpy as np
from numpy import ndarray

from ..netlib.blob import Blob
from ..netlib.layers.shared.affine import Affine, Use
from ..netlib.memory import Tensor
from ..netlib.ranks import Ranks
from .moments import Moments, joined, moments_by_output, weight_moments


class WeightGradient:
    """C_ij^2 = E[(dl/dW_ij)^2] (eq. 1) of a weight matrix W, i its outputs, j its inputs: a mean
    over images. It is found from some outputs after the other."""

    def __init__(self, layer: Affine, images: int, sizes: Sequence[float]):
        """sizes: of each image, something proportional to the sum of its squares."""
        self.images = images
        self.sizes = np.array(sizes)
        self.mean_square = weight_moments(layer, layer.weight.values).mean_square
        self._sums: ndarray | float = 0.0  # over the images, and over the outputs so far
        self._moments: list[Moments] = []

    def add(self, layer: Affine, squares: Tensor) -> None:
        """Take the next outputs from sums of squares over the images, (outer, outputs, inner),
        which become their roots."""
        outer, _, inner = squares.shape
        sums = layer.buffer('columns', outer, 1, inner)
        layer.engine.sum(squares, out=sums)
        self._sums = self._sums + sums.array().astype(float)
        layer.engine.unary('power', squares, 0.5, 1, 0, out=squares)
        self._moments.append(moments_by_output(layer, squares))

    @functools.cached_property
    def deviations(self) -> Moments:
        """Of C_ij sqrt(images), by output."""
        return joined(self._moments)

    @functools.cached_property
    def columns(self) -> ndarray:
        """C_j^2, the mean of C_ij^2 over i: (outer, 1, inner) float64."""
        outputs = len(self.deviations.mean)
        return np.asarray(self._sums) / (outputs * max(self.images, 1))

    @property
    def variance(self) -> float:
        """The mean of C_ij^2 over all weights, which is their variance since E[dl/dW] = 0."""
        if not self.images:
            return np.nan
        return float(self.columns.mean())

    @property
    def change_rate(self) -> float:
        """The mean over the columns j of C~_j, with C~_j^2 = mean over i of C_ij^2 / mean square of
        W (eq. 2 and 3).

        |W|^2 is the mean square, as in the published code: the rate is the relative change of a
        weight, independent of the size of W. 0 without gradient; NaN for W = 0 and for weights that
        backward does not reach.
        """
        size = np.sqrt(self.mean_square)
        if not self.images or not size:
            return np.nan
        return float(np.sqrt(self.columns).mean() / size)

    @property
    def error(self) -> float:
        """The relative standard error of `change_rate`, because the images are few: half that of
        the mean square. NaN for one image, and where images cannot be told apart.

        The square of an image's gradient counts as |x|^2 |dl/dz|^2, as in eq. 4.
        """
        count = len(self.sizes)
        if count < 2 or not self.sizes.mean():
            return np.nan
        error = self.sizes.std(ddof=1) / np.sqrt(count)
        return float(error / self.sizes.mean() / 2)

    @property
    def cv(self) -> float:
        """Standard deviation over mean of C_ij over all weights (Fig. 1b); NaN without gradient."""
        mean = self.deviations.total_mean
        if not mean:
            return np.nan
        return float(np.sqrt(self.deviations.total_var) / mean)


See = Callable[[Affine, WeightGradient, Tensor], None]


class SquaredGradients:
    """Collects the squares of one weight's gradients in its diff.

    Layers that share the weight are its users. The gradient of an image is the sum of theirs, so it
    is squared when all users have run backward. Of a weight that is larger than what its users read
    and write, such as that of an inner product, these are kept, and squared at the end, for some
    outputs after the other.
    """

    def __init__(self, layer: Affine, users: int):
        self.layer = layer
        self.users = users
        self.images = 0
        self.uses: list[Use] = []
        self.kept: list[list[Use]] = []  # to be squared at the end
        self.seen = 0
        self.reached = False
        self.sizes: list[float] = []  # of each image, as far as they can be told apart

    def see(self, bottom: list[Blob], top: list[Blob]) -> None:
        """A user has run backward: its tops have their diffs."""
        self.uses += zip(bottom, top, strict=True)
        self.seen += 1
        if self.complete:
            self.add()

    @property
    def complete(self) -> bool:
        """Whether all users have run backward for this batch."""
        return self.seen == self.users

    def add(self) -> None:
        """No other user will run for this batch: those that no score depends on do not."""
        if not self.uses:
            return
        self.sizes += sizes_by_image(self.layer, self.uses)
        small = sum(x.count + z.count for x, z in self.uses) < self.layer.weight.count
        if small:
            self.kept.append([self._copies(*use) for use in self.uses])
        else:
            self.layer.add_squared_gradients(self.uses)
        self.layer.work.free()
        self.uses = []
        self.reached = True

    def close(self, images: int) -> None:
        """The batch, of so many images, is done."""
        self.add()
        if self.reached:
            self.images += images
        self.seen = 0
        self.reached = False

    def _copies(self, bottom: Blob, top: Blob) -> Use:
        """What a gradient is computed from: the values of the bottom, and the diffs of the top."""
        engine = self.layer.engine
        x, z = (Blob(blob.name, blob.shape, engine.dtype) for blob in (bottom, top))
        engine.copy(bottom.values, out=x.values)
        engine.copy(top.diffs, out=z.diffs)
        return x, z

    def gradient(self, ranks: Ranks, see: See) -> WeightGradient:
        """The result from the squares of all ranks, which are then discarded. `see` is called with
        the layer, the result and, for some outputs after the other, the roots of the sums of
        squares."""
        layer = self.layer
        images = sum(ranks.gather([self.images]))
        sizes = ranks.gather(self.sizes)
        found = WeightGradient(layer, images, sizes if len(sizes) == images else ())
        for squares in layer.squares_by_output(self.kept):
            if ranks.size > 1:
                ranks.start_sum(squares.array(write=True))
                ranks.finish_sums()
            found.add(layer, squares)
            see(layer, found, squares)
        self.kept = []
        layer.work.free()
        layer.weight.diffs.memory.free()
        return found


def sizes_by_image(layer: Affine, uses: Sequence[Use]) -> list[float]:
    """|x|^2 |dl/dz|^2 of each image, summed over the uses of W; empty where a blob's first axis is
    another."""
    total: ndarray | float = 0.0
    for bottom, top in uses:
        if bottom.shape[:1] != uses[0][0].shape[:1] or top.shape[:1] != bottom.shape[:1]:
            return []
        total = total + squared(layer, bottom.values) * squared(layer, top.diffs)
    return np.asarray(total, float).tolist()


def squared(layer: Affine, x: Tensor) -> ndarray:
    """The sum of the squares of each of the first axis: float64."""
    rows = x.reshape(x.shape[0], -1)
    sums = layer.buffer('squares', x.shape[0], 1)
    layer.engine.dot(rows, rows, out=sums)
    return sums.array().ravel().astype(float)
