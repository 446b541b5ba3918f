"""The pictures of a report: the filters of the first convolution, and what it makes of images."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from numpy import ndarray

from ...feeding.fed_net import FedNet
from ...initializers.activations import set_inputs
from ...initializers.walk import measuring
from ...netlib import Net
from ...netlib.errors import NetError
from ...netlib.layers import Layer
from ..plots.figures import in_palette
from ..plots.filters import about_filters, activation_figure, filter_figure, first_convolution

IMAGES = 2  # of which activations are shown
DPI = 80


@dataclass
class Picture:
    """A picture for the page: its PNG in base64, and a caption that says all that it shows."""

    png: str
    caption: str


@dataclass
class Filters:
    """The filters of a layer, (N, C, H, W), in a state such as 'before'."""

    layer: Layer
    weights: ndarray
    state: str


def first_filters(net: Net, state: str) -> list[Filters]:
    """Those of the first convolution as they are now; none in a net without one."""
    try:
        layer = first_convolution(net)
    except NetError:
        return []
    return [Filters(layer, layer.params[0].data.copy(), state)]


def pictures_of(fed: FedNet, filters: Sequence[Filters]) -> list[Picture]:
    """The filters in each state, and what the last ones make of the first images."""
    found = [picture_of_filters(each) for each in filters]
    if filters:
        found += activations_of(fed, filters[-1].layer)
    return found


def picture_of_filters(filters: Filters) -> Picture:
    text = about_filters(filters.layer)
    when = f', {filters.state}' if filters.state else ''
    figure = filter_figure(filters.layer.name, filters.weights, when)
    return Picture(encoded(png_of(figure)), f'{text[:1].upper()}{text[1:]}{when}.')


def activations_of(fed: FedNet, layer: Layer) -> list[Picture]:
    """What a convolution makes of the first images, if it reads images of the data."""
    net = fed.net
    index = net.layers.index(layer)
    name = net.bottoms[index][0].name
    if name not in net.inputs or fed.data.axis:
        return []
    found = []
    for i, (image, values) in enumerate(run_on(fed, name, index)):
        caption = (
            f"What '{layer.name}' makes of image {i + 1} of the data: its {len(values)} outputs; "
            'red is above 0, blue below.'
        )
        figure = activation_figure(layer.name, image, values)
        png = in_palette(png_of(figure))  # of so many small pictures, a few colors are enough
        found.append(Picture(encoded(png), caption))
    return found


def run_on(fed: FedNet, name: str, index: int) -> list[tuple[ndarray, ndarray]]:
    """The first samples of input `name`, and the outputs of a layer: (C, H, W) each. None for what
    is no image."""
    net = fed.net
    batch = fed.data.batches[0]
    with measuring(net):
        set_inputs(net, batch)
        net.run(end=index)
        values = net.tops[index][0].data[:IMAGES].copy()
    images = batch[name][:IMAGES]
    if images.ndim != 4 or values.ndim != 4:
        return []
    return list(zip(images, values, strict=True))


def png_of(figure: Any) -> bytes:
    made = BytesIO()
    figure.savefig(made, format='png', dpi=DPI, bbox_inches='tight')
    return made.getvalue()


def encoded(png: bytes) -> str:
    """In base64."""
    return base64.b64encode(png).decode()
