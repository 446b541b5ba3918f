import warnings

from ...data.list_files import without_label
from ...data.readers import ListReader
from ...data.transform import Transformer
from ...registry import register
from ..base import Blobs
from .shared.batches import Batches


@register
class ImageData(Batches):
    """Batches of the images in a list file, in order or shuffled, starting over after the last

    top  data   (batch_size, C, H, W)       H and W may vary only if batch_size is 1
         label  (batch_size,)               optional

    Each line of the list is a path, to be appended to root_folder, and a label (a line without one
    has the label 0, which a warning says). new_height and new_width resize the images; is_color:
    false makes them gray. shuffle draws a new order for each epoch; rand_skip skips a random number
    of images at the start. transform_param resizes (SSD's resize_param), adds noise (noise_param),
    crops, mirrors, subtracts the mean and scales. Source: BVLC Caffe's image_data_layer.
    """

    @property
    def batch_size(self) -> int:
        return self.param.image_data_param.batch_size

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        super().setup(bottom, top)
        note = without_label(self.list) if len(top) > 1 else ''
        if note:
            source = self.param.image_data_param.source
            warnings.warn(str(self.error(f'{source}: {note}')), stacklevel=2)

    def images(self) -> ListReader:
        p = self.param.image_data_param
        if bool(p.new_height) != bool(p.new_width):
            raise self.error(
                'Current implementation requires new_height and new_width to be set at the same '
                f'time: found {p.new_height} and {p.new_width}'
            )
        transform = Transformer(self.param.transform_param, self.phase)
        reader = ListReader(p, transform, self.rng)
        self.list = reader.lines
        return reader
