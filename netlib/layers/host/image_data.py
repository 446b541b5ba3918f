from ...data.images import decode_image, resize
from ...data.sources import read_list
from ...errors import DataError
from ...registry import register
from .batches import Batches


@register
class ImageData(Batches):
    """Batches of the images that a list file names, in its order or shuffled; after the last comes the first

    top  data   (batch_size, C, H, W)       of varying H and W only where batch_size is 1
         label  (batch_size,)               may be left out

    Each line of the list is a path, put after root_folder, and a label. new_height and new_width resize, is_color:
    false makes grey, shuffle draws a new order for each pass, rand_skip leaves out a random number of images at the
    start; transform_param crops, mirrors, subtracts the mean and scales. Source: BVLC Caffe's image_data_layer.
    """

    @property
    def batch_size(self):
        return self.param.image_data_param.batch_size

    def rows(self):
        p = self.param.image_data_param
        if bool(p.new_height) != bool(p.new_width):
            raise self.error('Current implementation requires new_height and new_width to be set at the same time: '
                             f'found {p.new_height} and {p.new_width}')
        lines = self.lines()
        start = int(self.rng.integers(p.rand_skip)) if p.rand_skip else 0
        if start >= len(lines):
            raise DataError(f'rand_skip: Not enough points to skip: {p.source} has {len(lines)} lines')
        while True:
            if p.shuffle:
                lines = [lines[i] for i in self.rng.permutation(len(lines))]
            for file, label in lines[start:]:
                name = p.root_folder + file
                pixels = decode_image(name, p.is_color)
                yield resize(pixels, p.new_height, p.new_width) if p.new_height else pixels, label, name
            start = 0

    def lines(self):
        source = self.param.image_data_param.source
        names, labels = read_list(source)
        if not names:
            raise DataError(f'data {source}: File is empty; needed: a path and a label per line')
        return list(zip(names, labels or [None] * len(names), strict=True))
