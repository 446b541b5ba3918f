"""The kernels of initializers, which work on rows of a matrix: declared as in declarations.py."""

from .native import Array, Doubles, Integers, Long, OptionalArray, Struct, kernel


class KernelsForRows:
    @kernel
    def scatter_matrix(self, x: Array, out: Doubles, rows: Long, size: Long) -> None:
        """out (size, size) = x^T x, of float64."""

    @kernel
    def project_rows(self, x: Array, U: Array, rows: Long, size: Long) -> None:
        """x (rows, size) = x U for an upper triangular U."""

    @kernel
    def reflect(
        self, rows: Array, vectors: Array, middle: Array, known: Array, reflected: Struct
    ) -> None: ...

    @kernel
    def cluster(
        self,
        x: Array,
        centers: Array,
        moved: OptionalArray,
        bounds: OptionalArray,
        nearest: Integers,
        sums: Array,
        clustered: Struct,
    ) -> None: ...
