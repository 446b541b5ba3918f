from ..registry import register
from .base import Blobs, Layer
from .shared.folding import fold_tensors
from .traits import EQUAL, PRODUCT, Traits


@register
class Eltwise(Layer):
    """Several blobs of one shape, element by element

    SUM   y = sum of coeff_i x_i    dx_i = coeff_i dy
    PROD  y = product of x_i        dx_i = dy times the product of the others, or with stable_prod_grad: false
                                    dy y / x_i, which is nan where x_i is 0
    MAX   y = the largest           dx_i = dy where x_i won, else 0

    Of two equal values bottom 1 wins against bottom 0; later bottoms must be larger to win.

    bottom  x_i  (...)      two or more
    top     y    (...)

    Source: BVLC Caffe's eltwise_layer.
    """

    bottoms = (2, None)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.eltwise_param
        if p.coeff and len(p.coeff) != len(bottom):
            raise self.error(
                f'Eltwise Layer takes one coefficient per bottom blob. Found {len(p.coeff)} for '
                f'{len(bottom)} bottoms'
            )
        if p.coeff and p.operation != p.SUM:
            raise self.error('Eltwise layer only takes coefficients for summation.')
        self.coeff = list(p.coeff) or [1] * len(bottom)
        self.scaling = PRODUCT if p.operation == p.PROD else EQUAL
        self.traits = Traits(
            can_rectify=p.operation != p.MAX,
            passes_diff=len(bottom) - 1 if p.operation == p.SUM else None,
            reads_top=p.operation == p.PROD and not p.stable_prod_grad,
        )

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        for i, blob in enumerate(bottom):
            if blob.shape != bottom[0].shape:
                raise self.error(
                    f'bottom[0]: {bottom[0].shape_text}, bottom[{i}]: {blob.shape_text}; all bottoms '
                    f"must be of one shape ('{bottom[0].name}', '{blob.name}')"
                )
        top[0].reshape(*bottom[0].shape)
        self.n = bottom[0].count

    def forward(self, bottom: Blobs, top: Blobs, rectify: bool = False) -> None:
        e, p, y = self.engine, self.param.eltwise_param, top[0].values
        if p.operation == p.MAX:
            pieces = self.buffer('pieces', 1, len(bottom), self.n)
            for i, x in enumerate(bottom):
                e.axpby(1, x.values.reshape(self.n), 0, out=pieces[0][i])
            e.max_forward(pieces, out=y.reshape(1, self.n), winner=self.buffer('winner', 1, self.n))
            return
        with e.blockwise():
            if p.operation == p.PROD:
                fold_tensors(e, 'mul', [b.values for b in bottom], y)
            elif set(self.coeff) == {1}:
                fold_tensors(e, 'add', [b.values for b in bottom], y)
            else:
                for i, x in enumerate(bottom):
                    e.axpby(self.coeff[i], x.values, 1 if i else 0, out=y)
            if rectify:
                e.unary('relu', y, 0, out=y)

    def backward(self, top: Blobs, propagate_down: list[bool], bottom: Blobs) -> None:
        e, p, dy = self.engine, self.param.eltwise_param, top[0].diffs
        pieces = self.buffer('pieces', 1, len(bottom), self.n) if p.operation == p.MAX else None
        if pieces:
            e.max_backward(dy.reshape(1, self.n), self.buffer('winner', 1, self.n), out=pieces)
        for i, (blob, wanted) in enumerate(zip(bottom, propagate_down, strict=True)):
            if wanted and pieces:
                e.axpby(1, pieces[0][i], 0, out=blob.diffs.reshape(self.n))
            elif wanted and p.operation == p.SUM:
                e.axpby(self.coeff[i], dy, 0, out=blob.diffs)
            elif wanted and p.stable_prod_grad:
                fold_tensors(
                    e, 'mul', [dy] + [b.values for b in bottom if b is not blob], blob.diffs
                )
            elif wanted:
                e.binary('div', top[0].values, blob.values, out=blob.diffs)
                e.binary('mul', blob.diffs, dy, out=blob.diffs)
