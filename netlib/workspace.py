"""The tensors that a layer computes with beside its blobs, and what it keeps of them."""

from __future__ import annotations

from .blob import Blob
from .engines import Engine
from .memory import Tensor


class Workspace:
    """A layer's tensors: buffers, which last from call to call, and scratch, which all layers of a
    net share.

    Where a layer works in place, backward needs a copy of what forward read or wrote; the copies
    are buffers too. The net's plan sets the three attributes:

    forward_only    no backward pass follows, so nothing is kept for it
    reader          the workspace of a layer in place on our top that keeps its input, which is
                    what we write: one copy serves both
    input_is_kept   our input is already in our buffer: the layer below wrote it there
    """

    def __init__(self, engine: Engine, scratch: dict[str, Blob] | None = None):
        self.engine = engine
        self.buffers: dict[str, Blob] = {}
        self.shared_scratch = {} if scratch is None else scratch
        self.forward_only = False
        self.reader: Workspace | None = None
        self.input_is_kept = False

    def buffer(self, name: str, *shape: int) -> Tensor:
        """A tensor of the layer's own, kept from call to call while its shape stays."""
        return self._tensor(self.buffers, name, shape)

    def scratch(self, name: str, *shape: int) -> Tensor:
        """A tensor to compute with until this call ends; other layers then write there."""
        return self._tensor(self.shared_scratch, name, shape)

    def for_backward(self, name: str, *shape: int) -> Tensor:
        """A tensor that forward leaves for backward: a buffer, or scratch where none follows."""
        if self.forward_only:
            return self.scratch(name, *shape)
        return self.buffer(name, *shape)

    def free(self) -> None:
        """Give the memory of the buffers back; they return at the next forward."""
        self.buffers.clear()

    # -- copies, for layers that work in place

    def keep_input(self, x: Blob, y: Blob) -> Tensor:
        """The tensor that forward is to read; in place, a copy of x that backward will need."""
        if x is y and not self.forward_only and not self.input_is_kept:
            self.engine.axpby(1, x.values, 0, out=self.buffer('input', *x.shape))
        return self.kept_input(x, y)

    def kept_input(self, x: Blob, y: Blob) -> Tensor:
        """The values of x that forward read, after `keep_input`."""
        if x is y and not self.forward_only:
            return self.buffer('input', *x.shape)
        return x.values

    def output_place(self, y: Blob) -> Tensor:
        """Where forward writes y: straight into the copy that the reader keeps, if there is one."""
        return self.reader.buffer('input', *y.shape) if self.reader else y.values

    def keep_output(self, x: Blob, y: Blob) -> None:
        """Copy y, which a layer in place above may overwrite, if x will not tell it any more."""
        if x is y and not self.reader and not self.forward_only:
            self.engine.axpby(1, y.values, 0, out=self.buffer('output', *y.shape))

    def kept_output(self, x: Blob, y: Blob) -> Tensor | None:
        """The values of y that forward wrote; None where nobody kept them, and x still tells."""
        if self.reader:
            return self.reader.buffer('input', *y.shape)
        return self.buffer('output', *y.shape) if x is y else None

    def _tensor(self, blobs: dict[str, Blob], name: str, shape: tuple[int, ...]) -> Tensor:
        if name not in blobs:
            blobs[name] = Blob(name, shape, self.engine.dtype)
        elif blobs[name].shape != shape:
            blobs[name].reshape(*shape)
        return blobs[name].values
