from ..memory import Tensor
from ..registry import register
from .base import Blobs, Flags, Layer
from .traits import EQUAL_BY_CHANNEL


@register
class Interp(Layer):
    """y = x resized to another height and width by bilinear interpolation

    The corner elements of y are those of x: place t of n' is x at t (n - 1) / (n' - 1). With R, the
    matrix (H', H) of the weights along the first axis, and S, that of the second axis,

        y = R x S^T     dx = R^T dy S       for each channel of each image

    n' is height or width; with zoom_factor, (n - 1) zoom_factor + 1; with shrink_factor, (n - 1) /
    shrink_factor + 1, rounded down; with both factors, x is shrunk first. Negative pads crop: n is
    the extent of x without its first -pad_beg and last -pad_end rows and columns.

    bottom  x  (N, C, H, W)         top  y  (N, C, H', W')

    Source: Chen et al. 2018 (DeepLab), the interp_layer of yjxiong's fork, which PSPNet and ICNet
    use.
    """

    scaling = EQUAL_BY_CHANNEL

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.interp_param
        if max(p.pad_beg, p.pad_end) > 0:
            raise self.error(
                'Only supports non-pos padding (cropping) for now: found pad_beg '
                f'{p.pad_beg}, pad_end {p.pad_end}'
            )
        if min(p.zoom_factor, p.shrink_factor) < 1:
            raise self.error(
                f'zoom_factor: {p.zoom_factor} and shrink_factor: {p.shrink_factor} must be '
                'positive'
            )
        if p.interp_type != 'bilinear':
            raise self.error(f"interp_type: found '{p.interp_type}'; only 'bilinear' is supported")
        self.matrices: dict[tuple[int, int], Tensor] = {}

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, p = bottom[0], self.param.interp_param
        if x.axes != 4:
            raise self.error(
                'Input must have 4 axes, corresponding to (num, channels, height, width); found '
                f"'{x.name}' {x.shape_text}"
            )
        n, channels, height, width = x.shape
        left = [extent + p.pad_beg + p.pad_end for extent in (height, width)]
        new_height, new_width = self.extents(left)
        if min(*left, new_height, new_width) < 1:
            raise self.error(
                f"height and width should be positive: in '{x.name}' {x.shape_text} the part "
                f'{left} becomes {(new_height, new_width)}'
            )
        top[0].reshape(n, channels, new_height, new_width)
        self.rows = self.weights(height, new_height)
        self.columns = self.weights(width, new_width)

    def extents(self, left: list[int]) -> tuple[int, int]:
        """The height and width of y, given those of the part of x that is left."""
        p = self.param.interp_param
        shrinks, zooms = p.HasField('shrink_factor'), p.HasField('zoom_factor')
        if p.HasField('height') and p.HasField('width') and shrinks == zooms:
            return p.height, p.width
        if not shrinks and not zooms:
            raise self.error('needs height and width, or zoom_factor, or shrink_factor')
        height, width = [(n - 1) // p.shrink_factor * p.zoom_factor + 1 for n in left]
        return height, width

    def weights(self, n: int, size: int) -> Tensor:
        """The matrix (size, n) along one axis; row t has the weights of the two elements around
        place t."""
        if (n, size) not in self.matrices:
            p = self.param.interp_param
            last = n + p.pad_beg + p.pad_end - 1
            self.matrices[n, size] = self.engine.tensor(size, n)
            matrix = self.matrices[n, size].array(write=True)
            for t in range(size):
                place = t * last / (size - 1) if size > 1 else 0
                low = min(int(place), last)
                matrix[t, low - p.pad_beg] += 1 - (place - low)
                matrix[t, min(low + 1, last) - p.pad_beg] += place - low
        return self.matrices[n, size]

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        x, between, y = self.planes(bottom[0].values, top[0].values)
        self.engine.gemm(lines(x), self.columns, out=lines(between), transpose_b=True)
        for i in range(x.shape[0]):
            self.engine.gemm(self.rows, between[i], out=y[i])

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if not propagate_down[0]:
            return
        dx, between, dy = self.planes(bottom[0].diffs, top[0].diffs)
        for i in range(dx.shape[0]):
            self.engine.gemm(self.rows, dy[i], out=between[i], transpose_a=True)
        self.engine.gemm(lines(between), self.columns, out=lines(dx))

    def planes(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x, the intermediate (H, W'), and y: one channel of one image after another."""
        between = self.buffer('between', x.shape[0] * x.shape[1], x.shape[2], y.shape[3])
        return x.reshape(-1, *x.shape[2:]), between, y.reshape(-1, *y.shape[2:])


def lines(planes: Tensor) -> Tensor:
    """All rows of all planes, as one matrix."""
    return planes.reshape(-1, planes.shape[2])
