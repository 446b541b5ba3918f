"""Delta-orthogonal kernels: a convolution that begins as a rotation of each pixel's channels."""

from numpy import ndarray
from numpy.random import Generator

from ...netlib.errors import NetError
from ...netlib.shapes import Shape, dimensions
from ...proto.caffe_pb2 import FillerParameter
from ..kinds import Notes, initializer
from ..step import Step
from .center import at_center
from .filler import fill_groups, filler
from .orthonormal import orthonormal, orthonormal_weights

PARAM = FillerParameter(type='delta_orthogonal')


@filler('delta_orthogonal')
def delta_orthogonal(shape: Shape, rng: Generator, param: FillerParameter) -> ndarray:
    """At the kernel's centre a matrix Q with Q^T Q = I, uniformly distributed; zero elsewhere (Xiao
    et al. 2018, Algorithm 1).

    The convolution keeps the length of every signal, apart from the border. That takes at least as
    many outputs as inputs, and a kernel that has a centre. Not in BVLC Caffe.
    """
    outputs, inputs, *kernel = (*shape, 1, 1)[: max(len(shape), 2)]
    if outputs < inputs:
        raise NetError(
            f'delta_orthogonal filler: found {outputs} outputs of {inputs} inputs, needed: at '
            "least as many outputs as inputs (type: 'orthonormal' in a recipe works for both)"
        )
    if any(size % 2 == 0 for size in kernel):
        raise NetError(
            f'delta_orthogonal filler: found a kernel of {dimensions(kernel)}, which has no '
            'centre; needed: odd sizes'
        )
    return at_center('delta_orthogonal', shape, lambda *size: orthonormal(size, rng))


@initializer('delta_orthogonal', 'shape')
def delta_orthogonal_weights(step: Step, rng: Generator) -> Notes:
    """At the centre of each group's kernels a matrix Q with Q^T Q = I (Xiao et al. 2018); an inner
    product, which has no kernel, gets orthonormal weights."""
    layer = step.layer
    if not layer.sees_patches:
        return orthonormal_weights(step, rng)
    fill_groups(layer, delta_orthogonal, rng, PARAM)
    return []
