"""Packaging that pyproject.toml cannot say: where the packages stand, and the C++ kernels, which
are optional."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from itertools import chain
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

TOP_LEVEL = (
    'proto',
    'netlib',
    'initializers',
    'solvers',
    'feeding',
    'voc',
    'export',
    'caffe',
    'experiments',
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


class BuildKernels(build_ext):
    """Compiles the files of an extension side by side, and not at all if the library in the source
    tree is newer than everything it is made of."""

    def build_extensions(self) -> None:
        compile_some = self.compiler.compile

        def compile_all(sources: list[str], **options) -> list[str]:
            def compile_one(source: str) -> list[str]:
                return compile_some([source], **options)

            with ThreadPoolExecutor(os.cpu_count()) as pool:
                return list(chain.from_iterable(pool.map(compile_one, sources)))

        self.compiler.compile = compile_all
        super().build_extensions()

    def build_extension(self, ext: Extension) -> None:
        target = Path(self.get_ext_fullpath(ext.name))
        built = Path(*ext.name.split('.')[1:-1], target.name)
        made_of = [*ext.sources, *ext.depends, 'setup.py']
        if built.is_file() and built.stat().st_mtime > max(map(os.path.getmtime, made_of)):
            if not (target.exists() and target.samefile(built)):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(built, target)
            return
        super().build_extension(ext)


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
        'goodinit.experiments': ['printed/*.txt'],
        'goodinit.proto': ['*.proto', '*.pyi'],
        'goodinit.netlib.engines.fast': ['kernels/*.?pp'],
        'goodinit.netlib.engines.cuda': ['kernels/*.cu*'],
    },
    ext_modules=[kernels],
    cmdclass={'build_ext': BuildKernels},
)
