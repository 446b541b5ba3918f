"""Layer: the contract between a net and the mathematics of one layer type."""

from __future__ import annotations

from collections.abc import Sequence

from ..blob import Blob, Param
from ..engines import Engine
from ..errors import LayerError, layer_error
from ..memory import Tensor
from ..ranks import Ranks
from ..shapes import canonical_axis


class Layer:
    """One step of a net: from bottom blobs to top blobs, with parameters of its own.

    A subclass has four methods, in this order:

        setup(bottom, top)      once: check fields, add parameters
        reshape(bottom, top)    whenever a bottom may have changed its shape: give the tops theirs
        forward(bottom, top)    compute the tops' values
        backward(top, propagate_down, bottom)
                                compute the diffs: of each bottom where propagate_down says so (overwriting), and
                                of each parameter that learns (accumulating)

    Blobs give tensors (`values`, `diffs`); `self.engine` computes on them. A layer outside
    layers/host/ never touches NumPy: it is written once and runs on every engine.

    Class attributes say what the graph may do with a layer of the type.
    """

    bottoms: int | tuple[int, int | None] = 1  # how many: exactly n, or (least, most)
    tops: int | tuple[int, int | None] = 1
    same_count = False  # as many tops as bottoms
    in_place = False  # a top may be the bottom itself
    reads_top = False  # backward reads the tops, which a layer in place may overwrite
    is_loss = False  # its first top has loss weight 1 and may be left out
    no_gradient: tuple[int, ...] = ()  # bottoms that never get a diff, such as labels
    is_data = False  # feeds the net from outside (a database, files)
    keeps_input = False  # where it works in place, see `keep_input`
    ranks = Ranks()  # of which a data layer reads its share
    forward_only = False  # its net never runs backward
    keeps_output = False  # see `keep_output`
    follower: Layer | None = None  # keeps its input, in place on our top: one copy serves both
    fed = False  # it is such a follower, and what it keeps is written for it
    done_below = False  # its forward is part of that of the layer below (netlib/plan/fusion.py)

    # How the output's scale follows the input's: what between-layer initialization may change
    # without changing the net's function. 'fixed': all blobs keep their scale. 'equal': f(c x) = c
    # f(x). 'product': the scale of the top is the product of the bottoms', each to the power
    # `degree`. 'free': f(c x) = f(x). 'affine': the parameters can take up any change.
    scaling = 'fixed'
    degree = 1.0
    nearly = False  # `scaling` holds only nearly: a small constant is in the way
    by_channel = False  # forward is scale x + shift for each channel: see `apply_to`

    def __init__(self, param, engine: Engine, phase: int = 1, rng=None):
        self.param, self.engine, self.phase, self.rng = param, engine, phase, rng
        self.name, self.type = param.name, param.type
        self.params: list[Param] = []
        self.loss_weights: list[float] = []
        self._buffers: dict[str, Blob] = {}
        self.scratches: dict[str, Blob] = {}  # of all layers of a net

    def __repr__(self):
        return f"{type(self).__name__}('{self.name}')"

    def setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        pass

    def reshape(self, bottom: list[Blob], top: list[Blob]) -> None:
        raise NotImplementedError

    def forward(self, bottom: list[Blob], top: list[Blob]) -> None:
        raise NotImplementedError

    def backward(self, top: list[Blob], propagate_down: list[bool], bottom: list[Blob]) -> None:
        raise NotImplementedError

    def add_param(self, shape: tuple[int, ...], filler=None) -> Param:
        """A new parameter blob of zeros, to be filled by `filler` (a FillerParameter; None: stays
        zero)."""
        self.params.append(
            Param(f'{self.name}[{len(self.params)}]', shape, filler, self.engine.dtype)
        )
        return self.params[-1]

    def buffer(self, name: str, *shape: int) -> Tensor:
        """A tensor of the layer's own, kept from call to call while its shape stays."""
        return self._tensor(self._buffers, name, shape)

    def scratch(self, name: str, *shape: int) -> Tensor:
        """A tensor to compute with until this call ends: then other layers of the net write there."""
        return self._tensor(self.scratches, name, shape)

    def for_backward(self, name: str, *shape: int) -> Tensor:
        """A tensor that forward leaves for backward: a buffer, or scratch where there is no
        backward."""
        return (self.scratch if self.forward_only else self.buffer)(name, *shape)

    def _tensor(self, blobs, name, shape):
        if name not in blobs:
            blobs[name] = Blob(name, shape, self.engine.dtype)
        elif blobs[name].shape != shape:
            blobs[name].reshape(*shape)
        return blobs[name].values

    def keep_input(self, bottom: list[Blob], top: list[Blob]) -> Tensor:
        """What forward is to read: where the layer works in place a copy of bottom[0], which
        backward will need."""
        if bottom[0] is top[0] and not (self.forward_only or self.fed):
            self.engine.axpby(1, bottom[0].values, 0, out=self.buffer('input', *bottom[0].shape))
        return self.input(bottom, top)

    def input(self, bottom: list[Blob], top: list[Blob]) -> Tensor:
        """The values of bottom[0] that forward read, after `keep_input`."""
        kept = bottom[0] is top[0] and not self.forward_only
        return self.buffer('input', *bottom[0].shape) if kept else bottom[0].values

    def fold(self, name: str, tensors: Sequence[Tensor], out: Tensor) -> None:
        """out = f(f(x0, x1), x2) and so on, of tensors of one shape, with the engine's binary
        function of that name; of a single one its copy."""
        for i, x in enumerate(tensors[1:]):
            self.engine.binary(name, out if i else tensors[0], x, out=out)
        if len(tensors) == 1:
            self.engine.axpby(1, tensors[0], 0, out=out)

    def apply_to(self, scale: Tensor, shift: Tensor) -> None:
        """Where forward is linear `by_channel` (axis 1): make what it makes of scale x + shift,
        (C,) each."""
        raise NotImplementedError

    @property
    def heir(self) -> int | None:
        """The bottom whose diff backward may write over the diff of top[0]."""
        return 0 if self.in_place else None

    def take_up(self, above: Layer) -> bool:
        """Whether forward computes from now on also what the layer above, in place on its top,
        would make of it."""
        return False

    def keep_output(self, top: list[Blob]) -> None:
        """Copy what backward will need before a layer in place overwrites it, unless that keeps it."""
        if not (self.follower or self.forward_only):
            self.engine.axpby(1, top[0].values, 0, out=self.buffer('output', *top[0].shape))

    def output_place(self, top: list[Blob]) -> Tensor:
        """Where forward of a layer that `keeps_output` writes top[0]: what a follower keeps,
        straight away."""
        return self.follower.buffer('input', *top[0].shape) if self.follower else top[0].values

    def output(self, top: list[Blob]) -> Tensor:
        """The values of top[0] that forward wrote, after `keep_output`."""
        layer, name = (self.follower, 'input') if self.follower else (self, 'output')
        return layer.buffer(name, *top[0].shape)

    def free(self) -> None:
        """Give the memory of the buffers back; they return at the next forward."""
        self._buffers.clear()

    def state(self) -> dict:
        """What the next forward depends on besides the bottoms and the parameters, for `restore`: a
        dict of numbers, strings, arrays, and lists and dicts of these. A layer that draws, or
        remembers, or has a place in its data."""
        return {} if self.rng is None else {'rng': self.rng.bit_generator.state}

    def restore(self, state: dict) -> None:
        """Go on from what `state` gave, in a layer that was set up alike."""
        if self.rng is not None:
            self.rng.bit_generator.state = state['rng']

    def error(self, message: str) -> LayerError:
        """What to raise when a field or a shape is wrong."""
        return layer_error(self.param, message)

    def axis(self, axis: int, blob: Blob) -> int:
        """An axis of the blob counted from the front, from one that may count from the back."""
        try:
            return canonical_axis(axis, blob.axes)
        except IndexError:
            raise self.error(
                f'axis {axis} out of range for {blob.axes}-D Blob with shape {blob.shape_text} '
                f"(blob '{blob.name}')"
            ) from None

    def refuse_gradient(self, propagate_down: list[bool]) -> None:
        """The backward of a layer whose tops do not follow its bottoms smoothly."""
        if any(propagate_down):
            raise self.error(
                f'Not Implemented Yet: {self.type} has no gradient; keep it out of what a loss depends '
                'on, and out of nets with force_backward'
            )

    def weigh_losses(self, top: list[Blob]) -> None:
        """Read `loss_weights`, one for each top: what the net's loss takes of it."""
        given = list(self.param.loss_weight)
        if given and len(given) != len(top) or self.is_loss and not given and len(top) != 1:
            raise self.error(
                'loss_weight must be unspecified or specified once per top blob: '
                f'found {len(given) or 1} for {len(top)} tops'
            )
        self.loss_weights = given or [1.0 if self.is_loss else 0.0] * len(top)

    def loss_weight(self, top: list[Blob], i: int = 0) -> float:
        """The gradient of the total loss by the scalar top[i]: where a loss layer's backward
        starts."""
        return top[i].diffs.item()

    def add_loss(self, top: list[Blob], loss: Tensor) -> None:
        """Add to `loss`, of one element, the sum of each top that has a loss weight, times that."""
        for blob, weight in zip(top, self.loss_weights, strict=True):
            if weight:
                total = self.engine.tensor(1)
                self.engine.sum(blob.values.reshape(-1), out=total)
                self.engine.axpby(weight, total, 1, out=loss)
