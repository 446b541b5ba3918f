from itertools import islice

from ...data.databases import datum_to_array, open_database, parse_datum
from ...registry import register
from .batches import Batches


@register
class Data(Batches):
    """Batches of the images in a database, in the order of its keys; after the last comes the first

    top  data   (batch_size, C, H, W)       of varying H and W only where batch_size is 1
         label  (batch_size,)               may be left out

    Images are raw or encoded datums; transform_param crops, mirrors, subtracts the mean and scales. rand_skip leaves
    out a random number of images at the start. Source: BVLC Caffe's data_layer.
    """

    @property
    def batch_size(self):
        return self.param.data_param.batch_size

    def rows(self):
        p = self.param.data_param
        database = open_database(p.source, p.backend)
        start = int(self.rng.integers(p.rand_skip)) if p.rand_skip else 0
        for key, value in islice(database.cycle(), start, None):
            name = f'{p.source}, key {key.decode(errors="replace")}'
            datum = parse_datum(value, name)
            yield datum_to_array(datum, self.transform.color, name), datum.label, name
