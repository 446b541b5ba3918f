from ..blob import Blob
from ..memory import Tensor
from ..registry import register
from .base import Blobs
from .shared.recurrent import Recurrent


@register
class RNN(Recurrent):
    """h_t = tanh(W_x x_t + b + W_s s + W_h (cont_t h_{t-1})),  y_t = tanh(W_o h_t + b_o)

    bottom  x    (T, N, ...)
            cont (T, N)
            s    (N, ...)           optional
            h_0  (1, N, D)          with expose_hidden
    params  W_x  (D, K)
            b    (D,)
            W_s  (D, S)             with s
            W_h  (D, D)
            W_o  (D, D)
            b_o  (D,)
    top     y    (T, N, D)
            h_T  (1, N, D)          with expose_hidden

    Recurrent explains the blobs. Source: BVLC Caffe's rnn_layer.
    """

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        super().setup(bottom, top)
        p = self.param.recurrent_param
        self.W_o = self.add_param((self.D, self.D), p.weight_filler)
        self.b_o = self.add_param((self.D,), p.bias_filler)

    def step(self, t: int, cont: Tensor, gates: list[Tensor]) -> None:
        self.engine.unary('tanh', gates[0], out=self.sequence('h')[t])

    def step_backward(
        self, t: int, cont: Tensor, dstates: list[Tensor], dgates: list[Tensor]
    ) -> None:
        h = self.sequence('h')[t]
        self.engine.unary_backward('tanh', h, h, dstates[0], out=dgates[0])

    def give_output(self, y: Blob) -> None:
        e, rows = self.engine, self.sequence('y').reshape(1, -1, self.D)
        self.multiply(self.sequence('h').reshape(-1, self.D), self.W_o, out=rows)
        e.binary('add', rows, self.b_o.values.reshape(1, 1, self.D), out=rows)
        e.unary('tanh', rows, out=rows)
        e.copy(rows, out=y.values)

    def take_output(self, y: Blob) -> Tensor:
        e, out, dout = self.engine, self.sequence('y'), self.sequence('dy')
        dh = self.sequence('dh by y')
        e.unary_backward('tanh', out, out, y.diffs, out=dout)
        rows, h = dout.reshape(1, -1, self.D), self.sequence('h').reshape(-1, self.D)
        self.multiply_backward(self.W_o, rows, x=h, dx=dh.reshape(-1, self.D))
        if self.b_o.learns:
            e.sum(rows, out=self.b_o.diffs.reshape(1, 1, self.D), accumulate=True)
        return dh
