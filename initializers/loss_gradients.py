"""The loss of a net and its gradient at the present weights and near them; products with its second
derivatives, by finite differences of two backward passes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import sqrt

from numpy import ndarray

from ..netlib import Net
from ..netlib.blob import Param
from ..netlib.errors import NetError
from .activations import Batch, set_inputs
from .kinds import Notes

Arrays = dict[Param, ndarray]  # one for each parameter that learns: a gradient or a direction
STEP = 1e-3  # of a finite difference, relative to the length of all weights together


def check_loss(net: Net, what: str) -> None:
    """Raises NetError if the net has no loss, which `what` needs."""
    if not any(any(layer.loss_weights) for layer in net.layers):
        raise NetError(
            f"{what}: net '{net.name}' has no loss; needed: a layer such as SoftmaxWithLoss (a "
            'train_val.prototxt has one, a deploy.prototxt has none)'
        )


def constant_inputs(batches: Sequence[Batch]) -> Notes:
    """A note on inputs that are the same for all samples, such as labels that data lack."""
    notes = []
    for name in batches[0]:
        values = [batch[name] for batch in batches]
        if all((each == values[0].flat[0]).all() for each in values):
            notes.append(
                f"input '{name}' is {values[0].flat[0]:g} for every sample, so the loss says "
                'little: give data with labels'
            )
    return notes


class LossGradients:
    """The mean loss of a net over batches, as a function of the parameters that learn."""

    def __init__(self, net: Net):
        self.net = net
        self.params = [param for param in net.all_params() if param.owner is param and param.learns]

    def at(self, batches: Sequence[Batch]) -> tuple[float, Arrays]:
        """The loss and its gradient, means over the batches of all ranks. One forward and one
        backward pass per batch."""
        net = self.net
        net.clear_param_diffs()
        losses = []
        for batch in batches:
            set_inputs(net, batch)
            losses.append(net.forward())
            net.backward()
        for param in self.params:
            net.ranks.start_sum(param.diff)
        net.ranks.finish_sums()
        losses = net.ranks.gather(losses)
        gradient = {param: param.diff / len(losses) for param in self.params}
        net.clear_param_diffs()
        return sum(losses) / len(losses), gradient

    def loss(self, batches: Sequence[Batch]) -> float:
        """The mean loss over the batches of all ranks."""
        losses = []
        for batch in batches:
            set_inputs(self.net, batch)
            losses.append(self.net.forward())
        losses = self.net.ranks.gather(losses)
        return sum(losses) / len(losses)

    @contextmanager
    def moved(self, direction: Arrays, length: float) -> Iterator[None]:
        """The parameters moved by `length` times a direction, and put back afterwards."""
        before = {param: param.data.copy() for param in direction}
        for param, step in direction.items():
            param.data = before[param] + length * step
        try:
            yield
        finally:
            for param, values in before.items():
                param.data = values

    def curvature(self, batches: Sequence[Batch], gradient: Arrays, direction: Arrays) -> Arrays:
        """H d, the second derivatives of the loss times a direction, given its gradient here: the
        difference of two gradients STEP apart."""
        weights = {param: param.data for param in self.params}
        reach = norm(direction)
        if not reach:
            return {param: 0 * step for param, step in direction.items()}
        length = STEP * (norm(weights) or 1) / reach
        with self.moved(direction, length):
            _, beyond = self.at(batches)
        return {param: (beyond[param] - gradient[param]) / length for param in self.params}


def norm(arrays: Arrays) -> float:
    """The length of all arrays together."""
    return sqrt(sum(inner(array, array) for array in arrays.values()))


def inner(a: ndarray, b: ndarray) -> float:
    return float((a.astype(float) * b).sum())
