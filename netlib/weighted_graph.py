"""WeightedGraph: a LayerGraph whose weights go in and out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..proto import caffe_pb2 as pb
from . import weights
from .layer_graph import LayerGraph

Source = str | Path | pb.NetParameter


class WeightedGraph(LayerGraph):
    """Weights from files and into files, in the formats that weights/formats.py registers."""

    def copy_from(self, source: Source) -> list[str]:
        """Copy weights from a file into layers of the same name; returns the layer names that the
        net lacks.

        A file named .h5 or .hdf5, or with HDF5's signature, is read as Caffe's weights in HDF5.
        Layers that the file lacks keep their weights. Raises NetError if a layer's number or shapes
        of blobs differ.
        """
        return weights.copy_weights(self, source)

    def to_proto(self, diffs: bool = False) -> pb.NetParameter:
        """The net with its weights, as the message stored in a caffemodel."""
        return weights.to_proto(self, diffs)

    def save(self, path: str | Path, diffs: bool = False) -> None:
        """Write a caffemodel, or what the suffix asks for: .h5 or .hdf5 (Caffe's weights in HDF5),
        .safetensors or .npz, and .onnx and .py, which goodinit.export writes.

        Never leaves a half-written file.
        """
        weights.save(self, path, diffs)

    def to_onnx(self, path: str | Path) -> None:
        """Write an .onnx file, which is run and compared with this net first."""
        weights.save_as('.onnx', self, path)

    def to_torch(self, path: str | Path) -> None:
        """Write a PyTorch module, a .py file, with its weights in a .safetensors file beside it;
        it is run and compared with this net first where PyTorch is installed."""
        weights.save_as('.py', self, path)

    def state_dict(self) -> dict[str, np.ndarray]:
        """The weights as PyTorch names and shapes them; views of them where that is possible."""
        return weights.state_dict(self)

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], strict: bool = True) -> list[str]:
        """Take weights by PyTorch's names; returns the names that the net lacks.

        strict: all of the net's weights must be there. Raises NetError for what does not fit, all
        at once, and then changes nothing.
        """
        return weights.load_state_dict(self, arrays, strict)
