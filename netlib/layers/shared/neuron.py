"""What the elementwise layers share: the shape stays, and one function of the engine does the rest."""

from dataclasses import replace

from ..base import Blobs, Layer
from ..traits import Traits


class Neuron(Layer):
    """A layer y = f(x) with f one of the engine's elementwise functions, named by `function`.

    In place, backward sees y in x's stead; where the derivative cannot be told from y, a class says
    `needs_input` and the layer keeps a copy of x.
    """

    traits = Traits(in_place=True)
    function = ''
    needs_input = False
    from_y = False  # the derivative is told from y

    def __init__(self, param, *context):
        super().__init__(param, *context)
        reads_top = self.from_y or (not self.needs_input and param.bottom == param.top)
        self.traits = replace(self.traits, keeps_input=self.needs_input, reads_top=reads_top)

    def parameters(self):
        """The function's parameters, from the layer's fields."""
        return ()

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        x = self.work.keep_input(bottom[0], top[0]) if self.needs_input else bottom[0].values
        self.engine.unary(self.function, x, *self.parameters(), out=top[0].values)

    def backward(self, top: Blobs, propagate_down: list[bool], bottom: Blobs) -> None:
        if propagate_down[0]:
            x = self.work.kept_input(bottom[0], top[0]) if self.needs_input else bottom[0].values
            self.engine.unary_backward(
                self.function,
                x,
                top[0].values,
                top[0].diffs,
                *self.parameters(),
                out=bottom[0].diffs,
            )
