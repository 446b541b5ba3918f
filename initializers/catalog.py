"""The names that a recipe can choose from. Importing this module imports every initializer."""

import importlib
import pkgutil

from .initializer import names

FOLDERS = ('from_shape', 'from_samples', 'by_layer', 'whole_net')

for _folder in FOLDERS:
    _package = importlib.import_module(f'.{_folder}', __package__)
    for _module in pkgutil.iter_modules(_package.__path__, _package.__name__ + '.'):
        importlib.import_module(_module.name)

# 'keep', 'filler' and 'none' are no initializers: nothing happens. 'filler' means the weights that
# the prototxt's fillers have made.
WEIGHTS_FROM = ('keep', 'filler', *names('shape', 'samples'))
NORMALIZE = ('none', *names('layer'))
BETWEEN = ('none', *names('net'))
