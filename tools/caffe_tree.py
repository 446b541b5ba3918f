#!/usr/bin/env python3
"""Make the programs that scripts written for a checkout of BVLC Caffe call.

    goodinit caffe_tree ~/caffe
    cd ~/caffe && ./build/tools/caffe train -solver solver.prototxt

Makes build/tools/*, build/examples/* and tools/extra/* in DIR, which run the commands here, and
python/*, whose `import caffe` finds goodinit's. Files that are there already stay, unless --force.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from goodinit.tools.cli.console import Parser, run, say

from goodinit.netlib.errors import GoodinitError
from goodinit.proto import atomic_write

MARK = 'written by goodinit caffe_tree'
# The programs of a built checkout, and the commands that they run.
PROGRAMS = {
    'build/tools/caffe': 'caffe',
    'build/tools/compute_image_mean': 'compute_image_mean',
    'build/tools/convert_imageset': 'convert_imageset',
    'build/tools/extract_features': 'extract_features',
    'build/tools/upgrade_net_proto_binary': 'upgrade_net_proto_binary',
    'build/tools/upgrade_net_proto_text': 'upgrade_net_proto_text',
    'build/tools/upgrade_solver_proto_text': 'upgrade_solver_proto_text',
    'build/examples/cifar10/convert_cifar_data': 'convert_cifar_data',
    'build/examples/mnist/convert_mnist_data': 'convert_mnist_data',
    'build/examples/siamese/convert_mnist_siamese_data': 'convert_mnist_siamese_data',
}
# Its Python scripts, and the modules of tools/ whose `main` they run.
SCRIPTS = {
    'python/classify.py': 'classify',
    'python/detect.py': 'detect',
    'python/draw_net.py': 'draw',
    'tools/extra/parse_log.py': 'parse_log',
}
PACKAGE = 'python/caffe/__init__.py'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(make_tree, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit caffe_tree', __doc__ or '')
    add = parser.add_argument
    add('folder', metavar='DIR', help='the folder, which may be a checkout of Caffe')
    add('--force', action='store_true', help='replace files that are there already')
    return parser


def make_tree(args: argparse.Namespace) -> None:
    folder = Path(args.folder)
    if folder.exists() and not folder.is_dir():
        raise GoodinitError(f'{folder}: is a file, needed: a folder')
    kept = [name for name, text in files().items() if not write(folder / name, text, args.force)]
    for name in kept:
        say(f'note: {folder / name} is there already and stays (--force replaces it)')
    say(f'{len(files()) - len(kept)} files in {folder} run goodinit with {sys.executable}')


def files() -> dict[str, str]:
    """The text of each file, by its path in the tree."""
    texts: dict[str, str] = {}
    for name, command in PROGRAMS.items():
        texts[name] = texts[f'{name}.bin'] = program(command)
    for name, module in SCRIPTS.items():
        texts[name] = script(module)
    texts[PACKAGE] = package()
    return texts


def program(command: str) -> str:
    """A shell script that runs a command of goodinit."""
    python = shlex.quote(sys.executable)
    return f'#!/bin/sh\n# {MARK}\nexec {python} -m goodinit {command} "$@"\n'


def script(module: str) -> str:
    """A Python script that runs a module of tools/."""
    return (
        f'#!{sys.executable}\n# {MARK}\nimport sys\n\nfrom goodinit.tools.{module} import main\n\n'
        'sys.exit(main())\n'
    )


def package() -> str:
    """A package `caffe` that becomes goodinit's when it is imported."""
    return (
        f'# {MARK}\nimport sys\n\nfrom goodinit.caffe import alias\n\nalias.install()\n'
        'del sys.modules[__name__]\nimport caffe  # noqa: E402, F401\n'
    )


def write(path: Path, text: str, force: bool) -> bool:
    """Write an executable file; returns False for one that is there, is not ours, and stays."""
    if path.exists() and not force and MARK not in path.read_text(errors='replace'):
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GoodinitError(f'cannot make {path.parent}: {error.strerror}') from error
    with atomic_write(path, 'w') as file:
        file.write(text)
    os.chmod(path, 0o755)
    return True


if __name__ == '__main__':
    sys.exit(main())
