"""The kernels that slide windows over images or divide them into bins; see declarations.py for the
others."""

from .launch import Array, Divisor, Family, Int, Integers, Window, per_element


class Convolution(Family):
    source = 'convolution'

    @per_element
    def im2col(self, n: Int, window: Window, x: Array, columns: Array) -> None: ...

    @per_element
    def col2im(self, n: Int, window: Window, columns: Array, out: Array) -> None: ...

    @per_element
    def patches(
        self,
        n: Int,
        window: Window,
        groups: Int,
        channels: Divisor,
        rows: Divisor,
        chosen: Integers,
        x: Array,
        out: Array,
    ) -> None: ...


class Pooling(Family):
    source = 'pooling'

    @per_element
    def max_forward(self, n: Int, window: Window, x: Array, y: Array, mask: Array) -> None: ...

    @per_element
    def mask_backward(
        self, n: Int, window: Window, fours: Divisor, dy: Array, mask: Array, dx: Array
    ) -> None: ...

    @per_element
    def mask_forward(
        self, n: Int, places: Int, positions: Divisor, x: Array, mask: Array, y: Array
    ) -> None: ...

    @per_element
    def ave_forward(self, n: Int, window: Window, x: Array, y: Array) -> None: ...

    @per_element
    def ave_backward(
        self, n: Int, window: Window, fours: Divisor, dy: Array, dx: Array
    ) -> None: ...

    @per_element
    def roi_forward(
        self,
        n: Int,
        channels: Divisor,
        height: Int,
        width: Int,
        rows: Divisor,
        columns: Divisor,
        packed: Integers,
        x: Array,
        y: Array,
        winner: Array,
    ) -> None: ...

    @per_element
    def roi_backward(
        self,
        n: Int,
        channels: Divisor,
        height: Divisor,
        width: Divisor,
        rows: Int,
        columns: Int,
        regions: Int,
        packed: Integers,
        dy: Array,
        winner: Array,
        dx: Array,
    ) -> None: ...
