"""Weights of NVIDIA's and Intel's forks, whose BatchNorm layers also have a scale and a bias.

Their order is that of NVIDIA's versions: from 0.16 on, and in Intel's fork, mean, variance, factor,
scale, bias; in 0.15 scale, bias, mean, variance, factor; and cuDNN's in 0.14 scale, bias, factor,
mean, variance, each of four axes. NVIDIA's do not use the factor, and some leave it 0.
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from ...proto import array_to_blob, blob_shape, blob_to_array
from ...proto.caffe_pb2 import BlobProto, LayerParameter, NetParameter
from ...proto.errors import about
from ..layers import Layer
from .names import scaled_norms

STATISTICS = 3  # blobs of BVLC's BatchNorm; the forks' have more


def scales_separated(saved: NetParameter, layers: Sequence[Layer]) -> NetParameter:
    """The weights for a net of these layers: a BatchNorm's scale and bias are those of the Scale
    layer above it, if it has none of its own in the file. The message itself if there are none.
    Raises ProtoError for blobs that are damaged."""
    longer = {layer.name for layer in saved.layer if _has_more(layer)}
    if not longer:
        return saved
    scales = scaled_norms(NetParameter(layer=[layer.param for layer in layers]))
    kept = {layer.name for layer in saved.layer if layer.blobs}
    out = NetParameter(name=saved.name)
    for layer in saved.layer:
        scale = scales.get(layer.name) if layer.name in longer else None
        if scale is None or scale in kept:
            out.layer.append(layer)
        else:
            mean, variance, factor, *affine = map(_by_channel, _in_bvlcs_order(layer.blobs))
            with about(f"layer '{layer.name}'"):
                statistics = [mean, variance, _used(factor, mean, variance)]
            out.layer.append(LayerParameter(name=layer.name, blobs=statistics))
            out.layer.append(LayerParameter(name=scale, blobs=affine))
    return out


def _has_more(layer: LayerParameter) -> bool:
    return len(layer.blobs) > STATISTICS and all(blob.ListFields() for blob in layer.blobs)


def _in_bvlcs_order(blobs: Sequence[BlobProto]) -> Sequence[BlobProto]:
    """The blobs as mean, variance, factor, scale, bias. The factor is a single number."""
    shapes = [blob_shape(blob) for blob in blobs]
    single = [prod(shape) == 1 for shape in shapes]
    if len(blobs) == 5 and single[4] and not single[2]:
        return [blobs[i] for i in (2, 3, 4, 0, 1)]
    if len(blobs) == 5 and single[2] and len(shapes[0]) == 4:
        return [blobs[i] for i in (3, 4, 2, 0, 1)]
    return blobs


def _by_channel(blob: BlobProto) -> BlobProto:
    """The blob of one axis, if it has a number for each channel and nothing else."""
    shape = blob_shape(blob)
    channels = max(shape, default=1)
    if prod(shape) != channels:
        return blob
    out = BlobProto()
    out.CopyFrom(blob)
    for name in ('num', 'channels', 'height', 'width', 'shape'):
        out.ClearField(name)  # type: ignore[arg-type]
    out.shape.dim.append(channels)
    return out


def _used(factor: BlobProto, mean: BlobProto, variance: BlobProto) -> BlobProto:
    """The factor, 1 for one of 0 beside statistics that are none."""
    if not blob_to_array(factor).any() and any(
        blob_to_array(blob).any() for blob in (mean, variance)
    ):
        return array_to_blob(np.ones(1))
    return factor
