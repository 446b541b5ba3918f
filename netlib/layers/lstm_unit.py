from ..engines import Engine
from ..memory import Tensor
from ..registry import register
from .base import Blobs, Flags
from .shared.blocks import Blocks
from .traits import FIXED

Gates = Tensor | list[Tensor]  # (4, ...): i, f, o, g
GATES = ('sigmoid', 'sigmoid', 'sigmoid', 'tanh')  # i, f, o, g


@register
class LSTMUnit(Blocks):
    """c' = cont sigmoid(f) c + sigmoid(i) tanh(g),  h' = sigmoid(o) tanh(c')

    bottom  c     (1, N, D)     the cell before the step
            gates (1, N, 4 D)   i, f, o, g in this order, before their nonlinearities
            cont  (1, N)        0 where a new sequence starts in a stream, else 1
    top     c'    (1, N, D)
            h'    (1, N, D)

    Source: BVLC Caffe's lstm_unit_layer.
    """

    bottoms, tops = 3, 2
    no_gradient = (2,)
    scaling = FIXED
    block_axis = 2

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        c, gates, cont = bottom
        if c.axes != 3 or c.shape[0] != 1:
            raise self.error(f"bottom '{c.name}': found {c.shape_text}, needed 1 N D")
        _, N, D = c.shape
        for blob, shape in ((gates, (1, N, 4 * D)), (cont, (1, N))):
            if blob.shape != shape:
                raise self.error(
                    f"bottom '{blob.name}': found {blob.shape_text}, needed "
                    f"{' '.join(map(str, shape))} with '{c.name}' {c.shape_text}"
                )
        for blob in top:
            blob.reshape(1, N, D)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        c, shape = bottom[0].values, bottom[0].shape
        gates, tanh_c = self.buffer('gates', 4, *shape), self.buffer('tanh c', *shape)
        self.cut(bottom[1].values, gates)
        new_c, new_h = top[0].values, top[1].values
        step(self.engine, self.cont(bottom), c, gates, c=new_c, tanh_c=tanh_c, h=new_h)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[2]:
            raise self.error('Cannot backpropagate to sequence indicators.')
        c, shape = bottom[0].values, bottom[0].shape
        dc = bottom[0].diffs if propagate_down[0] else self.buffer('dc', *shape)
        gates, dgates = self.buffer('gates', 4, *shape), self.buffer('dgates', 4, *shape)
        cont, tanh_c, dh = self.cont(bottom), self.buffer('tanh c', *shape), top[1].diffs
        self.engine.copy(top[0].diffs, out=dc)
        step_backward(self.engine, cont, c, gates, tanh_c, dh, dc=dc, dgates=dgates)
        if propagate_down[1]:
            self.join(dgates, bottom[1].diffs)

    def cont(self, bottom: Blobs) -> Tensor:
        return bottom[2].values.reshape(1, -1, 1)


def step(
    engine: Engine,
    cont: Tensor,
    c_before: Tensor,
    gates: Gates,
    *,
    c: Tensor,
    tanh_c: Tensor,
    h: Tensor,
) -> None:
    """One step of a long short-term memory: compute c, tanh(c) and h, and apply the nonlinearities
    of the four `gates` in place."""
    for gate, function in zip(gates, GATES, strict=True):
        engine.unary(function, gate, out=gate)
    i, f, o, g = gates
    engine.binary('mul', i, g, out=c)
    engine.binary('mul', f, c_before, out=h)  # h is scratch until the last line
    engine.binary('mul', h, cont, out=h)
    engine.binary('add', c, h, out=c)
    engine.unary('tanh', c, out=tanh_c)
    engine.binary('mul', o, tanh_c, out=h)


def step_backward(
    engine: Engine,
    cont: Tensor,
    c_before: Tensor,
    gates: Gates,
    tanh_c: Tensor,
    dh: Tensor,
    *,
    dc: Tensor,
    dgates: Gates,
) -> None:
    """The gradients of `step`: dc, the gradient by c, is replaced by that by c_before; dgates are
    the gradients before the nonlinearities."""
    (i, f, o, g), (di, df, do, dg) = gates, dgates
    engine.binary('mul', dh, tanh_c, out=do)
    engine.binary('mul', dh, o, out=dg)
    engine.unary_backward('tanh', tanh_c, tanh_c, dg, out=dg)
    engine.binary('add', dc, dg, out=dc)
    engine.binary('mul', dc, g, out=di)
    engine.binary('mul', dc, i, out=dg)
    engine.binary('mul', dc, cont, out=dc)
    engine.binary('mul', dc, c_before, out=df)
    engine.binary('mul', dc, f, out=dc)
    for gate, dgate, function in zip(gates, dgates, GATES, strict=True):
        engine.unary_backward(function, gate, gate, dgate, out=dgate)
