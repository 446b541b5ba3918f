"""Packaging that pyproject.toml cannot say: where the packages stand, the C++ kernels, which are
optional, and that any Python 3 loads them."""

import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from itertools import chain
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

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
    'learn',
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


# Python's own flags ask for debug information, which would be most of the library and a third of
# the time that it takes. Whoever wants it sets CFLAGS=-g.
DEBUG = [] if '-g' in os.environ.get('CFLAGS', '').split() else ['-g0']

# A stand-in for the matrix unit of AMX, for tests on processors without one.
STAND_IN = ['-DAMX_PLAIN'] if os.environ.get('GOODINIT_AMX_PLAIN') == '1' else []

# A library of C functions rather than a Python module. Without a compiler the install succeeds all
# the same, and the engine that would use it says so. Each instruction set has files of its own; the
# engine asks what the processor has.
kernels = Extension(
    'goodinit.netlib.engines.fast._kernels',
    sorted(glob('netlib/engines/fast/kernels/*.cpp')),
    depends=sorted(glob('netlib/engines/fast/kernels/*.hpp')),
    language='c++',
    extra_compile_args=[
        *('-std=c++17', '-O3', '-fno-math-errno', '-fno-trapping-math'),
        *DEBUG,
        *STAND_IN,
    ],
    optional=True,
)
folders = package_folders()


class BuildKernels(build_ext):
    """Compiles the files of an extension side by side, and not at all if the library in the source
    tree is newer than everything it is made of."""

    def get_ext_filename(self, fullname: str) -> str:
        """One name for every version of Python."""
        return os.path.join(*fullname.split('.')) + '.so'

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
        if STAND_IN and built.is_file() and b'amx_plain_gemm' not in built.read_bytes():
            self.force = True
        elif built.is_file() and built.stat().st_mtime > max(map(os.path.getmtime, made_of)):
            if not (target.exists() and target.samefile(built)):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(built, target)
            return
        threads = self.flags_for_threads()
        ext.extra_compile_args = [*ext.extra_compile_args, *threads]
        ext.extra_link_args = [*ext.extra_link_args, *threads]
        super().build_extension(ext)

    def flags_for_threads(self) -> list[str]:
        """OpenMP's flag, if the compiler takes it and finds OpenMP's library. Without it the
        kernels compute on one core."""
        flags = ['-fopenmp']
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, 'openmp.cpp')
            source.write_text('#include <omp.h>\nint threads() { return omp_get_max_threads(); }\n')
            options = {'output_dir': folder, 'extra_postargs': flags}
            try:
                # From the root, so that the object file lies in the folder.
                objects = self.compiler.compile([str(source)], **options)
                self.compiler.link_shared_object(objects, str(source.with_suffix('.so')), **options)
            except (CompileError, LinkError):
                self.warn('this compiler has no OpenMP: the kernels will compute on one core')
                return []
        return flags


class PlatformWheel(bdist_wheel):
    """The kernels are no module of one version of Python: one wheel serves all of them."""

    def get_tag(self) -> tuple[str, str, str]:
        *_, platform = super().get_tag()
        return 'py3', 'none', platform


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
        'goodinit.tools.report_page': ['vega_lite/*.json', 'templates/*'],
        'goodinit.learn': ['cases/*.json'],
        'goodinit.proto': ['*.proto', '*.pyi'],
        'goodinit.netlib.engines.fast': ['kernels/*.?pp'],
        'goodinit.netlib.engines.cuda': ['kernels/*.cu*'],
    },
    # The kernels count in C's long, which has 32 bits on Windows.
    ext_modules=[] if sys.platform == 'win32' else [kernels],
    cmdclass={'build_ext': BuildKernels, 'bdist_wheel': PlatformWheel},
)
