"""Importing this module imports every initializer: all files of the four folders."""

import importlib
import pkgutil

FOLDERS = ('from_shape', 'from_samples', 'by_layer', 'whole_net')

for _folder in FOLDERS:
    _package = importlib.import_module(f'.{_folder}', __package__)
    for _module in pkgutil.iter_modules(_package.__path__, _package.__name__ + '.'):
        importlib.import_module(_module.name)
