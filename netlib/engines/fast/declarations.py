"""The kernels that kernels/*.hpp define, with the types of their arguments.

x, y, W and so on are arrays of float32 in row order; `outer`, `kept`, `inner` and the like are
their extents. A Struct is a struct of kernels/*.hpp, passed as a tuple of its fields.
"""

from ..functions import BINARY, UNARY
from .native import (
    Array,
    Flag,
    Float,
    Integers,
    Long,
    OptionalArray,
    Parameters,
    Steps,
    Struct,
    Word,
    kernel,
    kernel_for_each,
)
from .row_declarations import KernelsForRows
from .signatures import PIXELS, YARDSTICKS, broadcast, counted, elementwise, placed


class Kernels(KernelsForRows):
    """The kernels for one instruction set."""

    def __init__(self, isa: str):
        self.isa = isa

    # -- elementwise
    unary = kernel_for_each('unary_', UNARY, elementwise)
    unary_backward = kernel_for_each('unary_backward_', UNARY, elementwise)
    binary = kernel_for_each('binary_', BINARY, elementwise)
    broadcast = kernel_for_each('broadcast_', BINARY, broadcast)

    @kernel
    def fill(
        self,
        a: OptionalArray,
        b: OptionalArray,
        c: OptionalArray,
        parameters: Parameters,
        out: Array,
        n: Long,
    ) -> None:
        """out = the parameter."""

    @kernel
    def axpby(
        self,
        x: Array,
        b: OptionalArray,
        c: OptionalArray,
        parameters: Parameters,
        out: Array,
        n: Long,
    ) -> None:
        """out = alpha x + beta out, with the parameters alpha and beta."""

    @kernel
    def steps(self, steps: Steps, count: Long, n: Long) -> None:
        """Several elementwise kernels; n is the largest of theirs."""

    @kernel
    def dropout_mask(
        self, seed: Word, seed_high: Word, dropped: Word, kept: Float, out: Array, n: Long
    ) -> None: ...

    # -- moving values
    @kernel
    def copy_window(self, x: Array, out: Array, loops: Struct, accumulate: Flag) -> None: ...

    place = kernel_for_each('place_', PIXELS, placed)

    @kernel
    def one_hot(
        self, label: Array, ignore: Float, y: Array, outer: Long, classes: Long, inner: Long
    ) -> Long:
        """0 for a label that is no class."""
        raise NotImplementedError

    # -- reductions
    @kernel
    def sum(
        self, x: Array, out: Array, outer: Long, kept: Long, inner: Long, accumulate: Flag
    ) -> None: ...

    @kernel
    def dot(
        self, a: Array, b: Array, out: Array, outer: Long, kept: Long, inner: Long, accumulate: Flag
    ) -> None: ...

    @kernel
    def moments(
        self, x: Array, mean: Array, var: Array, outer: Long, kept: Long, inner: Long
    ) -> None: ...

    @kernel
    def max_forward(
        self, x: Array, y: Array, winner: Array, outer: Long, pieces: Long, inner: Long
    ) -> None: ...

    @kernel
    def max_backward(
        self, dy: Array, winner: Array, dx: Array, outer: Long, pieces: Long, inner: Long
    ) -> None: ...

    # -- matrices and convolution
    @kernel
    def gemm(
        self,
        a: Array,
        b: Array,
        c: Array,
        M: Long,
        N: Long,
        K: Long,
        transpose_a: Flag,
        transpose_b: Flag,
        accumulate: Flag,
    ) -> None: ...

    @kernel
    def patches(
        self, x: Array, chosen: Integers, out: Array, rows: Long, convolution: Struct
    ) -> None: ...

    @kernel
    def conv_forward(
        self,
        x: Array,
        W: Array,
        scale: OptionalArray,
        bias: OptionalArray,
        y: Array,
        convolution: Struct,
        rectify: Flag,
        winograd: Flag,
    ) -> None: ...

    @kernel
    def conv_backward_data(
        self, dy: Array, W: Array, dx: Array, convolution: Struct, winograd: Flag
    ) -> None: ...

    @kernel
    def conv_backward_weights(
        self, x: Array, dy: Array, dW: Array, convolution: Struct, winograd: Flag
    ) -> None: ...

    @kernel
    def conv_squared_gradients(
        self, x: Array, dy: Array, out: Array, convolution: Struct, winograd: Flag
    ) -> None: ...

    # -- pooling and normalization
    @kernel
    def pool_max_forward(self, x: Array, y: Array, mask: Array, pooling: Struct) -> None: ...

    @kernel
    def pool_mask_backward(self, dy: Array, mask: Array, dx: Array, pooling: Struct) -> None: ...

    @kernel
    def pool_ave_forward(self, x: Array, y: Array, pooling: Struct) -> None: ...

    @kernel
    def pool_ave_backward(self, dy: Array, dx: Array, pooling: Struct) -> None: ...

    @kernel
    def standardize(
        self, x: Array, mean: Array, inverse: Array, z: Array, outer: Long, kept: Long, inner: Long
    ) -> None: ...

    @kernel
    def standardize_backward(
        self, z: Array, inverse: Array, dy: Array, dx: Array, outer: Long, kept: Long, inner: Long
    ) -> None: ...

    @kernel
    def scale_shift(
        self,
        x: Array,
        scale: Array,
        shift: OptionalArray,
        y: Array,
        outer: Long,
        kept: Long,
        inner: Long,
        rectify: Flag,
    ) -> None: ...

    @kernel
    def scale_shift_backward(
        self,
        x: Array,
        scale: Array,
        dy: Array,
        dx: OptionalArray,
        dscale: OptionalArray,
        dshift: OptionalArray,
        outer: Long,
        kept: Long,
        inner: Long,
    ) -> None: ...

    @kernel
    def batch_norm(
        self,
        x: Array,
        scale: OptionalArray,
        shift: OptionalArray,
        z: Array,
        y: OptionalArray,
        mean: Array,
        var: Array,
        inverse: Array,
        eps: Float,
        outer: Long,
        kept: Long,
        inner: Long,
        rectify: Flag,
    ) -> None: ...

    @kernel
    def batch_norm_backward(
        self,
        z: Array,
        inverse: Array,
        dy: Array,
        scale: OptionalArray,
        shift: OptionalArray,
        dx: Array,
        dscale: OptionalArray,
        dshift: OptionalArray,
        outer: Long,
        kept: Long,
        inner: Long,
        rectify: Flag,
    ) -> None: ...

    @kernel
    def rectify_backward_twice(
        self, y: Array, dy: Array, out: Array, also: Array, n: Long
    ) -> None: ...

    @kernel
    def lrn_forward(
        self, x: Array, y: Array, scale: Array, lrn: Struct, alpha: Float, beta: Float, k: Float
    ) -> None: ...

    @kernel
    def lrn_backward(
        self,
        x: Array,
        y: Array,
        dy: Array,
        scale: Array,
        dx: Array,
        lrn: Struct,
        alpha: Float,
        beta: Float,
    ) -> None: ...

    @kernel
    def softmax_forward(
        self, x: Array, y: Array, outer: Long, pieces: Long, inner: Long
    ) -> None: ...

    @kernel
    def softmax_backward(
        self, y: Array, dy: Array, dx: Array, outer: Long, pieces: Long, inner: Long
    ) -> None: ...

    # -- memory
    @kernel
    def release(self) -> None:
        """Free the buffers of all threads."""

    # -- what a benchmark measures the machine by
    yardstick = kernel_for_each('yardstick_', YARDSTICKS, counted)
