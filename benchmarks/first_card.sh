#!/usr/bin/env bash
# What the first run on a card is to find out, in one command of at most LIMIT seconds: that all is
# there, our speed, PyTorch's, the tests, and what compute-sanitizer says.
#
#     benchmarks/pack_card.sh                 before, where there is a network
#     OUT=found benchmarks/first_card.sh      on the machine with the card
#     benchmarks/first_card.sh --emulated     a rehearsal in small, where there is none
#
# Without .card/ the Python on the PATH must have PyCUDA and all else. Each stage has a log in OUT,
# and an end of its own; summary.txt is the short of it, and dated JSON holds the numbers.
set -uo pipefail
cd "$(dirname "$0")/.."
emulated=${1:-}
export HERE=$PWD EMULATED=$emulated PYTHON=${PYTHON:-python3}
OUT=$(realpath -m "${OUT:-benchmarks/results/$(date -u +%Y-%m-%d-%H%M)-first-card}")
LIMIT=${LIMIT:-540}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export OUT WORK PYTHONUNBUFFERED=1 GOODINIT_REQUIRE_CUDA=1
export PYCUDA_CACHE_DIR=$WORK/cache PYTHONPATH=$WORK/site:$HERE${PYTHONPATH:+:$PYTHONPATH}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-8}
sanitizer=$(find /usr/local /opt -maxdepth 6 -name compute-sanitizer -type f 2>/dev/null | head -1)
export PATH=$PATH:/usr/local/cuda/bin${sanitizer:+:${sanitizer%/*}}
mkdir -p "$OUT" "$WORK/site" "$WORK/logs" "$PYCUDA_CACHE_DIR"
: > "$OUT/summary.txt"

stage() {                       # NAME SECONDS COMMAND...: at most so long, and never beyond LIMIT
    local name=$1 most=$2 begin=$SECONDS status
    shift 2
    most=$((most < LIMIT - SECONDS ? most : LIMIT - SECONDS))
    if [ "$most" -lt 5 ]; then
        echo "$name: no time left" | tee -a "$OUT/summary.txt"
        return 1
    fi
    timeout -k 5 "$most" "$@" > "$OUT/$name.log" 2>&1
    status=$?
    echo "$name: status $status, $((SECONDS - begin)) s" | tee -a "$OUT/summary.txt"
    return $status
}

installed() {                   # fails where something is missing that all else needs
    nvidia-smi
    nvcc --version
    "$PYTHON" -V
    command -v compute-sanitizer g++
    "$PYTHON" -m pip list 2>/dev/null | grep -iE '^(torch|numpy|protobuf|nvidia|cuda|py)'
    if [ -d .card ] && [ -z "$EMULATED" ]; then
        "$PYTHON" -m pip install -q --no-index --no-deps --no-compile --upgrade \
            --target "$WORK/site" .card/wheels/*.whl || return 1
        cp -n .card/_kernels.so netlib/engines/fast/
    fi
    "$PYTHON" -c 'import numpy, google.protobuf, sklearn, PIL, tqdm, pytest, hypothesis' || return 1
    [ -n "$EMULATED" ] && return
    "$PYTHON" -c 'import pycuda.compiler, cuda.pathfinder' || return 1
    "$PYTHON" -m goodinit.tools.caffe device_query
}

tests() {                       # a process for each file: a fault ends the context of its own alone
    local files=tests/gpu/test_cudnn_loading.py
    [ -n "$EMULATED" ] || files=$(files_with_cuda)
    xargs -P "$(nproc)" -I{} sh -c 'timeout --foreground 150 "$PYTHON" -m pytest -m cuda -W default \
        -p no:cacheprovider -rfE --tb=short {} > "$WORK/logs/$(basename {}).log" 2>&1' <<< "$files"
    ! grep -qsE '^(FAILED|ERROR)' "$WORK"/logs/*
}

files_with_cuda() {             # the files of tests that need a device
    "$PYTHON" -m pytest -m cuda --collect-only -qq -W default -p no:cacheprovider 2>/dev/null \
        | sed -n 's/^\(tests[^:]*\): [0-9]*$/\1/p' | grep -v emulated_device
}

logs_of_tests() {               # of all files, also of those cut short
    local log
    for log in "$WORK"/logs/*; do
        [ -e "$log" ] || continue
        echo "=== ${log##*/}"
        head -c 250000 "$log"
    done
}

counted_tests() {               # those that failed, and how many there are of each kind
    grep -hsE '^(FAILED|ERROR) ' "$WORK"/logs/* | sort -u
    grep -hsoE '[0-9]+ (passed|failed|errors?|skipped)' "$WORK"/logs/* \
        | awk '{ n[$2] += $1 } END { for (kind in n) print "TOTAL", n[kind], kind }'
}

sanitized() {                   # what the card's own checker finds: its four tools, at the same time
    command -v compute-sanitizer || { echo 'no compute-sanitizer: left out'; return; }
    export PYCUDA_DEFAULT_NVCC_FLAGS=-lineinfo
    checked memcheck tests/engines/test_engines.py &
    checked racecheck tests/gpu/test_cuda_reductions.py tests/gpu/test_cuda.py &
    checked synccheck tests/gpu/test_cuda_reductions.py tests/gpu/test_cuda.py &
    checked initcheck tests/gpu/test_cuda_reductions.py tests/gpu/test_cuda.py &
    wait
}

checked() {                     # TOOL FILE...: the tests of these files under one of its tools
    local tool=$1 log
    shift
    log=$(timeout 100 compute-sanitizer --tool "$tool" --print-limit 20 "$PYTHON" -m pytest -q \
        -m cuda -W default -p no:cacheprovider "$@" 2>&1)
    printf '== %s: status %s\n%s\n' "$tool" $? "$log"
}

export -f installed tests files_with_cuda sanitized checked
measure=("$PYTHON" benchmarks/first_card.py)
stage installed 90 bash -c installed || exit 1
stage ours 200 "${measure[@]}" ours --out "$OUT" $emulated
stage torch 100 "${measure[@]}" torch --out "$OUT" $emulated
stage tests 170 bash -c tests
logs_of_tests >> "$OUT/tests.log"
stage sanitized 110 bash -c sanitized
{
    grep -hoE '(CUDA driver|cuBLAS|cuDNN) version.*' "$OUT/installed.log"
    counted_tests
    grep -hsE 'SUMMARY|left out' "$OUT/sanitized.log"
    grep -hs ': ' "$OUT/ours.log" "$OUT/torch.log"
} | tee -a "$OUT/summary.txt"
