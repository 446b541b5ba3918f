"""Layer: the contract between a net and the mathematics of one layer type."""

from __future__ import annotations

from typing import Any

from ...proto.caffe_pb2 import TEST, FillerParameter, LayerParameter
from ..blob import Blob, Param
from ..engines import Engine
from ..errors import LayerError, layer_error
from ..memory import Tensor
from ..ranks import Ranks
from ..rng import Rng, make_rng
from ..shapes import canonical_axis
from ..workspace import Workspace
from .traits import FIXED, Scaling, Traits

Blobs = list[Blob]
Flags = list[bool]  # one for each bottom: whether its diff is wanted
Count = int | tuple[int, int | None]  # exactly n, or (least, most); most None: any number


class Layer:
    """One step of a net: from bottom blobs to top blobs, with its own parameters.

    A subclass has four methods, called in this order:

        setup(bottom, top)      once: check fields, add parameters
        reshape(bottom, top)    whenever a bottom's shape may have changed: shape the tops
        forward(bottom, top)    compute the tops' values
        backward(top, propagate_down, bottom)
                                compute the diffs: of each bottom where propagate_down says so
                                (overwriting), and of each parameter that learns (accumulating)

    Blobs give tensors (`values`, `diffs`); `self.engine` computes on them. A layer outside
    layers/host/ never touches NumPy: it is written once and runs on every engine.

    Class attributes say what the net may do with a layer of this type. If they depend on fields,
    setup may replace `traits` and `scaling` (traits.py).
    """

    bottoms: Count = 1
    tops: Count = 1
    same_count = False  # as many tops as bottoms
    no_gradient: tuple[int, ...] = ()  # bottoms that never get a diff, such as labels
    is_loss = False  # its first top has loss weight 1 and may be omitted
    is_data = False  # feeds the net from outside (a database, files)
    traits = Traits()
    scaling: Scaling = FIXED

    def __init__(
        self,
        param: LayerParameter,
        engine: Engine,
        phase: int = TEST,
        rng: Rng | None = None,
        work: Workspace | None = None,
        ranks: Ranks | None = None,
    ):
        self.param, self.engine, self.phase = param, engine, phase
        self.rng = rng or make_rng(0)
        self.name, self.type = param.name, param.type
        self.work = work or Workspace(engine)
        self.ranks = ranks or Ranks()  # a data layer reads this rank's share
        self.params: list[Param] = []
        self.loss_weights: list[float] = []  # one for each top

    def __repr__(self) -> str:
        return f"{type(self).__name__}('{self.name}')"

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        pass

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        raise NotImplementedError

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        raise NotImplementedError

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        raise NotImplementedError

    def add_param(self, shape: tuple[int, ...], filler: FillerParameter | None = None) -> Param:
        """A new parameter blob of zeros, to be filled by `filler` (None: stays zero)."""
        name = f'{self.name}[{len(self.params)}]'
        self.params.append(Param(name, shape, filler, self.engine.dtype))
        return self.params[-1]

    def buffer(self, name: str, *shape: int) -> Tensor:
        """A tensor of the layer's own, kept from call to call until its shape changes."""
        return self.work.buffer(name, *shape)

    def scratch(self, name: str, *shape: int) -> Tensor:
        """A temporary tensor, valid until this call ends; other layers reuse its memory."""
        return self.work.scratch(name, *shape)

    def state(self) -> dict[str, Any]:
        """What the next forward depends on besides the bottoms and parameters, for `restore`.

        A dict of numbers, strings, arrays, and lists and dicts of these. It is not empty if a layer
        draws random numbers, carries a state, or has a position in its data.
        """
        return {'rng': self.rng.bit_generator.state}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a result of `state`, in a layer with the same setup."""
        self.rng.bit_generator.state = state['rng']

    def error(self, message: str) -> LayerError:
        """The error to raise if a field or a shape is wrong."""
        return layer_error(self.param, message)

    def axis(self, axis: int, blob: Blob) -> int:
        """The axis of the blob counted from the front; a negative `axis` counts from the back."""
        try:
            return canonical_axis(axis, blob.axes)
        except IndexError:
            raise self.error(
                f'axis {axis} out of range for {blob.axes}-D Blob with shape {blob.shape_text} '
                f"(blob '{blob.name}')"
            ) from None

    def refuse_gradient(self, propagate_down: Flags) -> None:
        """The backward of a layer whose tops are not differentiable by its bottoms."""
        if any(propagate_down):
            raise self.error(
                f'Not Implemented Yet: {self.type} has no gradient; do not let a loss depend '
                'on it, and do not use it in nets with force_backward'
            )
