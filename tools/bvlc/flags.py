"""What the flags of `goodinit caffe` mean, for all of its actions."""

import argparse
import re
from collections.abc import Sequence

from ...netlib import Net
from ...solvers.log.glog import log
from ..cli.console import UsageError
from ..cli.gpu import CPU_ENGINE, device, engine_for, use_gpu


def check_given(value: str, message: str) -> None:
    """Raises UsageError, in Caffe's words, if a flag that an action needs is missing."""
    if not value:
        raise UsageError(message)


def parts(text: str) -> list[str]:
    """The parts of a list with commas, without spaces around them."""
    return [part for part in map(str.strip, text.split(',')) if part]


def stages(args: argparse.Namespace) -> list[str]:
    """The stages that -stage names."""
    return [stage for stage in args.stage.split(',') if stage]


def net_of(args: argparse.Namespace, phase: int, place: str) -> Net:
    """The net of -model in a phase, on the engine that -gpu asks for; `place` logs which."""
    engine = engine_for(args, logged_engine(args.gpu, place))
    return Net(args.model, phase, level=args.level, stages=stages(args), engine=engine)


def gpus(text: str) -> list[int]:
    """A type of GPUs: 0, or 0,1, or all, or none. Raises EngineError for `all` if there is none."""
    if text == 'all':
        return list(range(device().gpu_count()))
    if not re.fullmatch(r'(\d+(,\d+)*)?', text):
        raise argparse.ArgumentTypeError(f"found '{text}', needed: the number of a GPU, or all")
    return [int(number) for number in text.split(',') if number]


def engine_of(numbers: Sequence[int]) -> str:
    """The engine on the first of the GPUs, or the CPU's for none. Raises EngineError."""
    return use_gpu(numbers[0]) if numbers else CPU_ENGINE


def logged_engine(numbers: Sequence[int], place: str) -> str:
    """The engine, and a line in the log that says which it is."""
    for unused in numbers[:0:-1]:
        log(place, f'Not using GPU #{unused} for single-GPU function')
    if numbers:
        log(place, f'Use GPU with device ID {numbers[0]}')
    else:
        log(place, 'Use CPU.')
    return engine_of(numbers)
