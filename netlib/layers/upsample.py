from ..registry import register
from .base import Blobs
from .unpooling import Unpooling


@register
class Upsample(Unpooling):
    """y = x on a map that is larger by whole factors: values to the places a mask names, or
    repeated

    With a mask it is Unpooling's MAX; without one each value fills a block of scale_h x scale_w
    (nearest neighbour).

    bottom  x     (N, C, H, W)
            mask  (N, C, H, W)      optional: flat places y W' + x, as the second top of Pooling
    top     y     (N, C, H', W')    scale H x scale W, one less with pad_out_h or pad_out_w; or with a mask the extents
                                    upsample_h and upsample_w

    Source: Badrinarayanan et al. 2017 (SegNet), upsample_layer of alexgkendall/caffe-segnet;
    without a mask that of the forks that run YOLO.
    """

    tiles = True

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.upsample_param
        self.sized, parts = (
            [p.HasField(name + axis) for axis in 'hw'] for name in ('upsample_', 'scale_')
        )
        if (
            any(self.sized) != all(self.sized)
            or any(parts)
            and (p.HasField('scale') or not all(parts))
        ):
            raise self.error(
                'upsample_h & upsample_w are required, else (DEPRECATED) scale OR scale_h & scale_w are '
                'required.'
            )
        if any(self.sized) and len(bottom) < 2:
            raise self.error(
                'upsample_h & upsample_w go with a mask, the second bottom; without one give scale'
            )
        self.kernel = self.stride = (p.scale_h, p.scale_w) if any(parts) else (p.scale, p.scale)
        if min(self.stride) < 1:
            raise self.error(f'scale: found {self.stride}, needed positive numbers')
        for axis, padded, scale in zip('hw', (p.pad_out_h, p.pad_out_w), self.stride, strict=True):
            if padded and scale != 2:
                raise self.error(
                    f'pad_out_{axis}: Output padding compensation requires scale == 2, found {scale}'
                )

    def plan(self):
        p = self.param.upsample_param
        if any(self.sized):
            self.extents = p.upsample_h, p.upsample_w
            self.kernel = self.stride = tuple(
                -(-large // max(small, 1))
                for large, small in zip(self.extents, self.image, strict=True)
            )
        else:
            self.extents = tuple(
                n * scale - padded
                for n, scale, padded in zip(
                    self.image, self.stride, (p.pad_out_h, p.pad_out_w), strict=True
                )
            )
        if min(self.extents) < 1:
            raise self.error(
                f'the height and width of the top must be positive: found {self.extents}'
            )
