"""Do the same seeds still give the same weights? The hashes of what 20 command lines write.

Before a change that is to leave results alone, and after it, on the same machine:

    python tests/tools/same_weights.py record tests/tools/same_weights.json
    python tests/tools/same_weights.py compare tests/tools/same_weights.json

The bytes depend on the processor (its instruction set chooses the kernels) and on the versions of
NumPy and scikit-learn: the file names both, and hashes from elsewhere say nothing.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CLI = Path(__file__).parents[1] / 'golden' / 'cli'
GOODINIT = 'from goodinit.tools.cli.main import main; raise SystemExit(main())'
THREADS = {'OMP_NUM_THREADS': '2'}
INIT = (
    'init --proto lenet',
    'init --proto lenet --method kmeans',
    'init --proto lenet --method pca --seed 3',
    'init --proto lenet --method zca --all-layers',
    'init --proto lenet --method rand --between paper',
    'init --proto lenet --method scale',
    'init --proto lenet --method scale_bias --engine reference',
    'init --proto lenet --method kmeans --layers conv --zero-last --dropout',
    'init --proto cifar10_quick --method orthonormal',
    'init --proto cifar10_quick --method kmeans --all-layers --batches 2',
    'init --proto nin_cifar10 --method pca --between exact --strict',
    'init --proto fitnet1/maxout --method msra',
    'init --proto fitnet4/relu --batch-size 8',
    'init --proto fitnet4/bn_before_relu --method xavier --normalize within',
    'init --proto fitresnet4/tanh --method gaussian --normalize scale_bias --between exact',
    'init --proto resnet50/deploy --batch-size 2',
    'init --proto googlenet/deploy --method filler --normalize lsuv --batch-size 2',
    'init --proto squeezenet/deploy --method kmeans --batch-size 4',
    'init --proto all_cnn_c --method scale_bias --engine exact --seed 18446744073709551615',
)
TRAIN = 'train --solver solver.prototxt'


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('what', choices=['record', 'compare'])
    parser.add_argument('file', type=Path)
    args = parser.parse_args()
    hashes = {}
    for number, line in enumerate([*INIT, TRAIN], 1):
        hashes[line] = trained_weights() if line == TRAIN else initial_weights(line)
        print(f'{number:2} {hashes[line][:12]}  goodinit {line}', flush=True)
    if args.what == 'record':
        recorded = {'machine': machine(), 'sha256': hashes}
        args.file.write_text(json.dumps(recorded, indent=1) + '\n')
        return 0
    return compare(json.loads(args.file.read_text()), hashes)


def initial_weights(line: str) -> str:
    """The hash of the caffemodel that `goodinit init` writes."""
    with tempfile.TemporaryDirectory() as folder:
        run_goodinit(f'{line} --quiet --out out.caffemodel', folder)
        return hash_of(Path(folder, 'out.caffemodel'))


def trained_weights() -> str:
    """The hash of the caffemodel after twenty iterations of the recorded solver."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(CLI, folder, dirs_exist_ok=True)
        run_goodinit(TRAIN, folder)
        return hash_of(Path(folder, 'tiny_iter_20.caffemodel'))


def run_goodinit(line: str, folder: str) -> None:
    command = [sys.executable, '-c', GOODINIT, *line.split()]
    env = os.environ | THREADS
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=env)


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def machine() -> str:
    """What the bytes depend on besides the code."""
    import numpy
    import sklearn
    from goodinit.netlib.engines.fast.native import instruction_sets

    processor = f'{platform.machine()} with {instruction_sets()[0]}'
    return f'{processor}, NumPy {numpy.__version__}, scikit-learn {sklearn.__version__}'


def compare(recorded: dict, hashes: dict[str, str]) -> int:
    """Say which lines differ; the exit status."""
    if recorded['machine'] != machine():
        print(f'recorded on {recorded["machine"]}; here it is {machine()}')
        return 1
    changed = [line for line in hashes if recorded['sha256'].get(line) != hashes[line]]
    for line in changed:
        print(f'changed: goodinit {line}')
    print(f'{len(hashes) - len(changed)} of {len(hashes)} command lines write the same bytes')
    return int(bool(changed))


if __name__ == '__main__':
    sys.exit(main())
