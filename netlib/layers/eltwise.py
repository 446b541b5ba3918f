from ..blob import Blob
from ..memory import Tensor
from ..registry import register
from .base import Blobs, Flags, Layer
from .shared.folding import fold_tensors
from .traits import EQUAL_BY_CHANNEL, PASSES, PRODUCT_BY_CHANNEL, Traits


@register
class Eltwise(Layer):
    """Combine blobs of the same shape, element by element

    SUM   y = sum of coeff_i x_i    dx_i = coeff_i dy
    PROD  y = product of x_i        dx_i = dy times the product of the others; with
                                    stable_prod_grad: false dy y / x_i, which is nan where x_i is 0
    MAX   y = the largest           dx_i = dy where x_i is the winner, else 0

    If values tie, bottom 1 wins against bottom 0; later bottoms must be strictly larger to win.

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
        product = p.operation == p.PROD
        self.scaling = PRODUCT_BY_CHANNEL if product else EQUAL_BY_CHANNEL
        self.traits = Traits(
            can_rectify=p.operation != p.MAX,
            can_rectify_back=p.operation == p.SUM,
            passes_diff=len(bottom) - 1 if p.operation == p.SUM else None,
            reads_top=p.operation == p.PROD and not p.stable_prod_grad,
            by_sample=True,
            repeats=PASSES,
        )

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        for i, blob in enumerate(bottom):
            if blob.shape != bottom[0].shape:
                raise self.error(
                    f'bottom[0]: {bottom[0].shape_text}, bottom[{i}]: {blob.shape_text}; all '
                    f"bottoms must have the same shape ('{bottom[0].name}', '{blob.name}')"
                )
        top[0].reshape(*bottom[0].shape)
        self.n = bottom[0].count

    def forward(self, bottom: Blobs, top: Blobs, rectify: bool = False) -> None:
        e, p, y = self.engine, self.param.eltwise_param, top[0].values
        if p.operation == p.MAX:
            self.find_largest(bottom, y)
            return
        values = [blob.values for blob in bottom]
        with e.blockwise() as block:
            if p.operation == p.PROD:
                fold_tensors(block, 'mul', values, y)
            elif set(self.coeff) == {1}:
                fold_tensors(block, 'add', values, y)
            else:
                for i, x in enumerate(values):
                    block.axpby(self.coeff[i], x, 1 if i else 0, out=y)
            if rectify:
                block.unary('relu', y, 0, out=y)

    def find_largest(self, bottom: Blobs, y: Tensor) -> None:
        """MAX: compute y, and store each element's winning bottom in a buffer."""
        e, pieces = self.engine, self.pieces(len(bottom))
        for i, x in enumerate(bottom):
            e.copy(x.values.reshape(self.n), out=pieces[0][i])
        e.max_forward(pieces, out=y.reshape(1, self.n), winner=self.winner)

    def backward(
        self, top: Blobs, propagate_down: Flags, bottom: Blobs, rectify: bool = False
    ) -> None:
        """With `rectify`, which SUM allows: y has gone through ReLU."""
        e, p, dy = self.engine, self.param.eltwise_param, top[0].diffs
        if p.operation == p.SUM:
            self.add_backward(top[0], propagate_down, bottom, rectify)
            return
        if p.operation == p.MAX:
            pieces = self.pieces(len(bottom))
            e.max_backward(dy.reshape(1, self.n), self.winner, out=pieces)
        for i, (blob, wanted) in enumerate(zip(bottom, propagate_down, strict=True)):
            if not wanted:
                continue
            if p.operation == p.MAX:
                e.copy(pieces[0][i], out=blob.diffs.reshape(self.n))
            elif p.stable_prod_grad:
                others = [other.values for other in bottom if other is not blob]
                fold_tensors(e, 'mul', [dy, *others], blob.diffs)
            else:
                e.binary('div', top[0].values, blob.values, out=blob.diffs)
                e.binary('mul', blob.diffs, dy, out=blob.diffs)

    def add_backward(self, top: Blob, propagate_down: Flags, bottom: Blobs, rectify: bool) -> None:
        """SUM: dx_i = coeff_i dy. The last dx_i may be where dy is."""
        e, found = self.engine, top.diffs
        wanted = [i for i, flag in enumerate(propagate_down) if flag]
        diffs = [bottom[i].diffs for i in wanted]
        if rectify and diffs:
            second = diffs[1] if len(diffs) > 1 else None
            e.rectify_backward(top.values, found, out=diffs[0], also=second)
            found = diffs[0]
        for k, dx in enumerate(diffs):
            if k >= 2 or not rectify:
                e.copy(found, out=dx)
        for i, dx in zip(wanted, diffs, strict=True):
            if self.coeff[i] != 1:
                e.axpby(self.coeff[i], dx, 0, out=dx)

    def pieces(self, bottoms: int) -> Tensor:
        """The bottoms, or their diffs, side by side."""
        return self.buffer('pieces', 1, bottoms, self.n)

    @property
    def winner(self) -> Tensor:
        """The index of the winning bottom, for each element."""
        return self.buffer('winner', 1, self.n)
