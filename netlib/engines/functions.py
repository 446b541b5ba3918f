"""The elementwise functions of every engine, by name."""

from typing import TypeVar

from ..errors import EngineError, did_you_mean

T = TypeVar('T')


class Functions(dict[str, T]):
    """A table with an entry for each elementwise function. Raises EngineError for others."""

    def check(self, name: str) -> None:
        """Raises EngineError for an unknown function."""
        if name not in self:
            self.__missing__(name)

    def __missing__(self, name: str) -> T:
        raise EngineError(
            f"unknown elementwise function '{name}'{did_you_mean(name, self)} "
            f'(known: {", ".join(sorted(self))})'
        )


# Functions of one variable, with the names of their parameters;
# reference/elementwise.py defines them.
UNARY: Functions[tuple[str, ...]] = Functions(
    relu=('slope',),
    elu=('alpha',),
    sigmoid=(),
    tanh=(),
    abs=(),
    sign=(),
    power=('power', 'scale', 'shift'),
    exp=('inner', 'outer'),
    log=('base_scale', 'scale', 'shift'),
    log_floor=('floor',),
    bnll=(),
    swish=('beta',),
    mish=(),
    clip=('low', 'high'),
    threshold=('level',),
    trunc=(),
)

# Functions of two variables, which have no parameters.
BINARY: Functions[tuple[str, ...]] = Functions(
    add=(),
    sub=(),
    mul=(),
    div=(),
    max=(),
    equal=(),
    not_equal=(),
    greater=(),
    greater_equal=(),
    prelu=(),
    prelu_slope=(),
    sigmoid_cross_entropy=(),
)
