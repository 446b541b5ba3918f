"""Packaging that pyproject.toml cannot say: the repository's root is the package `goodinit`."""
from setuptools import setup

FOLDERS = ('proto', 'netlib', 'netlib.data', 'netlib.engines', 'netlib.engines.reference', 'netlib.layers', 'netlib.layers.host',
           'initializers', 'tools', 'tools.zoo')

setup(
    package_dir={'goodinit': '.'},
    packages=['goodinit', *(f'goodinit.{folder}' for folder in FOLDERS)],
    package_data={'goodinit': ['proto/*.proto', 'models/*.md', 'models/**/*.prototxt',
                               'netlib/engines/native/*', 'netlib/engines/kernels/*', 'py.typed']},
)
