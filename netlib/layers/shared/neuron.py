"""Shared by the elementwise layers: the shape stays, and one engine function does the rest."""

from dataclasses import replace
from typing import Any

from ....proto.caffe_pb2 import LayerParameter
from ..base import Blobs, Flags, Layer
from ..traits import PASSES, Traits


class Neuron(Layer):
    """A layer y = f(x), where f is the engine's elementwise function named by `function`.

    In place, backward sees y instead of x. If y does not determine the derivative, a class sets
    `needs_input`, and the layer keeps a copy of x.
    """

    traits = Traits(in_place=True, by_sample=True, repeats=PASSES)
    function = ''
    needs_input = False
    from_y = False  # the derivative follows from y

    def __init__(self, param: LayerParameter, *context: Any):
        super().__init__(param, *context)
        reads_top = self.from_y or (not self.needs_input and param.bottom == param.top)
        self.traits = replace(self.traits, keeps_input=self.needs_input, reads_top=reads_top)

    def parameters(self) -> tuple[float, ...]:
        """The function's parameters, from the layer's fields."""
        return ()

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        x, y = bottom[0].values, top[0].values
        if self.needs_input:
            x = self.work.keep_input(bottom[0], top[0])
        self.engine.unary(self.function, x, *self.parameters(), out=y)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if not propagate_down[0]:
            return
        x, y = bottom[0].values, top[0].values
        dy, dx = top[0].diffs, bottom[0].diffs
        if self.needs_input:
            x = self.work.kept_input(bottom[0], top[0])
        self.engine.unary_backward(self.function, x, y, dy, *self.parameters(), out=dx)
