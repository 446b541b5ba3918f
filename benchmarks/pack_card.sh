#!/usr/bin/env bash
# Packs what a bare machine with a card and without a network needs besides this checkout, into
# .card/, which git ignores: PyCUDA and what it needs as wheels, and the CPU engine's kernels.
#
#     benchmarks/pack_card.sh [PYTHON]        PYTHON (default: python3.12) is that machine's version
#
# The machine has nvcc, and a Python with numpy, protobuf, scikit-learn, pytest and hypothesis.
# There, first_card.sh does the rest.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(command -v "${1:-python3.12}")
tag=$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
rm -rf .card
mkdir -p .card/wheels
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m venv "$work/venv"
.ci/pycuda "$work/venv/bin/python"                          # 90 s, unless its wheel is kept
cp "${XDG_CACHE_HOME:-$HOME/.cache}"/goodinit-pycuda-*/pycuda-*-"$tag"-*.whl .card/wheels/
needed=(pytools typing-extensions siphash24 platformdirs mako markupsafe)       # of PyCUDA
needed+=(cuda-pathfinder pillow tqdm lmdb plyvel h5py)
"$work/venv/bin/pip" download -q --no-deps --only-binary=:all: -d .card/wheels "${needed[@]}"

git archive --prefix goodinit/ HEAD | tar -x -C "$work"
"$work/venv/bin/pip" install -q 'setuptools>=77'
(cd "$work/goodinit" && "$work/venv/bin/python" setup.py -q build_ext --inplace)        # 50 s
strip -o .card/_kernels.so "$work/goodinit/netlib/engines/fast/_kernels.so"
du -sh .card
