"""A recurrent layer's sequences, kept whole for the backward pass, and what is computed for all
steps at once."""

from .gated import Gated


class Unrolled(Gated):
    """T steps of N streams: buffers (T, N, D) that hold what each step makes, and the parts of the
    gates that do not depend on a step before. Recurrent says what the letters mean."""

    def add_inputs(self, bottom, gates):
        """gates = all that does not depend on the state, for all steps at once."""
        e, G, T, N, D = self.engine, self.gates, self.T, self.N, self.D
        rows = gates.reshape(G, T * N, D)
        self.multiply(bottom[0].values.reshape(T * N, -1), self.W_x, out=rows)
        e.binary('add', rows, self.b.values.reshape(G, 1, D), out=rows)
        if self.static:
            s = self.buffer('static', G, N, D)
            self.multiply(bottom[2].values.reshape(N, -1), self.W_s, out=s)
            gates = gates.reshape(G, T, N * D)
            e.binary('add', gates, s.reshape(G, 1, N * D), out=gates)

    def input_gradients(self, bottom, propagate_down, dgates):
        """The gradients by the parameters of the gates, x and s, for all steps at once."""
        e, G, T, N, D = self.engine, self.gates, self.T, self.N, self.D
        rows = dgates.reshape(G, T * N, D)
        dx = bottom[0].diffs.reshape(T * N, -1) if propagate_down[0] else None
        self.multiply_backward(self.W_x, rows, x=bottom[0].values.reshape(T * N, -1), dx=dx)
        self.multiply_backward(self.W_h, rows, x=self.sequence('cont h').reshape(T * N, D))
        if self.b.learns:
            e.sum(rows, out=self.b.diffs.reshape(G, 1, D), accumulate=True)
        if self.static:
            ds = self.buffer('static', G, N, D)
            e.sum(dgates.reshape(G, T, N * D), out=ds.reshape(G, 1, N * D))
            dx = bottom[2].diffs.reshape(N, -1) if propagate_down[2] else None
            self.multiply_backward(self.W_s, ds, x=bottom[2].values.reshape(N, -1), dx=dx)

    def cont(self, bottom):
        return bottom[1].values.reshape(self.T, self.N, 1)

    def all_gates(self, name):
        """A buffer for the gates of all steps: (gates, T, N, D)."""
        return self.buffer(name, self.gates, self.T, self.N, self.D)

    def sequence(self, name):
        """A buffer for all steps, such as 'h': the state after each."""
        return self.buffer(name, self.T, self.N, self.D)

    def before(self, state, t):
        """A state before step t."""
        return self.sequence(state)[t - 1] if t else self.buffer(f'{state} before', self.N, self.D)
