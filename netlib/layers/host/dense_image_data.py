from ...data.readers import DenseReader
from ...registry import register
from .shared.batches import Batches


@register
class DenseImageData(Batches):
    """Batches of the images that a list file names, each with an image of labels, one for each
    pixel: SegNet's data

    top  data   (batch_size, C, H, W)       of varying H and W only where batch_size is 1
         label  (batch_size, 1, H, W)       grey levels as they are; H and W over label_divide_factor

    Each line of the list is two paths, put after root_folder, and after root_folder_image and
    root_folder_label. new_height and new_width resize, labels to the nearest pixel. Both are cut
    and mirrored alike: by transform_param's crop_size and mirror, or the layer's own; crop_height
    and crop_width take the lowest rows. Mean and scale are for images alone. is_color, shuffle and
    rand_skip are ImageData's. Source: caffe-segnet's dense_image_data_layer, which refuses crops
    and mirrors; for label_divide_factor, crop_height, crop_width and mirror that of ENet's fork.
    """

    tops = 2

    @property
    def batch_size(self):
        return self.param.dense_image_data_param.batch_size

    def images(self):
        p, transform = self.param.dense_image_data_param, self.param.transform_param
        for pair in (('new_height', 'new_width'), ('crop_height', 'crop_width')):
            height, width = (getattr(p, field) for field in pair)
            if bool(height) != bool(width):
                raise self.error(
                    f'Current implementation requires {pair[0]} and {pair[1]} to be set at the same time: '
                    f'found {height} and {width}'
                )
        if p.crop_height and transform.crop_size:
            raise self.error('found crop_size and crop_height, needed: one of them')
        if not 0 < p.label_divide_factor <= min(p.new_height or 2**32, p.new_width or 2**32):
            raise self.error(
                f'label_divide_factor: found {p.label_divide_factor}, must be positive, and not above '
                'new_height and new_width'
            )
        if p.label_divide_factor > 1 and (p.crop_height or transform.crop_size):
            raise self.error(
                f'label_divide_factor: found {p.label_divide_factor} with a crop, needed: one of them'
            )
        return DenseReader(p, transform, self.phase, self.rng)

    def shape_tops(self, top, part):
        image, labels, _ = part[0]
        top[0].reshape(self.batch_size, *image.pixels.shape)
        top[1].reshape(self.batch_size, *labels.shape)
