from ..memory import Tensor
from ..registry import register
from .lstm_unit import step, step_backward
from .shared.recurrent import Recurrent


@register
class LSTM(Recurrent):
    """Long short-term memory, with the gates i, f, o, g

    a   = W_x x_t + b + W_s s + W_h (cont_t h_{t-1})            for each gate
    c_t = cont_t sigmoid(a_f) c_{t-1} + sigmoid(a_i) tanh(a_g)
    y_t = h_t = sigmoid(a_o) tanh(c_t)

    bottom  x    (T, N, ...)
            cont (T, N)
            s    (N, ...)           optional
            h_0, c_0 (1, N, D)      with expose_hidden
    params  W_x  (4 D, K)           rows in the order of the gates, here and below
            b    (4 D,)
            W_s  (4 D, S)           with s
            W_h  (4 D, D)
    top     y    (T, N, D)
            h_T, c_T (1, N, D)      with expose_hidden

    Recurrent explains the blobs. Source: Hochreiter & Schmidhuber 1997, with the forget gate of
    Gers et al. 2000; BVLC Caffe's lstm_layer.
    """

    gates = 4
    states = ('h', 'c')
    forget_gate = 1

    def step(self, t: int, cont: Tensor, gates: list[Tensor]) -> None:
        step(
            self.engine,
            cont,
            self.before('c', t),
            gates,
            c=self.sequence('c')[t],
            tanh_c=self.sequence('tanh c')[t],
            h=self.sequence('h')[t],
        )

    def step_backward(
        self, t: int, cont: Tensor, dstates: list[Tensor], dgates: list[Tensor]
    ) -> None:
        dh, dc = dstates
        gates = [gate[t] for gate in self.all_gates('gates')]
        tanh_c = self.sequence('tanh c')[t]
        before = self.before('c', t)
        step_backward(self.engine, cont, before, gates, tanh_c, dh, dc=dc, dgates=dgates)
