#!/usr/bin/env python3
"""Damage files of every kind that goodinit reads, and read them.

    tests/fuzz.py 200000                 so many cases, spread over all kinds
    tests/fuzz.py 2000 --kind lmdb       of one kind
    tests/fuzz.py --kind lmdb --seed 17  one case, in this process, with its traceback

A finding is an exception that is no GoodinitError, a death by a signal, or ten seconds of work.
Each is printed once for each place in the code, with the kind and the seed that bring it back.
Cases run in forked processes with 4 GiB of address space. The exit status is 1 if there are
findings.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / 'helpers'), str(HERE.parent)]

from fuzz_kinds import KINDS  # noqa: E402
from fuzzing import Fuzzer, run_case  # noqa: E402


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('cases', nargs='?', type=int, default=0)
    parser.add_argument('--kind', choices=sorted(KINDS))
    parser.add_argument('--seed', type=int)
    parser.add_argument('--first', type=int, default=0, help='the first seed')
    args = parser.parse_args(argv)
    if args.seed is not None:
        return run_case(args.kind, args.seed)
    kinds = [args.kind] if args.kind else sorted(KINDS)
    began = time.monotonic()
    found = Fuzzer(kinds, args.first).run(args.cases)
    seconds = time.monotonic() - began
    report(found, seconds)
    return 1 if found.findings else 0


def report(found, seconds):
    for finding in found.findings.values():
        print(finding)
    for name, outcomes in sorted(found.outcomes.items()):
        counts = ', '.join(f'{n} {outcome}' for outcome, n in sorted(outcomes.items()))
        print(f'{name:16} {counts}')
    total = sum(found.outcomes.values(), Counter())
    print(f'{total.total()} cases in {seconds:.0f} s: {dict(total)}')


if __name__ == '__main__':
    sys.exit(main())
