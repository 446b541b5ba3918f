"""The user's options for a net's data."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..netlib.data.samples import Mean
from ..netlib.data.sources import open_arrays, open_store
from ..netlib.data.stores import Store
from ..netlib.shapes import Shape
from ..proto.caffe_pb2 import LayerParameter
from .data_layers import set_batch_size

Source = str | Path | np.ndarray | Sequence | None


@dataclass(frozen=True)
class DataOptions:
    """Where the data come from and how they are transformed; None means as in the prototxt.

    data: a path that goodinit.netlib.data.sources opens, an array (N, ...), or a pair of arrays:
    samples and labels (N,). mean: a number, one per channel, or a mean file. crop: pixels cut from
    the center of each image. `batches` batches of `batch_size` samples. input_shape: (C, H, W) of
    one sample. seed: chooses the samples and their order. held_out: take further samples, which are
    not in the batches, for measurements.
    """

    data: Source = None
    mean: Mean = None
    scale: float | None = None
    crop: int | None = None
    batch_size: int | None = None
    batches: int = 1
    input_shape: Shape | None = None
    seed: int = 0
    held_out: bool = False

    def open(self) -> Store | None:
        """Open `data`; None if there is none. Raises DataError."""
        if self.data is None or isinstance(self.data, str | Path):
            return open_store(self.data) if self.data else None
        if isinstance(self.data, tuple):
            samples, labels = self.data
            return open_arrays('array', np.asarray(samples), np.asarray(labels))
        return open_arrays('array', np.asarray(self.data))

    def mean_of(self, layer: LayerParameter) -> Mean:
        """The mean to subtract from the samples: `mean`, or that of the layer's transform_param."""
        transform = layer.transform_param
        if self.mean is not None:
            return self.mean
        return transform.mean_file or list(transform.mean_value) or None

    def scale_of(self, layer: LayerParameter) -> float:
        """The factor of the samples: `scale`, or that of the layer's transform_param."""
        if self.scale is None:
            return layer.transform_param.scale
        return self.scale

    def for_labels(self) -> 'DataOptions':
        """The same options without those that apply only to images."""
        return replace(self, mean=None, scale=None)

    def written_into(self, layer: LayerParameter) -> LayerParameter:
        """The data layer with these options instead of its own."""
        out = LayerParameter()
        out.CopyFrom(layer)
        transform = out.transform_param
        if self.mean is not None:
            _write_mean(transform, str(self.mean))
        if self.scale is not None:
            transform.scale = self.scale
        if self.crop:
            transform.crop_size = self.crop
        if self.batch_size:
            set_batch_size(out, self.batch_size)
        return out


def _write_mean(transform, mean: str) -> None:
    """Set the mean of a transform_param to numbers ('104,117,123') or a file."""
    transform.ClearField('mean_value')
    transform.ClearField('mean_file')
    try:
        transform.mean_value.extend(float(value) for value in mean.split(','))
    except ValueError:
        transform.mean_file = mean
