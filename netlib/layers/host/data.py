from ...data.readers import DatumReader
from ...data.transform import Transformer
from ...registry import register
from .shared.batches import Batches


@register
class Data(Batches):
    """Batches of the images in an LMDB or LevelDB, in key order, starting over after the last

    top  data   (batch_size, C, H, W)       H and W may vary only if batch_size is 1
         label  (batch_size,)               optional

    Images are raw or encoded datums; transform_param resizes (SSD's resize_param), adds noise
    (noise_param), crops, mirrors, subtracts the mean and scales. rand_skip skips a random number of
    images at the start. Source: BVLC Caffe's data_layer.
    """

    @property
    def batch_size(self) -> int:
        return self.param.data_param.batch_size

    def images(self) -> DatumReader:
        transform = Transformer(self.param.transform_param, self.phase)
        return DatumReader(self.param.data_param, transform, self.rng)
