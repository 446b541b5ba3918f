"""Nets for other frameworks: ONNX, a PyTorch module, safetensors, NumPy; and weights back home.

    from goodinit import export

    report = export.write(net, 'net.onnx')
    export.write(net, 'net.py')                 # and net.safetensors beside it

Net.save does the same for these suffixes; Net.state_dict has the weights by PyTorch's names.

How a layer is expressed elsewhere stands in layers/, one file for each family of layers, for ONNX
and for PyTorch side by side. Whatever is written is run and compared with goodinit first.
"""

from . import formats  # noqa: F401  (registers .onnx and .py)
from .convention import Convention
from .cut import deploy
from .job import CannotExport, Options, Report
from .writers import files_of, known_suffix, write

__all__ = [
    'CannotExport',
    'Convention',
    'Options',
    'Report',
    'deploy',
    'files_of',
    'known_suffix',
    'write',
]
