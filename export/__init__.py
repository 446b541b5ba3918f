"""Nets for other frameworks: ONNX, a PyTorch module, safetensors, NumPy; and weights back home.

    from goodinit import export

    export.to_onnx(net, 'net.onnx')
    export.to_torch(net, 'net.py')              # net.safetensors beside it
    export.state_dict(net)                      # as PyTorch names and shapes them
    export.load_state_dict(net, weights)

How a layer is expressed elsewhere stands in layers/, one file for each family of layers, once for
ONNX and once for PyTorch. Whatever is written is run and compared with goodinit first (check.py).
"""

from .api import load_state_dict, state_dict, to_npz, to_onnx, to_safetensors, to_torch

__all__ = [
    'load_state_dict',
    'state_dict',
    'to_npz',
    'to_onnx',
    'to_safetensors',
    'to_torch',
]
