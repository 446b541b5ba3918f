"""Fillers: arrays made from a shape, as specified in a prototxt.

A filler is a function `(shape, rng, param) -> float32 array`, registered under its name in
prototxts; `param` is a FillerParameter. `as_initializer` also registers it for recipes.
"""

import functools
from collections.abc import Callable, Collection
from typing import Any

from numpy import ndarray
from numpy.random import Generator

from ...netlib import Net
from ...netlib.errors import EngineError, NetError, did_you_mean, layer_error
from ...netlib.layers.shared.affine import Affine
from ...netlib.registry import FILLERS, register_filler
from ...netlib.shapes import Shape, count
from ...proto.caffe_pb2 import FillerParameter
from ..kinds import Notes, initializer
from ..step import Step

Filler = Callable[[Shape, Generator, FillerParameter], ndarray]


def filler(name: str, sparse: bool = False) -> Callable[[Filler], Filler]:
    """Register a filler, with the checks that all of Caffe's fillers share."""

    def keep(function: Filler) -> Filler:
        @register_filler(name)
        @functools.wraps(function)
        def checked(shape: Shape, rng: Generator, param: FillerParameter) -> ndarray:
            if not count(shape):
                raise NetError(f'{name} filler: nothing to fill in a blob of shape {tuple(shape)}')
            if param.sparse != -1 and not sparse:
                raise NetError(
                    f'{name} filler: sparse: {param.sparse}: Sparsity not supported by this '
                    "Filler. Use type: 'gaussian', or remove `sparse`."
                )
            try:
                return function(tuple(shape), rng, param)
            except (MemoryError, EngineError) as error:
                raise NetError(f'{name} filler: not enough memory: {error}') from error

        return checked

    return keep


def as_initializer(name: str, by_group: bool = False, **fields: Any) -> Callable[[Filler], Filler]:
    """Register a filler as an initializer of weights, with these fields of a FillerParameter.

    by_group: the rule is about (outputs, inputs), so each group of a layer is filled by itself.
    """
    param = FillerParameter(**fields)

    def keep(function: Filler) -> Filler:
        def from_shape(step: Step, rng: Generator) -> Notes:
            if by_group:
                fill_groups(step.layer, function, rng, param)
                return []
            weight = step.layer.weight
            weight.values.take(function(weight.shape, rng, param))
            return []

        from_shape.__doc__ = function.__doc__
        initializer(name, 'shape')(from_shape)
        return function

    return keep


def fill_array(shape: Shape, param: FillerParameter, rng: Generator) -> ndarray:
    """A new float32 array of `shape`, filled according to the FillerParameter `param`.

    Raises NetError for an unknown filler type, invalid fields, and an empty shape.
    """
    if param.type not in FILLERS:
        raise NetError(
            f'Unknown filler name: {param.type}{did_you_mean(param.type, FILLERS)} '
            f'(known fillers: {", ".join(sorted(FILLERS))})'
        )
    return FILLERS[param.type](shape, rng, param)


def fill_weights(layer: Affine, param: FillerParameter, rng: Generator) -> None:
    """Give a layer new weights according to the FillerParameter."""
    layer.weight.values.take(fill_array(layer.weight.shape, param, rng))


def fill_groups(layer: Affine, function: Filler, rng: Generator, param: FillerParameter) -> None:
    """Fill each group of a layer as weights (outputs, inputs, ...). Raises LayerError."""
    kernel = layer.weight.shape[2:]
    for group in layer.weight_view():
        inputs = group[0].size // count(kernel)
        try:
            values = function((len(group), inputs, *kernel), rng, param)
        except NetError as error:
            raise layer_error(layer.param, str(error)) from error
        group[...] = values.reshape(group.shape)


def fill(net: Net, rng: Generator, skip: Collection[str] = ()) -> None:
    """Fill each parameter of the net by its own filler, in topological order; shared parameters are
    filled once, at the owner.

    Layers named in `skip` keep theirs. Parameters without a filler (the statistics of BatchNorm)
    stay zero.
    """
    net.check_memory()
    for layer in net.layers:
        if layer.name in skip:
            continue
        for param in layer.params:
            if param.owner is not param or param.filler is None:
                continue
            try:
                param.values.take(fill_array(param.shape, param.filler, rng))
            except NetError as error:
                raise layer_error(layer.param, str(error)) from error
