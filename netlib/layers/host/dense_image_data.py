from typing import Any

from ...data.dense_reader import DenseReader
from ...registry import register
from ..base import Blobs
from .shared.batches import Batches


@register
class DenseImageData(Batches):
    """Batches of the images in a list file, each with an image that has a label for each pixel:
    SegNet's data

    top  data   (batch_size, C, H, W)       H and W may vary only if batch_size is 1
         label  (batch_size, 1, H, W)       gray levels; H and W divided by label_divide_factor

    Each line of the list has two paths, to be appended to root_folder and then root_folder_image or
    root_folder_label. new_height and new_width resize both images, labels to the nearest pixel.
    Image and labels are cropped and mirrored together, by transform_param's crop_size and mirror or
    the layer's own fields. crop_height and crop_width take the lowest rows. Mean and scale apply
    only to images. is_color, shuffle and rand_skip are the same as for ImageData. Source:
    caffe-segnet's dense_image_data_layer, which refuses crops and mirrors; ENet's fork for
    label_divide_factor, crop_height, crop_width and mirror.
    """

    tops = 2

    @property
    def batch_size(self) -> int:
        return self.param.dense_image_data_param.batch_size

    def images(self) -> DenseReader:
        p = self.param.dense_image_data_param
        transform = self.param.transform_param
        self.check_pair('new_height', 'new_width')
        self.check_pair('crop_height', 'crop_width')
        if p.crop_height and transform.crop_size:
            raise self.error('found crop_size and crop_height, needed: only one of them')
        self.check_factor(has_crop=bool(p.crop_height or transform.crop_size))
        return DenseReader(p, transform, self.phase, self.rng)

    def check_pair(self, *fields: str) -> None:
        """Raises LayerError if only one of two extents is given."""
        height, width = (getattr(self.param.dense_image_data_param, field) for field in fields)
        if bool(height) != bool(width):
            raise self.error(
                f'Current implementation requires {" and ".join(fields)} to be set at the same '
                f'time: found {height} and {width}'
            )

    def check_factor(self, has_crop: bool) -> None:
        """Raises LayerError for an invalid label_divide_factor, or one used with a crop."""
        p = self.param.dense_image_data_param
        factor = p.label_divide_factor
        if factor <= 0 or p.new_height and factor > min(p.new_height, p.new_width):
            raise self.error(
                f'label_divide_factor: found {factor}, must be positive, and not above new_height '
                'and new_width'
            )
        if factor > 1 and has_crop:
            raise self.error(
                f'label_divide_factor: found {factor} with a crop, needed: only one of them'
            )

    def shape_tops(self, top: Blobs, item: list[Any]) -> None:
        image, labels, _ = item[0]
        top[0].reshape(self.batch_size, *image.pixels.shape)
        top[1].reshape(self.batch_size, *labels.shape)
