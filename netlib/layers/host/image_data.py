from ...data.readers import ListReader
from ...data.transform import Transformer
from ...registry import register
from .shared.batches import Batches


@register
class ImageData(Batches):
    """Batches of the images that a list file names, in its order or shuffled; after the last comes
    the first

    top  data   (batch_size, C, H, W)       of varying H and W only where batch_size is 1
         label  (batch_size,)               may be left out

    Each line of the list is a path, which follows root_folder, and a label. new_height and
    new_width resize, is_color: false makes the images gray, shuffle draws a new order for each
    pass, rand_skip skips a random number of images at the start; transform_param crops, mirrors,
    subtracts the mean and scales. Source: BVLC Caffe's image_data_layer.
    """

    @property
    def batch_size(self) -> int:
        return self.param.image_data_param.batch_size

    def images(self) -> ListReader:
        p = self.param.image_data_param
        if bool(p.new_height) != bool(p.new_width):
            raise self.error(
                'Current implementation requires new_height and new_width to be set at the same '
                f'time: found {p.new_height} and {p.new_width}'
            )
        transform = Transformer(self.param.transform_param, self.phase)
        return ListReader(p, transform, self.rng)
