"""Weights of NVIDIA's and Intel's forks, whose BatchNorm layers also have a scale and a bias."""

from collections.abc import Sequence

from ...proto.caffe_pb2 import LayerParameter, NetParameter
from ..layers import Layer
from .names import scaled_norms

STATISTICS = 3  # blobs of BVLC's BatchNorm; the forks' have the scale and the bias after them


def separated(saved: NetParameter, layers: Sequence[Layer]) -> NetParameter:
    """The weights for a net of these layers: a BatchNorm's scale and bias are those of the Scale
    layer above it, if it has none of its own in the file. The message itself if there are none."""
    longer = {layer.name for layer in saved.layer if len(layer.blobs) > STATISTICS}
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
            blobs = layer.blobs
            out.layer.append(LayerParameter(name=layer.name, blobs=blobs[:STATISTICS]))
            out.layer.append(LayerParameter(name=scale, blobs=blobs[STATISTICS:]))
    return out
