"""The kernels of kernels/*.cu that Python launches, with the types of their arguments.

x, y and so on are arrays of float32 in row order. The sources say what each kernel computes.
"""

from collections.abc import Callable
from functools import cached_property

from ..functions import BINARY, UNARY, Functions
from .composed_declarations import Composed
from .gpu import Gpu
from .launch import (
    Array,
    ArrayAt,
    Box,
    Divisor,
    Family,
    Flag,
    Float,
    Int,
    Integers,
    IntegersAt,
    OptionalArray,
    Steps,
    Terms,
    Word,
    WordsAt,
    per_block,
    per_chunk,
    per_column,
    per_element,
    per_four,
)
from .window_declarations import Convolution, Pooling


def unary(self: Family, n: Int, x: Array, y: Array, *parameters: Float) -> None: ...


def unary_backward(
    self: Family, n: Int, x: Array, y: Array, dy: Array, dx: Array, *parameters: Float
) -> None: ...


def binary(self: Family, n: Int, box: Box, a: Array, b: Array, out: Array) -> None: ...


class Elementwise(Family):
    source = 'elementwise'

    @cached_property
    def unary(self) -> Functions[Callable[..., None]]:
        return self.for_each('unary_', '', unary, UNARY)

    @cached_property
    def unary_backward(self) -> Functions[Callable[..., None]]:
        return self.for_each('unary_', '_backward', unary_backward, UNARY)

    @cached_property
    def binary(self) -> Functions[Callable[..., None]]:
        return self.for_each('binary_', '', binary, BINARY)

    @per_four
    def fill(self, n: Int, value: Float, out: Array) -> None: ...

    @per_four
    def axpby(self, n: Int, alpha: Float, x: Array, beta: Float, out: Array) -> None: ...

    @per_four
    def dropout_mask(
        self, n: Int, low: Word, high: Word, threshold: Word, scale: Float, out: Array
    ) -> None: ...

    @per_four
    def dropout(
        self,
        n: Int,
        low: Word,
        high: Word,
        threshold: Word,
        scale: Float,
        x: Array,
        mask: Array,
        out: Array,
    ) -> None: ...

    @per_four
    def steps(self, n: Int, count: Int, steps: Steps) -> None: ...


class Indexing(Family):
    source = 'indexing'

    @per_element
    def copy_window(self, n: Int, box: Box, x: Array, accumulate: Flag, out: Array) -> None: ...

    @per_element
    def gather(
        self,
        n: Int,
        extent: Int,
        parts: Divisor,
        inner: Divisor,
        index: Integers,
        x: Array,
        out: Array,
    ) -> None: ...

    @per_element
    def scatter_add(
        self,
        n: Int,
        extent: Divisor,
        parts: Int,
        inner: Divisor,
        first: Integers,
        part: Integers,
        dy: Array,
        out: Array,
    ) -> None: ...

    @per_element
    def one_hot(
        self,
        n: Int,
        classes: Divisor,
        inner: Divisor,
        label: Array,
        ignore: Float,
        fault: IntegersAt,
        out: Array,
    ) -> None: ...


class Reduction(Family):
    source = 'reduction'

    @per_block('terms')
    def sum(
        self,
        results: int,
        kept: Box,
        over: Box,
        terms: Int,
        a: Array,
        b: OptionalArray,
        accumulate: Flag,
        out: Array,
    ) -> None: ...

    @per_chunk
    def sum_terms(
        self,
        terms: Terms,
        a: Array,
        b: OptionalArray,
        accumulate: Flag,
        partial: ArrayAt,
        arrived: WordsAt,
        out: Array,
    ) -> None: ...

    @per_column
    def sum_columns(
        self,
        columns: Int,
        terms: Int,
        inner: Int,
        a: Array,
        b: OptionalArray,
        accumulate: Flag,
        out: Array,
    ) -> None: ...

    @per_block('terms')
    def moments(
        self, results: int, kept: Box, over: Box, terms: Int, x: Array, mean: Array, var: Array
    ) -> None: ...

    @per_chunk
    def moments_terms(
        self, terms: Terms, x: Array, partial: ArrayAt, arrived: WordsAt, mean: Array, var: Array
    ) -> None: ...

    @per_element
    def max_forward(
        self, n: Int, pieces: Int, inner: Divisor, x: Array, out: Array, winner: Array
    ) -> None: ...

    @per_element
    def max_backward(
        self, n: Int, pieces: Divisor, inner: Divisor, dy: Array, winner: Array, out: Array
    ) -> None: ...


class Normalization(Family):
    source = 'normalization'

    @per_four
    def standardize(
        self, n: Int, box: Box, x: Array, mean: Array, inverse: Array, out: Array
    ) -> None: ...

    @per_block('terms')
    def standardize_backward(
        self,
        results: int,
        kept: Box,
        over: Box,
        terms: Int,
        z: Array,
        inverse: Array,
        dy: Array,
        out: Array,
    ) -> None: ...

    @per_four
    def scale_shift(
        self,
        n: Int,
        box: Box,
        x: Array,
        scale: OptionalArray,
        shift: OptionalArray,
        rectify: Flag,
        out: Array,
    ) -> None: ...

    @per_element
    def lrn_forward(
        self,
        n: Int,
        channels: Divisor,
        inner: Divisor,
        size: Int,
        alpha: Float,
        beta: Float,
        k: Float,
        x: Array,
        out: Array,
        scale: Array,
    ) -> None: ...

    @per_element
    def lrn_backward(
        self,
        n: Int,
        channels: Divisor,
        inner: Divisor,
        size: Int,
        alpha: Float,
        beta: Float,
        x: Array,
        y: Array,
        dy: Array,
        scale: Array,
        out: Array,
    ) -> None: ...

    @per_block('classes')
    def softmax_forward(
        self, results: int, classes: Int, inner: Int, x: Array, y: Array
    ) -> None: ...

    @per_block('classes')
    def softmax_backward(
        self, results: int, classes: Int, inner: Int, y: Array, dy: Array, dx: Array
    ) -> None: ...


class Kernels:
    """All kernels, by family; a family is compiled when its first kernel is called."""

    def __init__(self, device: Gpu):
        self.elementwise = Elementwise(device)
        self.indexing = Indexing(device)
        self.reduction = Reduction(device)
        self.convolution = Convolution(device)
        self.pooling = Pooling(device)
        self.normalization = Normalization(device)
        self.composed = Composed(device)
