"""Layers that compute, but for boxes and losses."""

import torch
from torch import nn
from torch.nn import functional as F


class Weights(nn.Module):
    """The weights of a layer that is a function here."""

    def __init__(self, **shapes):
        super().__init__()
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))


def prepare_images(images, reverse, factor, mean, scale):
    """The net's input (pixel - mean) * scale, blue first, from images as they are given."""
    images = images.flip(1) if reverse else images
    mean = images.new_tensor(mean).reshape(3, 1, 1)
    return (images * factor - mean) * scale


def max_pool(x, kernel, stride, pad, behind):
    """The largest value of each window; `pad` elements in front of the image and `behind` it belong
    to no window. A window that sees nothing gives the least number."""
    sides = (pad[1], behind[1], pad[0], behind[0])
    x = F.pad(x, sides, value=torch.finfo(torch.float32).min)
    return F.max_pool2d(x, kernel, stride)


def max_pool_with_places(x, kernel, stride, pad, behind):
    """The largest value of each window, and its place y W + x in the image."""
    width = x.shape[3]
    sides = (pad[1], behind[1], pad[0], behind[0])
    padded = F.pad(x, sides, value=float('-inf'))
    y, places = F.max_pool2d(padded, kernel, stride, return_indices=True)
    wide = padded.shape[3]
    row = places // wide - pad[0]
    column = places % wide - pad[1]
    return y, (row * width + column).to(x.dtype)


def average_pool(x, kernel, stride, pad, behind):
    """The average of each window: the `pad` elements around the image count as zeros, those beyond
    them do not count."""
    sides = (pad[1], behind[1], pad[0], behind[0])
    total = F.avg_pool2d(F.pad(x, sides), kernel, stride, divisor_override=1)
    counted = F.pad(torch.ones_like(x[:1, :1]), (pad[1], pad[1], pad[0], pad[0]), value=1.0)
    more = (0, behind[1] - pad[1], 0, behind[0] - pad[0])
    counts = F.avg_pool2d(F.pad(counted, more), kernel, stride, divisor_override=1)
    return total / counts


def lrn_within_channel(x, size, alpha, beta):
    """x over (1 + alpha times the average of x^2 over the size x size pixels around) ** beta."""
    average = F.avg_pool2d(x * x, size, 1, size // 2)
    return x * (1 + alpha * average) ** -beta


def batch_norm(layer, x, training=True):
    """What a batch normalization makes of x by the batch's statistics, or by the stored ones,
    whatever the mode of the net."""
    mean, var = (None, None) if training else (layer.running_mean, layer.running_var)
    return F.batch_norm(x, mean, var, layer.weight, layer.bias, training, 0.0, layer.eps)


def batch_norm_of_batch(layer, x, eps):
    """Batch normalization by the batch's statistics, of which none are kept."""
    return F.batch_norm(x, None, None, layer.weight, layer.bias, True, 0.0, eps)


def scale_channels(layer, x):
    """x times a weight for each channel, plus a bias."""
    shape = (-1, *[1] * (x.dim() - 2))
    return x * layer.weight.reshape(shape) + layer.bias.reshape(shape)


def mean_variance_normalize(x, axes, eps=None):
    """(x - mean) / (deviation + eps); without eps only x - mean."""
    if not axes:
        return x - x
    x = x - x.mean(axes, keepdim=True)
    if eps is None:
        return x
    deviation = (x * x).mean(axes, keepdim=True).sqrt()
    return x / (deviation + eps)


def normalize(x, weight, axes, eps):
    """x over its length along the axes, times a weight for each channel."""
    length = ((x * x).sum(axes, keepdim=True) + eps).sqrt()
    return x / length * weight


def dropout_without_scale(x, ratio, drops):
    """Dropout as it was first: what is kept is not scaled, but everything in a net that is used."""
    return F.dropout(x, ratio) * (1 - ratio) if drops else x * (1 - ratio)


def top_k(x, count, axis):
    """The largest values along an axis, and their places; of equal values the last comes first."""
    values, places = x.flip(axis).sort(dim=axis, descending=True, stable=True)
    last = x.shape[axis] - 1
    places = (last - places.narrow(axis, 0, count)).to(x.dtype)
    return values.narrow(axis, 0, count), places


def unpool_to_places(x, places, size):
    """Each value at its place y W + x in an empty map; values that meet add up."""
    empty = x.new_zeros(*x.shape[:2], size[0] * size[1])
    y = empty.scatter_add(2, places.flatten(2).long(), x.flatten(2))
    return y.unflatten(2, size)


def unpool_to_windows(x, filled, stride, size):
    """Each value in the first `filled` elements of its window, and zeros elsewhere."""
    for axis in (2, 3):
        count = x.shape[axis]
        place = torch.arange(size[axis - 2], device=x.device)
        window = place // stride[axis - 2]
        inside = (place % stride[axis - 2] < filled[axis - 2]) & (window < count)
        shape = [-1 if i == axis else 1 for i in range(4)]
        x = x.index_select(axis, window.clamp(max=count - 1)) * inside.reshape(shape)
    return x


def unpool_average(x, kernel, stride, size):
    """Each value spread over its window, which ends where the map ends."""
    counts = F.unfold(torch.ones(1, 1, *size, device=x.device), 1)
    ones = torch.ones(x.shape[1], 1, *kernel, dtype=x.dtype, device=x.device)
    room = [(n - 1) * s + k for n, s, k in zip(x.shape[2:], stride, kernel, strict=True)]
    inside = F.pad(counts.reshape(1, 1, *size), (0, room[1] - size[1], 0, room[0] - size[0]))
    seen = F.conv2d(inside, ones[:1], stride=stride)
    y = F.conv_transpose2d(x / seen, ones, stride=stride, groups=x.shape[1])
    return F.pad(y, (0, size[1] - y.shape[3], 0, size[0] - y.shape[2]))


def roi_pool(x, rois, size, scale):
    """The largest value in each of the bins of each region (image, x1, y1, x2, y2)."""
    scaled = rois[:, 1:] * scale
    corners = (scaled.abs() + 0.5).floor() * scaled.sign()  # halves go away from 0, as in C
    images, corners = rois[:, 0].int().tolist(), corners.int().tolist()
    out = x.new_zeros(len(rois), x.shape[1], *size)
    for region, (left, top, right, bottom) in enumerate(corners):
        rows = bin_spans(top, bottom, size[0], x.shape[2])
        columns = bin_spans(left, right, size[1], x.shape[3])
        for i, (y0, y1) in enumerate(rows):
            for j, (x0, x1) in enumerate(columns):
                if y0 < y1 and x0 < x1:
                    seen = x[images[region], :, y0:y1, x0:x1]
                    out[region, :, i, j] = seen.amax((1, 2))
    return out


def bin_spans(first, last, bins, extent):
    """Where each bin between two places begins and ends, cut off at an axis of the extent."""
    size = max(last - first + 1, 1)
    spans = []
    for i in range(bins):
        start, end = first + i * size // bins, first - (-(i + 1) * size // bins)
        spans.append((min(max(start, 0), extent), min(max(end, 0), extent)))
    return spans


def lstm_unit(c, gates, cont):
    """The cell and the state after a step, from the gates i, f, o, g."""
    i, f, o, g = gates.chunk(4, -1)
    c = cont * f.sigmoid() * c + i.sigmoid() * g.tanh()
    return c, o.sigmoid() * c.tanh()


def lstm(layer, x, cont, static=None, states=None):
    """The states (T, N, D) of all steps, and h and c after the last; cont is 0 where a sequence
    begins."""
    gates = F.linear(x.flatten(2), layer.weight_x, layer.bias)
    if static is not None:
        gates = gates + F.linear(static.flatten(1), layer.weight_static)
    empty = x.new_zeros(x.shape[1], layer.weight_h.shape[1])
    h, c = states or (empty, empty)
    out = []
    for gate, goes_on in zip(gates, cont.unsqueeze(2), strict=True):
        gate = gate + F.linear(goes_on * h, layer.weight_h)
        c, h = lstm_unit(c, gate, goes_on)
        out.append(h)
    return torch.stack(out), h[None], c[None]


def rnn(layer, x, cont, static=None, states=None):
    """The outputs (T, N, D) of all steps, and the state after the last; cont is 0 where a sequence
    begins."""
    gates = F.linear(x.flatten(2), layer.weight_x, layer.bias)
    if static is not None:
        gates = gates + F.linear(static.flatten(1), layer.weight_static)
    h = states[0] if states else x.new_zeros(x.shape[1], layer.weight_h.shape[1])
    out = []
    for gate, goes_on in zip(gates, cont.unsqueeze(2), strict=True):
        h = (gate + F.linear(goes_on * h, layer.weight_h)).tanh()
        out.append(h)
    return F.linear(torch.stack(out), layer.weight_o, layer.bias_o).tanh(), h[None]
