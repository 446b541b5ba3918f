"""A layer on given arrays, in float64 on the reference engine."""

from case import case, exactly
from goodinit.netlib.engines import make_engine


def built(type, fields='', tops='y', train=False, params=None, **bottoms):
    """A net of the layer on these arrays, in float64, with its parameters filled with these."""
    given = {i: exactly(array) for i, array in enumerate(params or [])}
    arrays = {name: exactly(array) for name, array in bottoms.items()}
    layer = case(type, fields, tops=tops, train=train, params=given, **arrays)
    net = layer.net(make_engine('reference', dtype=float))
    net.forward()
    return net


def computed(type, fields='', **more):
    return built(type, fields, **more).blobs['y'].data


def sent_back(net, dy):
    """The gradient by x, from that by y."""
    net.blobs['y'].diff = dy
    net.layers[-1].backward(
        net.tops[-1], [name != 'mask' for name in net.layers[-1].param.bottom], net.bottoms[-1]
    )
    return net.blobs['x'].diff
