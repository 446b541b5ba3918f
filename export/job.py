"""A net made ready to be written: what its outputs need, its steps, and something to run it on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..netlib import Net
from ..netlib.errors import NetError
from ..netlib.graph import without_splits
from ..netlib.registry import layer_class
from ..netlib.weights.names import identifiers
from ..proto.caffe_pb2 import TEST, LayerParameter, NetParameter
from ..proto.version import __version__
from .batch import with_symbolic_batch
from .check import TOLERANCE, Arrays, Difference, expected
from .convention import Convention, Preparation, is_image
from .cut import deploy
from .sample import sample_inputs
from .steps import Steps, steps_of


@dataclass
class Options:
    """How to write a net.

    until: the one blob that is wanted, in place of all outputs. train: a PyTorch module with its
    losses. check: run what was written. tolerance: by what part of their largest value its outputs
    may differ. convention: what the net expects of its input. inputs: what to run on, in place of
    samples. source: where the net and its weights come from, in a few words.
    """

    until: str = ''
    train: bool = False
    check: bool = True
    tolerance: float = TOLERANCE
    convention: Convention = field(default_factory=Convention)
    inputs: Arrays | None = None
    source: str = ''


@dataclass
class Report:
    """What was written, and what came of running it.

    runner: what ran it; '' where nothing did, and then `unchecked` says why.
    """

    files: list[str]
    notes: list[str]
    differences: list[Difference] = field(default_factory=list)
    runner: str = ''
    unchecked: str = ''


class CannotExport(NetError):
    """A net with layers that the target has no words for: a line for each in `problems`."""

    def __init__(self, target: str, problems: list[str]):
        self.problems = problems
        count = 'one layer' if len(problems) == 1 else f'{len(problems)} layers'
        self.summary = f'{count} cannot be expressed in {target}'
        super().__init__(f'{self.summary}: {"; ".join(problems)}')


@dataclass
class Job:
    """A net to write: `net` runs it, `steps` are what is written, `whole` is what it came from."""

    whole: Net
    net: Net
    steps: Steps
    called: Mapping[str, str]
    options: Options
    notes: list[str]

    def metadata(self) -> dict[str, str]:
        """What a file says about itself and its inputs."""
        out = {'producer': f'goodinit {__version__}', 'source': self.options.source}
        for value in self.steps.inputs:
            known = self.options.convention.metadata(value.shape)
            out[f'input.{value.name}'] = json.dumps(known)
        return {name: text for name, text in out.items() if text}

    def run(self) -> tuple[Arrays, Arrays]:
        """Inputs as a file takes them, and what goodinit makes of them."""
        options = self.options
        inputs = options.inputs or sample_inputs(self.steps, options.convention)
        outputs = list(self.steps.outputs)
        return inputs, expected(self.net, self.prepared(inputs), outputs)

    def prepared(self, inputs: Arrays) -> Arrays:
        """The net's inputs, from what a file that prepares its images takes."""
        if not self.options.convention.given:
            return inputs
        prepare = Preparation(self.options.convention)
        out = dict(inputs)
        for name, array in inputs.items():
            if is_image(array.shape):
                out[name] = np.ascontiguousarray(prepare(array))
        return out


def make_job(net: Net, options: Options) -> Job:
    """Make a net ready. Raises NetError where no output is left, or `options` ask for what is not
    there."""
    whole = with_inputs_for_data(net)
    param, notes = deploy(whole, options.until, options.train)
    alone = runnable(net, param)
    stored = {}
    for name, params in alone.params.items():
        stored[name] = [blob.shape for blob in params]
    shapes = with_symbolic_batch(param, TEST, stored)
    steps = steps_of(shapes, alone.params)
    called = identifiers(layer.name for layer in without_splits(net.param).layer)
    for value in steps.inputs:
        if is_image(value.shape) or len(steps.inputs) == 1:
            options.convention.check(value.shape[1] if len(value.shape) > 1 else 0)
    if not steps.symbolic and steps.inputs:
        notes.append('the batch is fixed: the net works with no other number of images')
    return Job(net, alone, steps, called, options, notes)


def with_inputs_for_data(net: Net) -> NetParameter:
    """The net's layers with Input layers in place of those that read data, and every input in the
    shape that it has now."""
    param = without_splits(net.param)
    makers = [layer for layer in param.layer if not layer.bottom]
    reads = [layer for layer in makers if layer.type != 'DummyData' and is_data(layer)]
    given = [layer for layer in makers if layer.type == 'Input']
    # DummyData stands for constants, unless nothing else feeds the net.
    for layer in reads + given or [layer for layer in makers if is_data(layer)]:
        plain = LayerParameter(name=layer.name, type='Input', top=layer.top, origin=layer.origin)
        for top in layer.top:
            plain.input_param.shape.add(dim=net.blobs[top].shape)
        layer.CopyFrom(plain)
    return param


def is_data(layer: LayerParameter) -> bool:
    """Whether the layer brings data into the net by itself."""
    return layer_class(layer).is_data or (layer.type == 'Python' and not layer.bottom)


def runnable(net: Net, param: NetParameter) -> Net:
    """A net of these layers that shares the weights of `net`."""
    out = Net(param, TEST, engine=net.engine)
    for name, params in out.params.items():
        for mine, theirs in zip(params, net.params[name], strict=True):
            mine.share(theirs, diffs=False)
    return out
