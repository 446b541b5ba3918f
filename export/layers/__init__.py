"""How each layer type is expressed elsewhere, one file for each family; importing this package
registers them all."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__, __name__ + '.'):
    importlib.import_module(_module.name)
