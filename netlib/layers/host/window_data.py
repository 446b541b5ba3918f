from ...data.transform import Transformer
from ...data.window_reader import WindowReader
from ...registry import register
from ..base import Blobs
from .shared.batches import Batches


@register
class WindowData(Batches):
    """Batches of image windows, drawn at random from a window file: R-CNN's training data

    top  data   (batch_size, 3, crop_size, crop_size)
         label  (batch_size,)       0 for background

    The first windows of a batch are background; the last fg_fraction are objects. Each is warped to
    crop_size, with context_pad pixels of its surroundings. transform_param's mirror mirrors windows
    at random. As in Caffe, the mean is transform_param's and the scale is window_data_param's.
    cache_images keeps the files in memory. Source: BVLC Caffe's window_data_layer; Girshick
    et al., Rich feature hierarchies for accurate object detection, 2014.
    """

    tops = 2

    @property
    def batch_size(self) -> int:
        return self.param.window_data_param.batch_size

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.window_data_param
        crop = self.param.transform_param.crop_size
        if crop <= 2 * p.context_pad:
            raise self.error(
                f'crop_size: found {crop}, needed: above 0, and twice the context_pad '
                f'{p.context_pad}'
            )
        if p.crop_mode not in ('warp', 'square'):
            raise self.error(f"crop_mode: found '{p.crop_mode}', needed: warp or square")
        super().setup(bottom, top)

    def images(self) -> WindowReader:
        transform = Transformer(self.param.transform_param, self.phase)
        return WindowReader(self.param.window_data_param, transform, self.rng)
