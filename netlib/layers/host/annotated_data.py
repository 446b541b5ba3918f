import numpy as np

from ....proto.caffe_pb2 import AnnotatedDataParameter
from ...data.annotated import AnnotatedReader, AnnotatedTransformer
from ...data.readers import Image
from ...errors import DataError
from ...registry import register
from ..base import Blobs
from .shared.batches import Batches


@register
class AnnotatedData(Batches):
    """Batches of the images with objects in an LMDB or LevelDB of AnnotatedDatum messages, in key
    order, starting over after the last

    top  data   (batch_size, C, H, W)   H and W may vary only if batch_size is 1
         label  (1, 1, G, 8)            for each object: image, class, instance, xmin, ymin, xmax,
                                        ymax, difficult; without any object, eight -1. Where the
                                        datums have no annotation type: (batch_size,), their labels

    transform_param distorts colors (distort_param), puts the image on a larger canvas
    (expand_param), and after the batch sampler resizes, adds noise, crops, mirrors, subtracts the
    mean and scales; boxes follow, and emit_constraint says which objects are kept. Each
    batch_sampler draws up to max_trials windows and takes up to max_sample in which an object meets
    the sample_constraint; one of all taken is cut out. Unlike SSD's, images are not compressed to
    JPEG between these steps, and label_map_file is not read. Source: Liu et al. 2016 (SSD), section
    2.2; SSD's annotated_data_layer.
    """

    @property
    def batch_size(self) -> int:
        return self.param.data_param.batch_size

    @property
    def fields(self) -> AnnotatedDataParameter:
        return self.param.annotated_data_param

    def images(self) -> AnnotatedReader:
        transform = AnnotatedTransformer(
            self.param.transform_param, self.phase, self.fields.batch_sampler
        )
        reader = AnnotatedReader(self.param.data_param, transform, self.rng)
        reader.boxes = self.fields.HasField('anno_type')
        return reader

    def shape_tops(self, top: Blobs, item: list[Image]) -> None:
        super().shape_tops(top, item)
        _, label, _ = item[0]
        self.boxes = isinstance(label, np.ndarray)
        if self.boxes and len(top) > 1:
            top[1].reshape(1, 1, max(len(np.asarray(label)), 1), 8)

    def fill(self, top: Blobs) -> None:
        self.rows: list[np.ndarray] = []
        super().fill(top)
        if self.boxes and len(top) > 1:
            rows = np.concatenate(self.rows)
            if not len(rows):
                rows = np.full((1, 8), -1)
            top[1].reshape(1, 1, *rows.shape)
            top[1].data = rows[None, None]

    def label(self, images: list[Image], start: int, top: Blobs) -> None:
        for _, label, name in images:
            if self.boxes != isinstance(label, np.ndarray):
                raise DataError(
                    f'{name}: some datums have an annotation type, and others have none'
                )
        super().label(images, start, top[:1] if self.boxes else top)
        if self.boxes:
            for i, (_, label, _) in enumerate(images, start):
                self.rows.append(np.insert(np.asarray(label), 0, i, axis=1))
