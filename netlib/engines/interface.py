"""The ops: what a layer may ask of an engine, on one page, and another one in composed.py.

Naming
    x y      inputs and outputs                    dx dy   gradients of the loss by them
    W        weights, (out, in, ...)               out=    the result; overwritten,
                                                           unless accumulate=True adds to it

Calling
    Tensors passed by position are read; tensors passed by keyword are written. This rule alone
    tells an engine which mirror of a memory must be current. `out` may be an input tensor of the
    same shape for fill, copy, axpby, unary, unary_backward and binary, for standardize,
    scale_shift and their backwards, and for no other op.

An engine implements an op by a method of the same name, also decorated with @op. Instead of each
tensor, the method receives the engine's own array: a NumPy array on the host, or an address and a
shape on a device. An op that an engine lacks raises EngineError; it never runs on the host instead.
"""

from collections.abc import Sequence

from ..memory import Tensor
from .calling import op
from .composed import ComposedOps
from .windows import Bins, Window

Ints = Sequence[int]


class Engine(ComposedOps, declares_ops=True):
    """Each op and its formula, except for those that do the work of several others (composed.py).
    Shapes are in parentheses; `...` stands for the spatial axes."""

    # -- moving values
    @op
    def fill(self, value: float, *, out: Tensor) -> None:
        """out = value everywhere."""

    @op
    def copy(self, x: Tensor, *, out: Tensor) -> None:
        """out = x, elementwise in row order: the same number of elements, in any shape."""

    @op
    def axpby(self, alpha: float, x: Tensor, beta: float, *, out: Tensor) -> None:
        """out = alpha x + beta out, elementwise; if beta is 0, the old values are not used."""

    @op
    def copy_window(
        self,
        x: Tensor,
        start: Ints,
        *,
        out: Tensor,
        at: Ints,
        shape: Ints,
        accumulate: bool = False,
    ) -> None:
        """out[at : at + shape] (+)= x[start : start + shape]: a box of any number of axes."""

    @op
    def gather(self, x: Tensor, index: Ints, axis: int, *, out: Tensor) -> None:
        """out = the parts of x at each `index` along `axis`, zeros where the index is -1."""

    @op
    def scatter_add(self, dy: Tensor, index: Ints, axis: int, *, out: Tensor) -> None:
        """The gradient of `gather`: out = 0, then out at index[k] along `axis` += dy at k."""

    @op
    def transpose(self, x: Tensor, order: Ints, *, out: Tensor) -> None:
        """out = x with its axes in another order: axis i of out is axis order[i] of x."""

    # -- elementwise
    @op
    def unary(self, name: str, x: Tensor, *parameters: float, out: Tensor) -> None:
        """out = f(x); `name` is one of functions.UNARY."""

    @op
    def unary_backward(
        self, name: str, x: Tensor, y: Tensor, dy: Tensor, *parameters: float, out: Tensor
    ) -> None:
        """out = dy f'(x), given y = f(x)."""

    @op
    def binary(self, name: str, a: Tensor, b: Tensor, *, out: Tensor) -> None:
        """out = f(a, b); `name` is one of functions.BINARY. a and b broadcast to out: an extent
        equals out's or is 1, and all three have the same number of axes."""

    @op
    def dropout_mask(self, seed: int, ratio: float, *, out: Tensor) -> None:
        """out = 0 with probability `ratio`, else 1 / (1 - ratio): a function of (seed, element)
        alone, so every engine draws the same mask."""

    # -- reductions
    @op
    def sum(self, x: Tensor, *, out: Tensor, accumulate: bool = False) -> None:
        """out (+)= the sum of x over each axis where out's extent is 1."""

    @op
    def dot(self, a: Tensor, b: Tensor, *, out: Tensor, accumulate: bool = False) -> None:
        """out (+)= the sum of a b, of the same shape, over each axis where out's extent is 1."""

    @op
    def moments(self, x: Tensor, *, mean: Tensor, var: Tensor) -> None:
        """The mean and the biased variance of x over each axis where these have extent 1."""

    @op
    def max_forward(self, x: Tensor, *, out: Tensor, winner: Tensor) -> None:
        """x (outer, pieces, inner); out, winner (outer, inner) = the largest piece and its number.
        As in Caffe's Eltwise, piece 1 wins a tie against piece 0; later pieces must be larger."""

    @op
    def max_backward(self, dy: Tensor, winner: Tensor, *, out: Tensor) -> None:
        """dy, winner (outer, inner): out (outer, pieces, inner) = dy at the winner, else 0."""

    # -- matrices and convolution
    @op
    def gemm(
        self,
        a: Tensor,
        b: Tensor,
        *,
        out: Tensor,
        transpose_a: bool = False,
        transpose_b: bool = False,
        accumulate: bool = False,
    ) -> None:
        """out (M, N) (+)= a (M, K) b (K, N); transposed, a is (K, M) and b is (N, K)."""

    @op
    def im2col(self, x: Tensor, window: Window, *, out: Tensor) -> None:
        """x (N, C, ...) -> out (N, C prod(kernel), ...): the patch at each position."""

    @op
    def col2im(self, columns: Tensor, window: Window, *, out: Tensor) -> None:
        """The gradient of im2col: out (N, C, ...) = the sum of all patch elements at each place."""

    @op
    def patches(
        self, x: Tensor, window: Window, groups: int, positions: Ints, *, out: Tensor
    ) -> None:
        """out (groups, rows, C / groups prod(kernel)) = patches of x (N, C, ...) at `positions`,
        indices of the window's positions in the order (image, y, x)."""

    @op
    def conv_forward(
        self,
        x: Tensor,
        W: Tensor,
        window: Window,
        groups: int,
        bias: Tensor | None = None,
        rectify: bool = False,
        scale: Tensor | None = None,
        *,
        out: Tensor,
    ) -> None:
        """x (N, C, ...), W (M, C / groups, *kernel) -> out (N, M, ...): cross-correlation, then
        times scale (M,) and + bias (M,) if given, then ReLU if `rectify`."""

    @op
    def conv_backward_data(
        self, dy: Tensor, W: Tensor, window: Window, groups: int, *, out: Tensor
    ) -> None:
        """dy (N, M, ...) -> out = dx (N, C, ...). Also the forward pass of a deconvolution."""

    @op
    def conv_backward_weights(
        self, x: Tensor, dy: Tensor, window: Window, groups: int, *, out: Tensor
    ) -> None:
        """out = dW += the gradient by W: gradients of parameters always accumulate."""

    @op
    def conv_squared_gradients(
        self, x: Tensor, dy: Tensor, window: Window, groups: int, *, out: Tensor
    ) -> None:
        """out += the sum over images of the square of each image's own gradient by W."""

    # -- pooling and normalization
    @op
    def pool_max_forward(self, x: Tensor, window: Window, *, out: Tensor, mask: Tensor) -> None:
        """out (N, C, H', W') = the largest of each window of x (N, C, H, W), the first in row
        order, never padding; mask = its flat index y W + x. An empty window: -FLT_MAX and -1."""

    @op
    def pool_mask_backward(self, dy: Tensor, mask: Tensor, window: Window, *, out: Tensor) -> None:
        """out = dx: dy goes to the place in its window given by mask as y W + x; -1: none."""

    @op
    def pool_mask_forward(self, x: Tensor, mask: Tensor, *, out: Tensor) -> None:
        """out, mask (N, C, H', W'): out = x at the place given by mask as y W + x, 0 where mask is
        -1. pool_mask_backward is its gradient."""

    @op
    def pool_ave_forward(self, x: Tensor, window: Window, *, out: Tensor) -> None:
        """out = sum / size of each window clipped to the padded image: padding counts as zeros."""

    @op
    def pool_ave_backward(self, dy: Tensor, window: Window, *, out: Tensor) -> None:
        """out = dx: dy / size of each window to all its elements."""

    @op
    def roi_pool_forward(self, x: Tensor, bins: Bins, *, out: Tensor, winner: Tensor) -> None:
        """out (regions, C, H', W') = the largest of each bin of x (N, C, H, W), the first in row
        order; winner = its flat index y W + x. An empty bin: 0 and -1."""

    @op
    def roi_pool_backward(self, dy: Tensor, winner: Tensor, bins: Bins, *, out: Tensor) -> None:
        """out = dx: dy goes to the winner of each bin in the region's image."""

    @op
    def standardize(self, x: Tensor, mean: Tensor, inverse: Tensor, *, out: Tensor) -> None:
        """out = (x - mean) inverse; mean and inverse have extent 1 along some axes of x."""

    @op
    def standardize_backward(self, z: Tensor, inverse: Tensor, dy: Tensor, *, out: Tensor) -> None:
        """The gradient of z = (x - mean) inverse by x, if these are x's mean and 1 / deviation:
        out = dx = inverse (dy - average of dy - z average of dy z), over the same axes."""

    @op
    def scale_shift(
        self,
        x: Tensor,
        scale: Tensor | None,
        shift: Tensor | None = None,
        rectify: bool = False,
        *,
        out: Tensor,
    ) -> None:
        """out = scale x + shift, then ReLU if `rectify`; scale and shift have extent 1 along some
        axes of x. Without a scale, x + shift."""

    @op
    def scale_shift_backward(
        self,
        x: Tensor,
        scale: Tensor,
        dy: Tensor,
        *,
        out: Tensor | None = None,
        dscale: Tensor | None = None,
        dshift: Tensor | None = None,
    ) -> None:
        """The gradients of scale x + shift, each if passed by keyword: out = dx = scale dy; dscale
        += the sum of dy x, and dshift += the sum of dy, over the axes where scale has extent 1."""

    @op
    def lrn_forward(
        self,
        x: Tensor,
        size: int,
        alpha: float,
        beta: float,
        k: float,
        *,
        out: Tensor,
        scale: Tensor,
    ) -> None:
        """scale = k + alpha / size * (sum of x^2 over `size` neighboring channels),
        out = x scale^-beta."""

    @op
    def lrn_backward(
        self,
        x: Tensor,
        y: Tensor,
        dy: Tensor,
        scale: Tensor,
        size: int,
        alpha: float,
        beta: float,
        *,
        out: Tensor,
    ) -> None:
        """out = dx = dy scale^-beta - 2 alpha beta / size x (sum of dy y / scale over the same
        neighbors)."""

    @op
    def softmax_forward(self, x: Tensor, *, out: Tensor) -> None:
        """x, out (outer, classes, inner): exp(x) over its sum over the classes."""

    @op
    def softmax_backward(self, y: Tensor, dy: Tensor, *, out: Tensor) -> None:
        """out = dx = y (dy - sum over classes of dy y)."""

    @op
    def one_hot(self, label: Tensor, ignore: float | None, *, out: Tensor) -> None:
        """label (outer, inner), truncated to an integer -> out (outer, classes, inner): 1 at the
        label, else 0; all 0 where the label is `ignore` (None: ignore nothing). A label outside
        0 .. classes - 1 raises EngineError, here or, on a device, when the host next reads a
        result."""
