from ..registry import register
from .base import Blobs
from .unpooling import Unpooling


@register
class Upsample(Unpooling):
    """y = x on a map that is larger by integer factors: values go to the places in a mask, or are
    repeated

    With a mask, this is Unpooling's MAX. Without a mask, each value fills a block of scale_h x
    scale_w (nearest neighbor).

    bottom  x     (N, C, H, W)
            mask  (N, C, H, W)      optional: flat indices y W' + x, like Pooling's second top
    top     y     (N, C, H', W')    scale H x scale W, one less with pad_out_h or pad_out_w; or,
                                    with a mask, upsample_h x upsample_w

    Source: Badrinarayanan et al. 2017 (SegNet), upsample_layer of alexgkendall/caffe-segnet;
    without a mask, the layer of the forks that run YOLO.
    """

    tiles = True

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.upsample_param
        self.sized = p.HasField('upsample_h')
        in_parts = p.HasField('scale_h')
        halves = p.HasField('upsample_w') != self.sized or p.HasField('scale_w') != in_parts
        if halves or (in_parts and p.HasField('scale')):
            raise self.error(
                'upsample_h & upsample_w are required, else (DEPRECATED) scale OR scale_h & '
                'scale_w are required.'
            )
        if self.sized and len(bottom) < 2:
            raise self.error(
                'upsample_h & upsample_w require a mask, the second bottom; without one, give scale'
            )
        self.kernel = self.stride = (p.scale_h, p.scale_w) if in_parts else (p.scale, p.scale)
        if min(self.stride) < 1:
            raise self.error(f'scale: found {self.stride}, needed: positive numbers')
        self.check_padding('pad_out_h', p.pad_out_h, self.stride[0])
        self.check_padding('pad_out_w', p.pad_out_w, self.stride[1])

    def check_padding(self, field: str, padded: bool, scale: int) -> None:
        if padded and scale != 2:
            raise self.error(
                f'{field}: Output padding compensation requires scale == 2, found {scale}'
            )

    def find_extents(self) -> None:
        p = self.param.upsample_param
        height, width = self.image
        if self.sized:
            self.extents = p.upsample_h, p.upsample_w
            rows, columns = -(-p.upsample_h // max(height, 1)), -(-p.upsample_w // max(width, 1))
            self.kernel = self.stride = rows, columns
        else:
            rows, columns = self.stride
            self.extents = height * rows - p.pad_out_h, width * columns - p.pad_out_w
        if min(self.extents) < 1:
            raise self.error(
                f'the height and width of the top must be positive: found {self.extents}'
            )
