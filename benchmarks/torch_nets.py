"""A net's prototxt as a PyTorch module, layer by layer, as a user of PyTorch would write it."""

import torch
from goodinit.proto.caffe_pb2 import LayerParameter, NetParameter, PoolingParameter
from torch import nn
from torch.nn import functional as F

PLAIN = {'Input', 'Accuracy', 'Concat', 'Eltwise', 'Flatten', 'Softmax', 'SoftmaxWithLoss'}


class TorchNet(nn.Module):
    """forward(blobs) computes all blobs of a net from its inputs, {name: tensor}, and returns the
    total loss if there is one, else the last blob. A Scale after a BatchNorm is that layer's own.
    """

    def __init__(self, net: NetParameter, shapes: dict[str, tuple[int, ...]]):
        super().__init__()
        self.steps: list[tuple[LayerParameter, nn.Module | None]] = []
        for i, layer in enumerate(net.layer):
            if layer.type == 'Scale':
                if (
                    net.layer[i - 1].type != 'BatchNorm'
                    or net.layer[i - 1].top[0] != layer.bottom[0]
                ):
                    raise ValueError(
                        f'{layer.name}: found a Scale that is not on the BatchNorm before it'
                    )
                continue
            if layer.type not in ('Input', 'Accuracy'):
                module = None if layer.type in PLAIN else MODULES[layer.type](layer, shapes)
                step = LayerParameter.FromString(layer.SerializeToString())
                if (
                    layer.type == 'BatchNorm'
                    and i + 1 < len(net.layer)
                    and net.layer[i + 1].type == 'Scale'
                ):
                    step.top[0] = net.layer[i + 1].top[0]
                self.steps.append((step, module))
        self.layers = nn.ModuleList(module for _, module in self.steps if module is not None)

    def forward(self, blobs):
        blobs, losses, y = dict(blobs), [], None
        for layer, module in self.steps:
            x = [blobs[name] for name in layer.bottom]
            y = PLAIN_STEPS[layer.type](layer, x) if module is None else module(x[0])
            if layer.type == 'SoftmaxWithLoss':
                losses.append(y * (layer.loss_weight[0] if layer.loss_weight else 1))
            else:
                blobs[layer.top[0]] = y
        return sum(losses) if losses else y


def pair(p, short, name, default):
    """A field of a convolution or pooling: given once, or as its _h and _w."""
    if p.HasField(short + '_h'):
        return getattr(p, short + '_h'), getattr(p, short + '_w')
    value = getattr(p, name)
    value = value if isinstance(value, int) else list(value)[:1]
    return (value if isinstance(value, int) else value[0] if value else default,) * 2


def convolution(layer, shapes):
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


def inner_product(layer, shapes):
    _, *rest = shapes[layer.bottom[0]]
    linear = nn.Linear(torch.Size(rest).numel(), layer.inner_product_param.num_output)
    return nn.Sequential(nn.Flatten(), linear)


def pooling(layer, shapes):
    p = layer.pooling_param
    is_max = p.pool == PoolingParameter.MAX
    if p.global_pooling:
        return nn.AdaptiveMaxPool2d(1) if is_max else nn.AdaptiveAvgPool2d(1)
    return (nn.MaxPool2d if is_max else nn.AvgPool2d)(
        pair(p, 'kernel', 'kernel_size', 0),
        pair(p, 'stride', 'stride', 1),
        pair(p, 'pad', 'pad', 0),
        ceil_mode=p.round_mode == p.CEIL,
    )


def lrn(layer, shapes):
    p = layer.lrn_param
    return nn.LocalResponseNorm(p.local_size, p.alpha, p.beta, p.k)


def batch_norm(layer, shapes):
    p = layer.batch_norm_param
    return nn.BatchNorm2d(
        shapes[layer.bottom[0]][1], eps=p.eps, momentum=1 - p.moving_average_fraction
    )


def in_place(layer):
    return layer.bottom[0] == layer.top[0]


MODULES = {
    'Convolution': convolution,
    'InnerProduct': inner_product,
    'Pooling': pooling,
    'LRN': lrn,
    'BatchNorm': batch_norm,
    'ReLU': lambda layer, shapes: nn.ReLU(inplace=in_place(layer)),
    # not in place, for autograd keeps what a ReLU in place has made
    'Dropout': lambda layer, shapes: nn.Dropout(layer.dropout_param.dropout_ratio),
}
PLAIN_STEPS = {
    'Concat': lambda layer, x: torch.cat(x, layer.concat_param.axis),
    'Eltwise': lambda layer, x: sum(x[1:], x[0]),
    'Flatten': lambda layer, x: torch.flatten(x[0], 1),
    'Softmax': lambda layer, x: torch.softmax(x[0], 1),
    'SoftmaxWithLoss': lambda layer, x: F.cross_entropy(x[0].flatten(1), x[1]),
}


def copy_weights(module: TorchNet, params: dict) -> None:
    """Give the module the weights of a goodinit net, {layer name: its params}, but for
    normalizations."""
    with torch.no_grad():
        for layer, part in module.steps:
            for ours, theirs in zip(
                params.get(layer.name, ()), part.parameters() if part else (), strict=False
            ):
                if layer.type != 'BatchNorm':
                    theirs.copy_(torch.from_numpy(ours.data).reshape(theirs.shape))
