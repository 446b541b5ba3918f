"""The kernels that do the work of several ops; see declarations.py for the others."""

from .launch import (
    Array,
    ArrayAt,
    Divisor,
    Family,
    Flag,
    Float,
    Int,
    IntegersAt,
    OptionalArray,
    Terms,
    WordsAt,
    per_chunk,
    per_column,
    per_element,
    per_four,
)


class Composed(Family):
    source = 'composed'

    @per_chunk
    def batch_statistics(
        self,
        terms: Terms,
        x: Array,
        eps: Float,
        keep: Float,
        partial: ArrayAt,
        arrived: WordsAt,
        mean: Array,
        inverse: Array,
        stored_mean: Array,
        stored_var: Array,
        factor: Array,
    ) -> None: ...

    @per_element
    def stored_moments(
        self,
        n: Int,
        stored_mean: Array,
        stored_var: Array,
        factor: Array,
        eps: Float,
        mean: Array,
        inverse: Array,
    ) -> None: ...

    @per_chunk
    def batch_normalize(
        self,
        terms: Terms,
        x: Array,
        mean: Array,
        inverse: Array,
        scale: OptionalArray,
        shift: OptionalArray,
        rectified: Flag,
        z: Array,
        out: OptionalArray,
    ) -> None: ...

    @per_chunk
    def batch_sums(
        self,
        terms: Terms,
        z: Array,
        dy: Array,
        scale: OptionalArray,
        shift: OptionalArray,
        rectified: Flag,
        partial: ArrayAt,
        arrived: WordsAt,
        dscale: OptionalArray,
        dshift: OptionalArray,
        averages: Array,
    ) -> None: ...

    @per_chunk
    def batch_backward(
        self,
        terms: Terms,
        z: Array,
        inverse: Array,
        dy: Array,
        scale: OptionalArray,
        shift: OptionalArray,
        rectified: Flag,
        averages: Array,
        dx: Array,
    ) -> None: ...

    @per_chunk
    def rectify_backward(
        self,
        terms: Terms,
        y: Array,
        dy: Array,
        partial: ArrayAt,
        arrived: WordsAt,
        dx: Array,
        dshift: Array,
    ) -> None: ...

    @per_column
    def rectify_backward_columns(
        self,
        columns: Int,
        terms: Int,
        inner: Int,
        y: Array,
        dy: Array,
        dx: Array,
        dshift: Array,
    ) -> None: ...

    @per_four
    def rectify_backward_twice(
        self, n: Int, y: Array, dy: Array, dx: Array, also: OptionalArray
    ) -> None: ...

    @per_chunk
    def cross_entropy(
        self,
        terms: Terms,
        classes: Int,
        inner: Divisor,
        p: Array,
        label: Array,
        floor: Float,
        factor: Float,
        fault: IntegersAt,
        partial: ArrayAt,
        arrived: WordsAt,
        out: Array,
    ) -> None: ...

    @per_four
    def cross_entropy_backward(
        self,
        n: Int,
        classes: Divisor,
        inner: Divisor,
        p: Array,
        label: Array,
        factor: Float,
        out: Array,
    ) -> None: ...
