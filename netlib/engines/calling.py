"""How an op is called: a layer passes tensors, and the engine computes on its arrays."""

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from math import prod
from typing import Any, Concatenate, NoReturn, ParamSpec, Protocol, Self, overload

import numpy as np

from ..errors import EngineError, did_you_mean
from ..memory import Memory, Tensor
from .block import Block, Immediate

P = ParamSpec('P')
Method = Callable[..., None]

OPS: set[str] = set()  # the names of the ops that interface.py declares
# Outputs that an op always adds to.
ADDING = {
    ('conv_backward_weights', 'out'),
    ('conv_squared_gradients', 'out'),
    ('scale_shift_backward', 'dscale'),
    ('scale_shift_backward', 'dshift'),
    ('rectify_backward', 'dshift'),
    ('normalize_batch', 'stored_mean'),
    ('normalize_batch', 'stored_var'),
    ('normalize_batch', 'factor'),
    ('normalize_batch_backward', 'dscale'),
    ('normalize_batch_backward', 'dshift'),
}
# Ops that need not write all of an output.
KEEPING = {'axpby', 'copy_window'}


class Staging(Protocol):
    """Arrays for the next values of a tensor, which any thread may fill, in turn."""

    arrays: list[np.ndarray]

    def wait(self, turn: int) -> None:
        """Wait until the array of this turn may be filled again."""

    def send(self, turn: int, tensor: Tensor) -> None:
        """Set a tensor to what is in the array of this turn, which then has to stay for a while."""


class EngineBase:
    """An engine without its ops."""

    name = 'interface'
    dtype: np.dtype = np.dtype(np.float32)
    on_device = False  # whether reading a result on the host waits for the device
    can_record = False  # whether an op on the same arrays may be run again without its tensors
    recorder: list[Callable[[], None]] | None = None  # where ops are noted, to be run again

    def tensor(self, *shape: int) -> Tensor:
        """A new tensor of zeros."""
        return Tensor(shape, Memory(prod(shape), self.dtype))

    def room(self) -> int:
        """The bytes that may be set aside on the device for later; 0 without one."""
        return 0

    def release(self) -> None:
        """Free what ops have kept on the host to work in."""

    def blockwise(self: Block) -> AbstractContextManager[Block]:
        """A context for elementwise ops that the engine may defer to its end (block.py), so that
        it can run all of them on each part of the tensors while that part is in the cache."""
        return nullcontext(Immediate(self))

    def convolving(self, by: str) -> Self:
        """The engine for a layer whose field `engine` is 'DEFAULT', 'CAFFE' or 'CUDNN': this one,
        unless it has a choice."""
        return self

    def staging(self, tensor: Tensor) -> Staging | None:
        """Where other threads can put the next values of a tensor, so that the thread that computes
        need not copy them; None if they may as well be put into the tensor."""
        return None

    def number(self, tensor: Tensor) -> float:
        """The value of a tensor of one element, for a layer that decides by it what to do: so a
        recording ends."""
        self.recorder = None
        return tensor.item()

    def record(self, method: Method, read: list[Any], written: dict[str, Any]) -> None:
        """Run an op, and note in `recorder` what will run it again."""
        recorder, self.recorder = self.recorder, None  # the ops that this op calls are part of it
        try:
            method(self, *read, **written)
        finally:
            self.recorder = recorder
        if recorder is not None:
            recorder.append(functools.partial(method, self, *read, **written))

    def check_repeated(self) -> None:
        """Raises EngineError if an op that was run again has failed."""

    def reads(self, tensor: Tensor) -> Any:
        """The array that an op receives for a tensor that it reads."""
        return tensor.array()

    def writes(self, tensor: Tensor, keeps: bool = True) -> Any:
        """The array that an op receives for a tensor that it writes; `keeps`: some of its values,
        or adds to them."""
        return tensor.array(write=True, fetch=keeps)

    def __init_subclass__(cls, declares_ops: bool = False) -> None:
        for name, member in list(vars(cls).items()):
            if not declares_ops:
                check_member(cls, name, member)
            elif is_op(member):
                OPS.add(name)
                setattr(cls, name, missing(member))


def check_member(engine: type, name: str, member: object) -> None:
    """Raises EngineError for an op that interface.py does not declare, and for a method that has
    the name of an op but lacks @op."""
    if is_op(member) and name not in OPS:
        raise EngineError(
            f"{engine.__name__}: op '{name}' is not declared in interface.py"
            f'{did_you_mean(name, OPS)}'
        )
    if name in OPS and not is_op(member):
        raise EngineError(
            f"{engine.__name__}: method '{name}' implements an op: decorate it with @op"
        )


def is_op(member: object) -> bool:
    """Whether `with_arrays` has made this member of a class."""
    return getattr(member, 'is_op', False)


def with_arrays(method: Callable[..., None]) -> Callable[..., None]:
    """The op that calls `method` with its engine's arrays instead of tensors."""
    name = method.__name__

    @functools.wraps(method)
    def call(self, *inputs, **outputs):
        read = [self.reads(x) if isinstance(x, Tensor) else x for x in inputs]
        written = {
            k: self.writes(x, keeps(name, k, outputs)) if isinstance(x, Tensor) else x
            for k, x in outputs.items()
        }
        # `inputs` stay alive during the call: otherwise an output could get the memory of one.
        try:
            if self.recorder is None:
                method(self, *read, **written)
            else:
                self.record(method, read, written)
        except MemoryError as error:
            raise EngineError(
                f"op '{name}' of engine '{self.name}': not enough memory ({error}): use "
                'a smaller batch, window or padding'
            ) from error

    vars(call)['is_op'] = True
    return call


def keeps(op: str, output: str, outputs: Mapping[str, Any]) -> bool:
    """Whether an op needs what is in an output, all or a part of it."""
    return op in KEEPING or (op, output) in ADDING or bool(outputs.get('accumulate'))


def missing(declaration: Callable[..., None]) -> Callable[..., NoReturn]:
    """A stand-in for the op, in an engine that does not implement it."""

    @functools.wraps(declaration)
    def call(self, *inputs, **outputs):
        raise EngineError(f"op '{declaration.__name__}' is not in engine '{self.name}'")

    return call


Declaration = Callable[Concatenate[EngineBase, P], None]


# Layers see the declaration's signature; an implementation has arrays instead of tensors.
@overload
def op(method: Declaration[P]) -> Declaration[P]: ...
@overload
def op(method: Callable[..., None]) -> Any: ...
def op(method):
    """Marks a method as an op: declares it in Engine, implements it in an engine."""
    return with_arrays(method)
