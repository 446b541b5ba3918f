"""Nets for other frameworks: ONNX, a PyTorch module, safetensors, NumPy; and weights back home.

    from goodinit import export

    export.write(net, 'net.onnx')
    export.write(net, 'net.py')                 # and net.safetensors beside it
    export.state_dict(net)                      # as PyTorch names and shapes the weights
    export.load_state_dict(net, weights)

How a layer is expressed elsewhere stands in layers/, one file for each family of layers, for ONNX
and for PyTorch side by side. Whatever is written is run and compared with goodinit first.
"""

from .arrays import SUFFIXES as ARRAYS
from .arrays import read_arrays
from .convention import Convention
from .cut import deploy
from .job import CannotExport, Options, Report
from .state import load_state_dict, state_dict
from .writers import files_of, known_suffix, write

__all__ = [
    'ARRAYS',
    'CannotExport',
    'Convention',
    'Options',
    'Report',
    'deploy',
    'files_of',
    'known_suffix',
    'load_state_dict',
    'read_arrays',
    'state_dict',
    'write',
]
