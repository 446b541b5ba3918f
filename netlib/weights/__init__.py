"""Loading and saving a net's weights, in the formats that formats.py registers by suffix.

sharing.py gives parameters their rates and owners; caffemodel.py and hdf5.py are the two formats of
BVLC Caffe. This package sees a net only as its layers (formats.LayeredNet).
"""

# The first registered format is the default for unknown suffixes: caffemodels.
from .caffemodel import layers_of, to_proto  # isort: split

from . import hdf5  # noqa: F401  (registers its format)
from .formats import Format, check_save, read_weights_file, register_format, save
from .transfer import copy_weights

__all__ = [
    'Format',
    'check_save',
    'copy_weights',
    'layers_of',
    'read_weights_file',
    'register_format',
    'save',
    'to_proto',
]
