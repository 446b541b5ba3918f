"""Packaging that pyproject.toml cannot say: where the packages stand, and the C++ kernels, which
are optional."""

import os
from glob import glob

from setuptools import Extension, setup

TOP_LEVEL = (
    'proto',
    'netlib',
    'initializers',
    'solvers',
    'feeding',
    'export',
    'caffe',
    'tools',
    'zoo',
)


def package_folders() -> list[str]:
    """The folders of packages, top-level ones and those in them."""
    found = []
    for top in TOP_LEVEL:
        for folder, _, files in os.walk(top):
            if '__init__.py' in files:
                found.append(folder)
    return sorted(found)


def package_name(folder: str) -> str:
    return '.'.join(['goodinit', *folder.split(os.sep)])


# A library of C functions rather than a Python module. Without a compiler the install succeeds all
# the same, and the engine that would use it says so. Each instruction set has a file; the engine
# asks what the processor has.
kernels = Extension(
    'goodinit.netlib.engines.fast._kernels',
    sorted(glob('netlib/engines/fast/kernels/*.cpp')),
    depends=sorted(glob('netlib/engines/fast/kernels/*.hpp')),
    language='c++',
    extra_compile_args=['-std=c++17', '-O3', '-fno-math-errno', '-fno-trapping-math', '-fopenmp'],
    extra_link_args=['-fopenmp'],
    optional=True,
)
folders = package_folders()

setup(
    py_modules=['goodinit_command'],
    packages=['goodinit', 'goodinit.models', *map(package_name, folders)],
    package_dir={
        'goodinit': 'goodinit',
        'goodinit.models': 'models',
        **{package_name(folder): folder for folder in folders},
    },
    package_data={
        'goodinit': ['py.typed'],
        'goodinit.models': ['*.md', '**/*.prototxt'],
        'goodinit.proto': ['*.proto', '*.pyi'],
        'goodinit.netlib.engines.fast': ['kernels/*.?pp'],
        'goodinit.netlib.engines.cuda': ['kernels/*.cu*'],
    },
    ext_modules=[kernels],
)
