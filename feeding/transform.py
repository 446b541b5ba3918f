"""How the values of a net's input were made from the data: (value - mean) * scale."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..netlib.data.array_files import read_mean
from ..netlib.data.samples import Mean, numbers_of
from ..proto.caffe_pb2 import LayerParameter

# The types of data layers whose transform_param has a mean and a scale.
TRANSFORMING = ('Data', 'ImageData')


@dataclass(frozen=True)
class Transform:
    """A mean and a scale, and what can set them.

    mean      (1,) or one number per channel; a mean image is averaged over its pixels
    scale     the factor after the mean
    layer     the layer in the prototxt, if its transform_param holds for these data
    options   whether `--mean` and `--scale` hold for them
    """

    mean: np.ndarray = field(default_factory=lambda: np.zeros(1))
    scale: float = 1.0
    layer: LayerParameter | None = None
    options: bool = True

    @property
    def has_field(self) -> bool:
        """Whether a transform_param can say the same."""
        return self.layer is not None and self.layer.type in TRANSFORMING


def channel_means(mean: Mean) -> np.ndarray:
    """The mean as (1,) or one number per channel. Raises DataError for a file that is none."""
    values = numbers_of(mean)
    if isinstance(values, str | Path):
        values = read_mean(values)
    if values.ndim == 3:
        values = values.mean(axis=(1, 2))
    return values.astype(float).ravel()
