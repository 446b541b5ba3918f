"""The ops: all that a layer may ask of an engine, on one page.

Naming
    x y      values that go in and come out        dx dy   gradients of the loss by them
    W        weights, (out, in, ...)               out=    where the result goes
    accumulate=True adds to `out`; otherwise `out` is overwritten.

Calling
    Tensors given by position are read; tensors given by keyword are written. That is the whole rule by which
    an engine finds out which mirror of a memory must be current. `out` may be the same tensor as an input
    of the same shape for the elementwise ops (fill, axpby, unary, unary_backward, binary), for standardize, scale_shift
    and their backwards, not for others.

An engine implements an op under its name and receives, in place of each tensor, what it computes
on: a NumPy array on the host, an address and a shape on a device. An op that an engine lacks is an
error, never a silent detour over the host.
"""

import functools
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np

from ..errors import EngineError
from ..memory import Memory, Tensor
from ..shapes import Shape


class Window(NamedTuple):
    """What slides over the spatial axes of a convolution or a pooling: one number per axis each."""

    kernel: Shape
    stride: Shape
    pad: Shape
    dilation: Shape

    @property
    def pointwise(self) -> bool:
        """Whether each position sees just one element and all are seen in order."""
        ones = (1,) * len(self.kernel)
        return self.kernel == ones and self.stride == ones and not any(self.pad)


class Bins(NamedTuple):
    """What a pooling over regions of images sees: each region is divided into H' rows and W'
    columns of bins.

    A row (column) of bins is given by its first row (column) in the image and the one after its
    last.
    """

    images: Sequence[int]  # (regions,): the number of the image
    rows: Sequence[Sequence[tuple[int, int]]]  # (regions, H')
    columns: Sequence[Sequence[tuple[int, int]]]  # (regions, W')


class Engine:
    """The ops, each with what it computes. Shapes in parentheses; `...` are the spatial axes."""

    name = 'interface'
    dtype = np.dtype(np.float32)
    on_device = False  # whether results lie on a device, and reading one waits for all before it

    # -- moving values
    def fill(self, value, *, out):
        """out = value everywhere."""

    def axpby(self, alpha, x, beta, *, out):
        """out = alpha x + beta out, elementwise; where beta is 0, out's old values do not matter."""

    def copy_window(self, x, start, *, out, at, shape, accumulate=False):
        """out[at : at + shape] (+)= x[start : start + shape]: a box of any number of axes."""

    def gather(self, x, index, axis, *, out):
        """out = the parts of x at `index` (a sequence of integers; -1 stands for zeros) along
        `axis`."""

    def scatter_add(self, dy, index, axis, *, out):
        """The gradient of `gather`: out = 0, then out at index[k] along `axis` += dy at k."""

    def transpose(self, x, order, *, out):
        """out = x with its axes in another order: axis i of out is axis order[i] of x."""

    # -- elementwise
    def unary(self, name, x, *parameters, out):
        """out = f(x); `name` one of elementwise.UNARY."""

    def unary_backward(self, name, x, y, dy, *parameters, out):
        """out = dy f'(x), with y = f(x) at hand."""

    def binary(self, name, a, b, *, out):
        """out = f(a, b); `name` one of elementwise.BINARY. a and b broadcast to out: an extent
        equals out's or is 1, and all three have the same number of axes."""

    def dropout_mask(self, seed, ratio, *, out):
        """out = 0 with probability `ratio`, else 1 / (1 - ratio); a function of (seed, element)
        alone, so that each engine draws the same mask."""

    # -- reductions
    def sum(self, x, *, out, accumulate=False):
        """out (+)= the sum of x over each axis where out's extent is 1."""

    def dot(self, a, b, *, out, accumulate=False):
        """out (+)= the sum of a b (of equal shapes) over each axis where out's extent is 1."""

    def moments(self, x, *, mean, var):
        """The mean and the biased variance of x over each axis where theirs have extent 1."""

    def max_forward(self, x, *, out, winner):
        """x (outer, pieces, inner): out, winner (outer, inner) = the largest piece and its number.
        As in Caffe's Eltwise, piece 1 wins a tie against piece 0; later pieces must be larger."""

    def max_backward(self, dy, winner, *, out):
        """dy, winner (outer, inner): out (outer, pieces, inner) = dy at the winner, else 0."""

    # -- matrices and convolution
    def gemm(self, a, b, *, out, transpose_a=False, transpose_b=False, accumulate=False):
        """out (M, N) (+)= a (M, K) b (K, N); transpose_a: a is given (K, M), transpose_b: b is
        given (N, K)."""

    def im2col(self, x, window, *, out):
        """x (N, C, ...) -> out (N, C prod(kernel), ...): the patch that each position of the window
        sees."""

    def col2im(self, columns, window, *, out):
        """The gradient of im2col: out (N, C, ...) = the sum of all patch elements that came from
        each place."""

    def patches(self, x, window, groups, positions, *, out):
        """out (groups, rows, C / groups prod(kernel)): of x (N, C, ...) the patches at the chosen
        `positions`, which count the window's positions in the order (image, y, x)."""

    def conv_forward(self, x, W, window, groups, bias=None, rectify=False, scale=None, *, out):
        """x (N, C, ...), W (M, C / groups, *kernel) -> out (N, M, ...): cross-correlation, then
        times scale (M,) and + bias (M,) where there are such, then ReLU if `rectify`."""

    def conv_backward_data(self, dy, W, window, groups, *, out):
        """dy (N, M, ...) -> out = dx (N, C, ...). Also the forward pass of a deconvolution."""

    def conv_backward_weights(self, x, dy, window, groups, *, out):
        """out = dW += the gradient by W: it accumulates, as every gradient of a parameter."""

    def conv_squared_gradients(self, x, dy, window, groups, *, out):
        """out += the sum over images of the square of each image's own gradient by W, element by
        element."""

    # -- pooling and normalization
    def pool_max_forward(self, x, window, *, out, mask):
        """out (N, C, H', W') = the largest of each window of x (N, C, H, W), never of the padding;
        the first in row order wins. mask = its flat place y W + x. An empty window: -FLT_MAX and
        -1."""

    def pool_mask_backward(self, dy, mask, window, *, out):
        """out = dx: dy goes to the flat place y W + x that mask holds: one that its window sees, or
        -1 for none."""

    def pool_mask_forward(self, x, mask, *, out):
        """out, mask (N, C, H', W'): out = x at the flat place y W + x that mask holds, 0 where that
        is -1. What pool_mask_backward is the gradient of."""

    def pool_ave_forward(self, x, window, *, out):
        """out = sum / size of each window, its size clipped to the padded image: padding counts as
        zeros."""

    def pool_ave_backward(self, dy, window, *, out):
        """out = dx: dy / size of each window to all its elements."""

    def roi_pool_forward(self, x, bins, *, out, winner):
        """out (regions, C, H', W') = the largest of each bin of x (N, C, H, W), the first in row
        order, and winner its flat place y W + x. An empty bin: 0 and -1."""

    def roi_pool_backward(self, dy, winner, bins, *, out):
        """out = dx: dy goes to the winner of each bin in the region's image."""

    def standardize(self, x, mean, inverse, *, out):
        """out = (x - mean) inverse; mean and inverse have extent 1 along some axes of x."""

    def standardize_backward(self, z, inverse, dy, *, out):
        """The gradient of z = (x - mean) inverse where these are x's own mean and inverse
        deviation: out = dx = inverse (dy - average of dy - z average of dy z), over the axes where
        inverse has extent 1."""

    def scale_shift(self, x, scale, shift=None, rectify=False, *, out):
        """out = scale x + shift, then ReLU if `rectify`; scale and shift have extent 1 along some
        axes of x."""

    def scale_shift_backward(self, x, scale, dy, *, out=None, dscale=None, dshift=None):
        """The gradients of scale x + shift, those that are given: out = dx = scale dy; dscale +=
        the sum of dy x, and dshift += the sum of dy, over the axes where scale has extent 1."""

    def lrn_forward(self, x, size, alpha, beta, k, *, out, scale):
        """scale = k + alpha / size * (sum of x^2 over `size` neighbouring channels), out = x
        scale^-beta."""

    def lrn_backward(self, x, y, dy, scale, size, alpha, beta, *, out):
        """out = dx = dy scale^-beta - 2 alpha beta / size x (sum of dy y / scale over the same
        neighbours)."""

    def softmax_forward(self, x, *, out):
        """x, out (outer, classes, inner): exp(x) over its sum over the classes."""

    def softmax_backward(self, y, dy, *, out):
        """out = dx = y (dy - sum over classes of dy y)."""

    def one_hot(self, label, ignore, *, out):
        """label (outer, inner), truncated to an integer -> out (outer, classes, inner): 1 at the
        label, else 0; all 0 where the label is `ignore` (None: nothing is ignored). A label outside
        0 .. classes - 1 is an EngineError: raised here, or by a device when a result is next read
        on the host."""

    # -- how ops are called
    def blockwise(self) -> AbstractContextManager:
        """A context for axpby, unary and binary, each on tensors of one shape, and no other ops:
        results are there at its end.

        An engine for which that is faster takes one element after the other through all ops. So
        tensors of two ops that overlap must begin at the same place.
        """
        return nullcontext()

    def tensor(self, *shape: int) -> Tensor:
        """A new tensor of zeros."""
        return Tensor(shape, Memory(int(np.prod(shape)), self.dtype))

    def convolving(self, by: str) -> 'Engine':
        """The engine for a layer whose field `engine` says 'DEFAULT', 'CAFFE' or 'CUDNN'; this one
        has no choice."""
        return self

    def reads(self, tensor: Tensor):
        """What an op receives for a tensor that it reads."""
        return tensor.array()

    def writes(self, tensor: Tensor):
        """What an op receives for a tensor that it writes."""
        return tensor.array(write=True)

    def __init_subclass__(cls):
        for name in OPS & vars(cls).keys():
            setattr(cls, name, _called_with_tensors(vars(cls)[name]))


def _called_with_tensors(op):
    """The op as layers call it: with tensors, which it receives as its engine's arrays."""

    @functools.wraps(op)
    def call(self, *inputs, **outputs):
        read = [self.reads(x) if isinstance(x, Tensor) else x for x in inputs]
        written = {k: self.writes(x) if isinstance(x, Tensor) else x for k, x in outputs.items()}
        return op(
            self, *read, **written
        )  # `inputs` live on: their memory must not go to an output meanwhile

    return call


def _missing(name):
    @functools.wraps(vars(Engine)[name])
    def op(self, *inputs, **outputs):
        raise EngineError(f"op '{name}' is not in engine '{self.name}'")

    return op


NO_OPS = {'name', 'dtype', 'on_device', 'blockwise', 'tensor', 'convolving', 'reads', 'writes'}
OPS = {name for name in vars(Engine) if name[0] != '_'} - NO_OPS
for _name in OPS:
    setattr(Engine, _name, _missing(_name))
