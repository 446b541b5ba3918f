"""The interface: ops and functions are declared and implemented alike; engines by name."""

from inspect import signature

import numpy as np
import pytest
from goodinit.netlib.engines import functions, make_engine
from goodinit.netlib.engines.calling import OPS
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.netlib.engines.fast import Fast
from goodinit.netlib.engines.interface import Engine, op
from goodinit.netlib.engines.reference import Reference
from goodinit.netlib.engines.reference.elementwise import BINARY, UNARY
from goodinit.netlib.errors import EngineError


def test_every_elementwise_function_is_declared_and_defined():
    assert (list(UNARY), list(BINARY)) == (list(functions.UNARY), list(functions.BINARY))
    x = np.ones(2)
    for name, (value, gradient) in UNARY.items():
        parameters = np.full(len(functions.UNARY[name]), 0.5)
        assert value(x, *parameters).shape == (2,)
        assert gradient(x, x, x, *parameters).shape == (2,)


# -- engines: their ops, and their names


def call_of(kind, op):
    """What a caller of an op must know: names, kinds and defaults of its parameters."""
    parameters = signature(getattr(kind, op)).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters]


@pytest.mark.parametrize('kind', [Reference, Fast, Cuda])
@pytest.mark.parametrize('name', sorted(OPS))
def test_implementations_have_the_signatures_of_the_interface(kind, name):
    assert call_of(kind, name) == call_of(Engine, name)


def test_a_missing_op_is_an_error():
    class Partial(Engine):
        name = 'partial'

    with pytest.raises(EngineError, match="op 'gemm' is not in engine 'partial'"):
        Partial().gemm(None, None, out=None)


def test_an_op_must_be_declared():
    with pytest.raises(
        EngineError,
        match=r"Extended: op 'axpbz' is not declared in interface\.py; did you mean 'axpby'",
    ):

        class Extended(Engine):
            @op
            def axpbz(self, x, *, out):
                pass


def test_an_implementation_must_be_marked():
    with pytest.raises(
        EngineError, match="Careless: method 'fill' implements an op: decorate it with @op"
    ):

        class Careless(Engine):
            def fill(self, value, *, out):
                pass


@pytest.mark.parametrize(
    'name, message',
    [
        (
            'fas',
            r"unknown engine 'fas'; did you mean 'fast'\? "
            r'\(known: reference, fast, exact, cuda, cuda-tf32, and checked:NAME',
        ),
        ('checked:referenc', "unknown engine 'referenc'; did you mean 'reference'"),
    ],
)
def test_unknown_engines_are_refused(name, message):
    with pytest.raises(EngineError, match=message):
        make_engine(name)


def test_engines_by_name():
    assert make_engine('reference').dtype == np.float32
    assert make_engine('checked').name == 'checked:reference'
    assert make_engine('checked:reference', dtype=np.float64).dtype == np.float64
