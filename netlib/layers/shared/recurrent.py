"""Shared by RNN and LSTM: steps through time, and a state carried from batch to batch."""

from typing import Any

from ....proto.caffe_pb2 import LayerParameter
from ...blob import Blob
from ...memory import Tensor
from ...shapes import Shape, count
from ..base import Blobs, Flags
from ..traits import Traits
from .unrolled import Unrolled


class Recurrent(Unrolled):
    """A layer that steps through time; a subclass defines the step.

    bottom  x     (T, N, ...)       step t of N independent streams, as K numbers each
            cont  (T, N)            0 where a new sequence starts in a stream: the state before that
                                    step counts as 0; else 1
            s     (N, ...)          optional: an input to all steps, as S numbers
            the states before the first step, (1, N, D) each, with expose_hidden
    top     y     (T, N, D)         D = num_output
            the states after the last step, (1, N, D) each, with expose_hidden

    Before its nonlinearities, a step computes `gates` maps of D outputs each. The rows of the
    weights hold the gates in order:

        gate = W_x x_t + b + W_s s + W_h (cont_t h_{t-1})

    Without expose_hidden, the state is carried from one forward pass to the next unless N changes.
    As in Caffe, gradients stop at the batch boundary: initial states get none, and diffs of the
    final states' tops are ignored. Caffe fixes T when a net is built; here it may change.
    """

    traits = Traits(indices=(1,), starts=(1,))
    states: tuple[str, ...] = ('h',)
    forget_gate: int | None = None  # the number of the gate that lets a state last

    def __init__(self, param: LayerParameter, *context: Any):
        super().__init__(param, *context)
        self.exposed = n = len(self.states) if param.recurrent_param.expose_hidden else 0
        self.static = len(param.bottom) > 2 + n
        self.bottoms, self.tops = (2 + n, 3 + n), 1 + n
        first_state = 2 + self.static
        self.no_gradient = (1, *range(first_state, first_state + n))

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.recurrent_param
        if not p.num_output:
            raise self.error('num_output must be positive')
        self.D, rows = p.num_output, self.gates * p.num_output
        self.x_shape = bottom[0].shape[2:]
        self.s_shape = bottom[2].shape[1:] if self.static else ()
        self.W_x = self.add_param((rows, count(self.x_shape)), p.weight_filler)
        self.b = self.add_param((rows,), p.bias_filler)
        if self.static:
            self.W_s = self.add_param((rows, count(self.s_shape)), p.weight_filler)
        self.W_h = self.add_param((rows, self.D), p.weight_filler)
        self.carried: list[Blob] = []

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        if bottom[0].axes < 2:
            raise self.error(
                'bottom[0] must have at least 2 axes -- (#timesteps, #streams, ...); found '
                f"'{bottom[0].name}' {bottom[0].shape_text}"
            )
        self.T, self.N = bottom[0].shape[:2]
        state = (1, self.N, self.D)
        self.check_shapes(bottom, state)
        top[0].reshape(self.T, self.N, self.D)
        for blob in top[1:]:
            blob.reshape(*state)
        if [blob.shape for blob in self.carried] != [state] * len(self.states):
            self.carried = [Blob(name, state, self.engine.dtype) for name in self.states]

    def check_shapes(self, bottom: Blobs, state: Shape) -> None:
        """Raises LayerError for a bottom with the wrong shape."""
        T, N = self.T, self.N
        needed: list[Shape] = [(T, N, *self.x_shape), (T, N)]
        if self.static:
            needed.append((N, *self.s_shape))
        needed += [state] * self.exposed
        for blob, shape in zip(bottom, needed, strict=True):
            if blob.shape != shape:
                raise self.error(
                    f"bottom '{blob.name}': found {blob.shape_text}, needed "
                    f'{" ".join(map(str, shape))}, for {T} steps of {N} streams'
                )

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, cont, gates = self.engine, self.cont(bottom), self.all_gates('gates')
        first = bottom[-self.exposed :] if self.exposed else self.carried
        last = top[1:] if self.exposed else self.carried
        for name, blob in zip(self.states, first, strict=True):
            e.copy(blob.values, out=self.before(name, 0))
        self.add_inputs(bottom, gates)
        for t in range(self.T):
            h = self.sequence('cont h')[t]
            gate = [gate[t] for gate in gates]
            e.binary('mul', self.before('h', t), cont[t], out=h)
            self.multiply(h, self.W_h, out=gate, accumulate=True)
            self.step(t, cont[t], gate)
        for name, blob in zip(self.states, last, strict=True):
            e.copy(self.before(name, self.T), out=blob.values)
        self.give_output(top[0])

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[1]:
            raise self.error('Cannot backpropagate to sequence indicators.')
        e, cont, dgates = self.engine, self.cont(bottom), self.all_gates('dgates')
        dy = self.take_output(top[0])
        dstates = [self.buffer(f'd{name}', self.N, self.D) for name in self.states]
        for dstate in dstates:
            e.fill(0, out=dstate)
        dh = dstates[0]
        for t in reversed(range(self.T)):
            dgate = [dgate[t] for dgate in dgates]
            e.binary('add', dh, dy[t], out=dh)
            self.step_backward(t, cont[t], dstates, dgate)
            self.multiply_backward(self.W_h, dgate, dx=dh)
            e.binary('mul', dh, cont[t], out=dh)
        self.input_gradients(bottom, propagate_down, dgates)

    def state(self) -> dict[str, Any]:
        carried = [blob.values.array().copy() for blob in self.carried]
        return super().state() | {'carried': carried}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.carried = []
        for name, values in zip(self.states, state['carried'], strict=True):
            blob = Blob(name, values.shape, self.engine.dtype)
            blob.data = values
            self.carried.append(blob)

    def step(self, t: int, cont: Tensor, gates: list[Tensor]) -> None:
        """Compute the states after step t from its affine maps `gates`, which it may change."""
        raise NotImplementedError

    def step_backward(
        self, t: int, cont: Tensor, dstates: list[Tensor], dgates: list[Tensor]
    ) -> None:
        """Compute dgates of step t from dstates, the gradients by the states after it.

        For states other than h, the gradients by the states before it replace those in dstates.
        """
        raise NotImplementedError

    def give_output(self, y: Blob) -> None:
        """The top's values, from the states of all steps."""
        self.engine.copy(self.sequence('h'), out=y.values)

    def take_output(self, y: Blob) -> Tensor:
        """The gradient (T, N, D) by h that comes from the top. Also adds the gradients by the
        parameters between h and the top."""
        return y.diffs
