"""Nets for other frameworks: ONNX, a PyTorch module, safetensors, NumPy; and weights back home.

    from goodinit import export

    export.write(net, 'net.onnx')
    export.write(net, 'net.py')                 # and net.safetensors beside it
    export.state_dict(net)                      # as PyTorch names and shapes the weights
    export.load_state_dict(net, weights)

How a layer is expressed elsewhere stands in layers/, one file for each family of layers, for ONNX
and for PyTorch side by side. Whatever is written is run and compared with goodinit first.
"""

from .arrays import read_arrays
from .convention import Convention
from .job import CannotExport, Options, Report
from .state import load_state_dict, state_dict
from .writers import write

__all__ = [
    'CannotExport',
    'Convention',
    'Options',
    'Report',
    'load_state_dict',
    'read_arrays',
    'state_dict',
    'write',
]
