"""A Model, and what the models share around the body of a net: the loss, the scores, the net for
use."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..proto.caffe_pb2 import NetParameter
from ..proto.spec import NetBuilder
from .data import Data

# Appends layers to a net, from the blob of this name to the scores, whose name it returns.
Body = Callable[[NetBuilder, str], str]

# The multipliers of BVLC's ImageNet models: the bias learns twice as fast and does not decay.
BVLC = ({'lr_mult': 1, 'decay_mult': 1}, {'lr_mult': 2, 'decay_mult': 0})
# Those of its small models, where the bias decays too.
FAST_BIAS = ({'lr_mult': 1}, {'lr_mult': 2})


@dataclass(frozen=True)
class Model:
    """One folder of models/.

    source: the publication that it follows. note: where it differs from that, or has to choose.
    solver: the fields of its SolverParameter as prototxt, in the order of the file, except those
    that all models have alike.
    """

    name: str
    source: str
    train_val: NetParameter
    deploy: NetParameter
    solver: str
    note: str = ''


def classifier(
    name: str,
    *,
    title: str,
    source: str,
    data: Data,
    body: Body,
    solver: str,
    note: str = '',
    multipliers: Sequence[Mapping[str, float]] = BVLC,
    loss: str = 'SoftmaxWithLoss',
    top5: bool = False,
) -> Model:
    """A Model whose body ends in a score per class; `title` is the name inside the nets."""
    train_val = NetBuilder(title, multipliers)
    data.add(train_val)
    scores = body(train_val, 'data')
    accuracy(train_val, 'accuracy', scores)
    if top5:
        accuracy(train_val, 'accuracy_top5', scores, top_k=5)
    train_val.add(loss, 'loss', [scores, 'label'])
    deploy = deploy_net(title, data.shape, body, softmax=loss == 'SoftmaxWithLoss')
    return Model(name, source, train_val.param, deploy, solver, note)


def accuracy(net: NetBuilder, name: str, scores: str, top_k: int = 1) -> None:
    """The share of labels among the top_k scores, when testing."""
    fields = {'accuracy_param': {'top_k': top_k}} if top_k > 1 else {}
    net.add('Accuracy', name, [scores, 'label'], include=[{'phase': 'TEST'}], **fields)


def deploy_net(title: str, shape: Sequence[int], body: Body, softmax: bool = True) -> NetParameter:
    """The net for use. It keeps the fillers, so that it can be initialized like the other."""
    net = NetBuilder(title)
    scores = body(net, net.add('Input', 'data', input_param={'shape': [{'dim': shape}]}))
    if softmax:
        net.add('Softmax', 'prob', scores)
    return net.param


def gaussian(std: float) -> dict[str, Any]:
    """The fields of a gaussian filler."""
    return {'type': 'gaussian', 'std': std}


def reflect_pad(net: NetBuilder, name: str, x: str, pad: int) -> str:
    """Padding by reflection instead of zeros, as Luther & Seung (2019) pad."""
    return net.add('Pad', name, x, pad_param={'mode': 'REFLECT', 'pad': [pad]})
