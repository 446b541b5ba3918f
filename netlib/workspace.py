"""The tensors that a layer uses in addition to its blobs, and the copies it keeps."""

from __future__ import annotations

from .blob import Blob
from .engines import Engine
from .memory import Tensor


class Workspace:
    """A layer's tensors: buffers, which last from call to call, and scratch, which all layers of a
    net share.

    If a layer works in place, backward needs a copy of what forward read or wrote. These copies are
    buffers too. The net's plan sets three attributes:

    forward_only    no backward pass follows, so nothing is kept for it
    reader          the workspace of an in-place layer on our top that keeps its input; that input
                    is our output, so one copy serves both
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
        """A tensor of the layer's own, kept from call to call until its shape changes."""
        return self._tensor(self.buffers, name, shape)

    def scratch(self, name: str, *shape: int) -> Tensor:
        """A temporary tensor, valid until this call ends; other layers reuse its memory."""
        return self._tensor(self.shared_scratch, name, shape)

    def for_backward(self, name: str, *shape: int) -> Tensor:
        """A tensor that forward keeps for backward: a buffer, or scratch if no backward follows."""
        if self.forward_only:
            return self.scratch(name, *shape)
        return self.buffer(name, *shape)

    def free(self) -> None:
        """Release the memory of the buffers; the next forward allocates them again."""
        self.buffers.clear()

    # -- copies, for layers that work in place

    def keep_input(self, x: Blob, y: Blob) -> Tensor:
        """The tensor for forward to read; in place, a copy of x that backward will need."""
        if x is y and not self.forward_only and not self.input_is_kept:
            self.engine.copy(x.values, out=self.buffer('input', *x.shape))
        return self.kept_input(x, y)

    def kept_input(self, x: Blob, y: Blob) -> Tensor:
        """The values of x that forward read, after `keep_input`."""
        if x is y and not self.forward_only:
            return self.buffer('input', *x.shape)
        return x.values

    def output_place(self, y: Blob) -> Tensor:
        """Where forward writes y: directly into the copy that the reader keeps, if any."""
        return self.reader.buffer('input', *y.shape) if self.reader else y.values

    def output_copy(self, x: Blob, y: Blob) -> Tensor | None:
        """Where forward also writes y, if x alone will not give it back: an in-place layer above
        may overwrite y."""
        if x is y and not self.reader and not self.forward_only:
            return self.buffer('output', *y.shape)
        return None

    def kept_output(self, x: Blob, y: Blob) -> Tensor | None:
        """The values of y that forward wrote; None if none were kept because x still gives them."""
        if self.reader:
            return self.reader.buffer('input', *y.shape)
        return self.buffer('output', *y.shape) if x is y else None

    def _tensor(self, blobs: dict[str, Blob], name: str, shape: tuple[int, ...]) -> Tensor:
        if name not in blobs:
            blobs[name] = Blob(name, shape, self.engine.dtype)
        elif blobs[name].shape != shape:
            blobs[name].reshape(*shape)
        return blobs[name].values
