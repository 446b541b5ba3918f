"""Something to run a net on: photographs where it takes images, fitting numbers elsewhere."""

import numpy as np

from ..netlib.data.embedded import open_embedded
from ..netlib.shapes import Shape
from .batch import varies
from .convention import GIVEN, Convention
from .steps import Step, Steps, Value

IMAGES = 2  # so that a mistake between images shows


def sample_inputs(net: Steps, convention: Convention, seed: int = 0) -> dict[str, np.ndarray]:
    """Values for every input, as the net expects them; the same for the same seed."""
    out = {}
    for index, value in enumerate(net.inputs):
        rng = np.random.default_rng([seed, index])
        shape = tuple(IMAGES if varies(extent) else extent for extent in value.shape)
        out[value.name] = _values(net, value, shape, convention, rng).astype(np.float32)
    return out


def _values(net: Steps, value: Value, shape: Shape, convention: Convention, rng) -> np.ndarray:
    for step in net.steps:
        for index, bottom in enumerate(step.bottoms):
            if bottom is value and (step.type, index) in MAKERS:
                return MAKERS[step.type, index](step, shape, rng)
    if len(shape) != 4 or shape[1] not in (1, 3):
        return rng.standard_normal(shape)
    if convention.given:
        return open_embedded(shape[1:], rng).take(shape[0])[0] / GIVEN[convention.given][1]
    samples = open_embedded(shape[1:], rng, mean=convention.mean_of(shape[1]))
    return samples.take(shape[0])[0] * convention.scale


def _words(step: Step, shape: Shape, rng) -> np.ndarray:
    return rng.integers(step.param.embed_param.input_dim, size=shape)


def _goes_on(step: Step, shape: Shape, rng) -> np.ndarray:
    """The blob `cont`: every sequence begins in the first step, and goes on."""
    out = np.ones(shape)
    out[:1] = 0
    return out


def _samples(step: Step, shape: Shape, rng) -> np.ndarray:
    images = IMAGES if varies(step.x[0]) else step.x[0]
    return rng.integers(images, size=shape)


def _chosen(step: Step, shape: Shape, rng) -> np.ndarray:
    out = rng.integers(2, size=shape)
    out[:1] = 1
    return out


def _regions(step: Step, shape: Shape, rng) -> np.ndarray:
    """Image, x1, y1, x2, y2 of regions of interest."""
    scale = step.param.roi_pooling_param.spatial_scale
    out = np.zeros((shape[0], 5))
    height, width = step.x[2] / scale, step.x[3] / scale
    corners = np.sort(rng.uniform(0, 1, (2, 2, shape[0])), axis=0)
    out[:, 1:] = (corners * [[width], [height]]).reshape(4, -1).T
    return out.reshape(shape)


# What an input must be for the bottom of a number of a layer type.
MAKERS = {
    ('Embed', 0): _words,
    ('LSTM', 1): _goes_on,
    ('RNN', 1): _goes_on,
    ('LSTMUnit', 2): _goes_on,
    ('BatchReindex', 1): _samples,
    ('Filter', 1): _chosen,
    ('ROIPooling', 1): _regions,
}
