"""Packaging that pyproject.toml cannot say: the root is the package `goodinit`, and its C++ kernels are optional."""
from glob import glob

from setuptools import Extension, setup

FOLDERS = (
    'proto',
    'netlib', 'netlib.data', 'netlib.layers', 'netlib.layers.host',
    'netlib.engines', 'netlib.engines.reference', 'netlib.engines.fast', 'netlib.engines.cuda',
    'initializers',
    'solvers',
    'caffe', 'caffe.proto',
    'tools', 'tools.zoo',
)

# A library of C functions rather than a Python module. Without a compiler the install succeeds all the same,
# and the engine that would use it says so. Each instruction set has a file; the engine asks what the processor has.
kernels = Extension('goodinit.netlib.engines.fast._kernels', sorted(glob('netlib/engines/native/*.cpp')),
                    depends=sorted(glob('netlib/engines/native/*.hpp')), language='c++',
                    extra_compile_args=['-std=c++17', '-O3', '-fno-math-errno', '-fno-trapping-math', '-fopenmp'],
                    extra_link_args=['-fopenmp'], optional=True)

setup(
    package_dir={'goodinit': '.'},
    py_modules=['goodinit_command'],
    packages=['goodinit', *(f'goodinit.{folder}' for folder in FOLDERS)],
    package_data={'goodinit': ['py.typed', 'proto/*.proto', 'proto/*.pyi', 'models/*.md', 'models/**/*.prototxt',
                               'netlib/engines/native/*.?pp', 'netlib/engines/kernels/*']},
    ext_modules=[kernels],
)
