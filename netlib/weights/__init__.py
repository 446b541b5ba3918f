"""Loading and saving a net's weights, in the formats that formats.py registers by suffix.

sharing.py gives parameters their rates and owners; caffemodel.py and hdf5.py are the two formats of
BVLC Caffe, arrays.py those of PyTorch and NumPy, with the names that state_dict.py gives. This
package sees a net only as its layers (formats.LayeredNet).
"""

# The first registered format is the default for unknown suffixes: caffemodels.
from .caffemodel import layers_of, to_proto  # isort: split

from . import arrays, hdf5  # noqa: F401  (register their formats)
from .fork_batch_norm import scales_separated
from .formats import Format, check_save, read_weights_file, register_format, save, save_as
from .state_dict import load_state_dict, state_dict
from .transfer import copy_weights

__all__ = [
    'Format',
    'check_save',
    'copy_weights',
    'layers_of',
    'load_state_dict',
    'read_weights_file',
    'register_format',
    'save',
    'save_as',
    'scales_separated',
    'state_dict',
    'to_proto',
]
