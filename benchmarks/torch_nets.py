"""A net's prototxt as a PyTorch module, layer by layer, as a user of PyTorch would write it."""

from collections.abc import Mapping
from typing import Any

import torch
from goodinit.netlib import Net
from goodinit.proto.caffe_pb2 import LayerParameter, NetParameter, PoolingParameter
from torch import nn
from torch.nn import functional as F

Shapes = Mapping[str, tuple[int, ...]]

# Layer types that the module does not run.
SKIPPED = ('Input', 'Accuracy')


def torch_net(param: NetParameter, phase: int) -> 'TorchNet':
    """The module of a net."""
    net = Net(param, phase, engine='reference')
    return TorchNet(param, {name: blob.shape for name, blob in net.blobs.items()})


class TorchNet(nn.Module):
    """forward(blobs) computes all blobs of a net from its inputs, {name: tensor}, and returns the
    total loss if there is one, else the last blob. A Scale after a BatchNorm is that layer's own.
    """

    def __init__(self, net: NetParameter, shapes: Shapes):
        super().__init__()
        self.steps: list[tuple[LayerParameter, nn.Module | None]] = []
        for layer in net.layer:
            if layer.type == 'Scale':
                self._join_scale(layer)
            elif layer.type not in SKIPPED:
                step = LayerParameter()
                step.CopyFrom(layer)
                self.steps.append((step, module_of(layer, shapes)))
        self.layers = nn.ModuleList(module for _, module in self.steps if module is not None)

    def _join_scale(self, scale: LayerParameter) -> None:
        """Let the BatchNorm before a Scale write that layer's top."""
        below = self.steps[-1][0]
        if below.type != 'BatchNorm' or below.top[0] != scale.bottom[0]:
            raise ValueError(f'{scale.name}: found a Scale that is not on the BatchNorm before it')
        below.top[0] = scale.top[0]

    def forward(self, blobs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        computed = dict(blobs)
        losses = []
        y = torch.empty(0)
        for layer, module in self.steps:
            x = [computed[name] for name in layer.bottom]
            if module is None:
                y = PLAIN_STEPS[layer.type](layer, x)
            else:
                y = module(x[0])
            if layer.type == 'SoftmaxWithLoss':
                losses.append(y * sum(layer.loss_weight or [1]))
            else:
                computed[layer.top[0]] = y
        return sum(losses[1:], losses[0]) if losses else y


def module_of(layer: LayerParameter, shapes: Shapes) -> nn.Module | None:
    """The module of a layer; None if it is a function without a state."""
    make = MODULES.get(layer.type)
    return make and make(layer, shapes)


def pair(p: Any, short: str, name: str, default: int | None) -> tuple[int, int]:
    """A field of a convolution or pooling: given once, or as its _h and _w."""
    if p.HasField(short + '_h'):
        return getattr(p, short + '_h'), getattr(p, short + '_w')
    value = getattr(p, name)
    if not isinstance(value, int):
        value = value[0] if value else default
    return value, value


def convolution(layer: LayerParameter, shapes: Shapes) -> nn.Module:
    p = layer.convolution_param
    return nn.Conv2d(
        shapes[layer.bottom[0]][1],
        p.num_output,
        pair(p, 'kernel', 'kernel_size', None),
        pair(p, 'stride', 'stride', 1),
        pair(p, 'pad', 'pad', 0),
        groups=p.group,
        bias=p.bias_term,
    )


def inner_product(layer: LayerParameter, shapes: Shapes) -> nn.Module:
    _, *rest = shapes[layer.bottom[0]]
    linear = nn.Linear(torch.Size(rest).numel(), layer.inner_product_param.num_output)
    return nn.Sequential(nn.Flatten(), linear)


def pooling(layer: LayerParameter, shapes: Shapes) -> nn.Module:
    p = layer.pooling_param
    is_max = p.pool == PoolingParameter.MAX
    whole, windowed = (
        (nn.AdaptiveMaxPool2d, nn.MaxPool2d) if is_max else (nn.AdaptiveAvgPool2d, nn.AvgPool2d)
    )
    if p.global_pooling:
        return whole(1)
    kernel = pair(p, 'kernel', 'kernel_size', 0)
    stride = pair(p, 'stride', 'stride', 1)
    pad = pair(p, 'pad', 'pad', 0)
    return windowed(kernel, stride, pad, ceil_mode=p.round_mode == p.CEIL)


def lrn(layer: LayerParameter, shapes: Shapes) -> nn.Module:
    p = layer.lrn_param
    return nn.LocalResponseNorm(p.local_size, p.alpha, p.beta, p.k)


def batch_norm(layer: LayerParameter, shapes: Shapes) -> nn.Module:
    p = layer.batch_norm_param
    channels = shapes[layer.bottom[0]][1]
    return nn.BatchNorm2d(channels, eps=p.eps, momentum=1 - p.moving_average_fraction)


def relu(layer: LayerParameter, shapes: Shapes) -> nn.Module:
    return nn.ReLU(inplace=layer.bottom[0] == layer.top[0])


def dropout(layer: LayerParameter, shapes: Shapes) -> nn.Module:
    """Not in place: autograd keeps what a ReLU in place has made."""
    return nn.Dropout(layer.dropout_param.dropout_ratio)


MODULES = {
    'Convolution': convolution,
    'InnerProduct': inner_product,
    'Pooling': pooling,
    'LRN': lrn,
    'BatchNorm': batch_norm,
    'ReLU': relu,
    'Dropout': dropout,
}
PLAIN_STEPS = {
    'Concat': lambda layer, x: torch.cat(x, layer.concat_param.axis),
    'Eltwise': lambda layer, x: sum(x[1:], x[0]),
    'Flatten': lambda layer, x: torch.flatten(x[0], 1),
    'Softmax': lambda layer, x: torch.softmax(x[0], 1),
    'SoftmaxWithLoss': lambda layer, x: F.cross_entropy(x[0].flatten(1), x[1]),
}
