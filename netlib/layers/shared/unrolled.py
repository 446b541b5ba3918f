"""A recurrent layer's sequences, kept for the backward pass, and its computations for all steps at
once."""

from ...blob import Param
from ...memory import Tensor
from ..base import Blobs, Flags
from .gated import Gated


class Unrolled(Gated):
    """T steps of N streams: buffers (T, N, D) with the results of each step, and the parts of the
    gates that do not depend on earlier steps. Recurrent explains the letters."""

    T: int
    N: int
    static: bool
    W_x: Param
    W_s: Param
    W_h: Param
    b: Param

    def add_inputs(self, bottom: Blobs, gates: Tensor) -> None:
        """gates = the terms that do not depend on the state, for all steps at once."""
        e, T, N, D = self.engine, self.T, self.N, self.D
        rows = gates.reshape(self.gates, T * N, D)
        x = bottom[0].values.reshape(T * N, self.W_x.shape[1])
        self.multiply(x, self.W_x, out=rows)
        e.binary('add', rows, self.b.values.reshape(self.gates, 1, D), out=rows)
        if self.static:
            part = self.buffer('static', self.gates, N, D)
            s = bottom[2].values.reshape(N, self.W_s.shape[1])
            self.multiply(s, self.W_s, out=part)
            all_steps = gates.reshape(self.gates, T, N * D)
            e.binary('add', all_steps, part.reshape(self.gates, 1, N * D), out=all_steps)

    def input_gradients(self, bottom: Blobs, propagate_down: Flags, dgates: Tensor) -> None:
        """The gradients by the parameters of the gates, x and s, for all steps at once."""
        T, N, D = self.T, self.N, self.D
        rows = dgates.reshape(self.gates, T * N, D)
        x, h = (
            bottom[0].values.reshape(T * N, self.W_x.shape[1]),
            self.sequence('cont h').reshape(T * N, D),
        )
        dx = bottom[0].diffs.reshape(T * N, self.W_x.shape[1]) if propagate_down[0] else None
        self.multiply_backward(self.W_x, rows, x=x, dx=dx)
        self.multiply_backward(self.W_h, rows, x=h)
        if self.b.learns:
            db = self.b.diffs.reshape(self.gates, 1, D)
            self.engine.sum(rows, out=db, accumulate=True)
        if self.static:
            self.static_gradients(bottom, propagate_down, dgates)

    def static_gradients(self, bottom: Blobs, propagate_down: Flags, dgates: Tensor) -> None:
        """The gradients by W_s and s, which all steps see."""
        T, N, D = self.T, self.N, self.D
        part = self.buffer('static', self.gates, N, D)
        all_steps = dgates.reshape(self.gates, T, N * D)
        self.engine.sum(all_steps, out=part.reshape(self.gates, 1, N * D))
        s = bottom[2].values.reshape(N, self.W_s.shape[1])
        ds = bottom[2].diffs.reshape(N, self.W_s.shape[1]) if propagate_down[2] else None
        self.multiply_backward(self.W_s, part, x=s, dx=ds)

    def cont(self, bottom: Blobs) -> Tensor:
        return bottom[1].values.reshape(self.T, self.N, 1)

    def all_gates(self, name: str) -> Tensor:
        """A buffer for the gates of all steps: (gates, T, N, D)."""
        return self.buffer(name, self.gates, self.T, self.N, self.D)

    def sequence(self, name: str) -> Tensor:
        """A buffer for all steps, such as 'h', the state after each step."""
        return self.buffer(name, self.T, self.N, self.D)

    def before(self, state: str, t: int) -> Tensor:
        """A state, before step t."""
        if t == 0:
            return self.buffer(f'{state} before', self.N, self.D)
        return self.sequence(state)[t - 1]
