"""Pictures of nets: layers as boxes, blobs as octagons, drawn by Graphviz.

pydot makes the graph, Graphviz's program `dot` the picture. As .dot, .gv or .raw the graph's text
is written, which needs no `dot`.
"""

import os
import subprocess
from typing import Any

from ..netlib.errors import GoodinitError, import_extra
from ..netlib.graph import filter_net
from ..proto import atomic_write, upgrade_net
from ..proto.caffe_pb2 import (
    ConvolutionParameter,
    LayerParameter,
    NetParameter,
    NetState,
    PoolingParameter,
)

LAYER_STYLE = {'shape': 'box', 'style': 'filled'}
NEURON_COLOR = '#90EE90'  # of layers that work in place
BLOB_STYLE = {'shape': 'octagon', 'style': 'filled', 'fillcolor': '#E0E0E0'}
COLORS = {
    'Convolution': '#FF5050',
    'Deconvolution': '#FF5050',
    'Pooling': '#FF9900',
    'InnerProduct': '#CC33FF',
}
OTHER_COLOR = '#6495ED'
CONVOLVING = ('Convolution', 'Deconvolution')
LEARNING = (*CONVOLVING, 'InnerProduct')
TEXT_FORMATS = ('dot', 'gv', 'raw')


# -- what is written in boxes and beside edges


def get_pooling_types_dict() -> dict[int, str]:
    """The names of the kinds of pooling: {0: 'MAX', ...}."""
    return {number: name for name, number in PoolingParameter.PoolMethod.items()}


def get_edge_label(layer: LayerParameter) -> str:
    """The text beside the edges to a layer's tops: the batch size or the number of outputs,
    else '""'."""
    if layer.type == 'Data':
        return f'Batch {layer.data_param.batch_size}'
    if layer.type == 'InnerProduct':
        return str(layer.inner_product_param.num_output)
    if layer.type in CONVOLVING:
        return str(layer.convolution_param.num_output)
    return '""'


def get_layer_lr_mult(layer: LayerParameter) -> tuple[float, float]:
    """The multipliers of the learning rate, of weights and of biases. Raises ValueError for a layer
    that has none."""
    if layer.type not in LEARNING:
        raise ValueError(f'{layer.type} layers do not have a learning rate multiplier')
    given = [param.lr_mult for param in layer.param]
    weights, biases = [*given, 1.0, 1.0][:2]
    return weights, biases


def get_layer_label(layer: LayerParameter, rankdir: str, display_lrm: bool = False) -> str:
    """The text in a layer's box, in double quotes: its name, its type, its kernel, with
    `display_lrm` its multipliers of the learning rate. In one line where `rankdir` is vertical (TB,
    BT), else in several."""
    kind = layer.type
    if layer.type == 'Pooling':
        kind = f'{kind} {get_pooling_types_dict()[layer.pooling_param.pool]}'
    parts = [_escaped(layer.name), f'({_escaped(kind)})']
    if layer.type == 'Pooling':
        parts += _kernel_labels(layer.pooling_param)
    if layer.type in CONVOLVING:
        parts += _kernel_labels(layer.convolution_param)
    if display_lrm and layer.type in LEARNING and any(get_layer_lr_mult(layer)):
        parts.append('lr mult: {:.1f}, {:.1f}'.format(*get_layer_lr_mult(layer)))
    separator = ' ' if rankdir in ('TB', 'BT') else r'\n'
    return f'"{separator.join(parts)}"'


def _kernel_labels(param: PoolingParameter | ConvolutionParameter) -> list[str]:
    return [
        f'kernel size: {_sides(param, "kernel_size")}',
        f'stride: {_sides(param, "stride")}',
        f'pad: {_sides(param, "pad", 0)}',
    ]


def _sides(param: PoolingParameter | ConvolutionParameter, field: str, default: int = 1) -> str:
    """'3' for a square, '1x7' where height and width are given, 'all' for global pooling."""
    side = field.removesuffix('_size')
    height = getattr(param, f'{side}_h')
    width = getattr(param, f'{side}_w')
    if height or width:
        return f'{height}x{width}'
    if field == 'kernel_size' and getattr(param, 'global_pooling', False):
        return 'all'
    found = getattr(param, field)
    if isinstance(found, int):
        return str(found)
    return 'x'.join(map(str, found or [default]))


def choose_color_by_layertype(layertype: str) -> str:
    """The color of a layer's box, as '#RRGGBB'."""
    return COLORS.get(layertype, OTHER_COLOR)


# -- the graph


def get_pydot_graph(
    caffe_net: NetParameter,
    rankdir: str,
    label_edges: bool = True,
    phase: int | None = None,
    display_lrm: bool = False,
) -> Any:
    """The pydot.Dot of a net: a node for each layer and each blob, edges from bottoms to layers to
    tops.

    rankdir: 'LR' from left to right, 'TB' from top to bottom, 'BT', 'RL'. label_edges: write
    get_edge_label's text beside the edges. phase: only the layers of pb.TRAIN or pb.TEST. Older
    formats are upgraded. Raises GoodinitError.
    """
    pydot = import_extra('pydot', 'plot')
    net = upgrade_net(caffe_net)
    if phase is not None:
        state = NetState()
        state.phase = phase  # type: ignore[assignment]  # an int, as pycaffe takes it
        net = filter_net(net, state)
    graph = pydot.Dot(f'"{_escaped(net.name or "Net")}"', graph_type='digraph', rankdir=rankdir)
    for name in _blob_names(net):
        graph.add_node(pydot.Node(_blob(name), label=f'"{_escaped(name)}"', **BLOB_STYLE))
    for layer in net.layer:
        label = get_layer_label(layer, rankdir, display_lrm)
        color = _color(layer)
        graph.add_node(pydot.Node(_layer(layer), label=label, **LAYER_STYLE, fillcolor=color))
        edge_label = get_edge_label(layer) if label_edges else '""'
        for name in layer.bottom:
            graph.add_edge(pydot.Edge(_blob(name), _layer(layer)))
        for name in layer.top:
            graph.add_edge(pydot.Edge(_layer(layer), _blob(name), label=edge_label))
    return graph


def _blob_names(net: NetParameter) -> list[str]:
    names: dict[str, None] = {}
    for layer in net.layer:
        names.update(dict.fromkeys([*layer.bottom, *layer.top]))
    return list(names)


def _color(layer: LayerParameter) -> str:
    in_place = len(layer.bottom) == 1 and layer.bottom == layer.top
    return NEURON_COLOR if in_place else choose_color_by_layertype(layer.type)


def _layer(layer: LayerParameter) -> str:
    """The name of a layer's node."""
    return f'"{_escaped(layer.name)}_{_escaped(layer.type)}"'


def _blob(name: str) -> str:
    """The name of a blob's node."""
    return f'"{_escaped(name)}_blob"'


def _escaped(text: str) -> str:
    """The text as it stands between double quotes in a graph."""
    return text.replace('\\', r'\\').replace('"', r'\"')


# -- the picture


def draw_net(
    caffe_net: NetParameter,
    rankdir: str,
    ext: str = 'png',
    phase: int | None = None,
    display_lrm: bool = False,
) -> bytes:
    """The picture of a net in the format `ext` (png, svg, pdf, ...), or the graph's text (dot, gv,
    raw).

    The other arguments are get_pydot_graph's. Raises GoodinitError, also where `dot` is missing or
    refuses.
    """
    graph = get_pydot_graph(caffe_net, rankdir, phase=phase, display_lrm=display_lrm)
    text = graph.to_string().encode()
    return text if ext in TEXT_FORMATS else _rendered(text, ext)


def _rendered(graph: bytes, ext: str) -> bytes:
    try:
        done = subprocess.run(['dot', f'-T{ext}'], input=graph, capture_output=True)
    except FileNotFoundError as error:
        raise GoodinitError(
            "a picture needs Graphviz's program `dot`: apt install graphviz, or brew install "
            'graphviz; a .dot file needs none'
        ) from error
    if done.returncode:
        raise GoodinitError(f'dot -T{ext}: {done.stderr.decode(errors="replace").strip()}')
    return done.stdout


def draw_net_to_file(
    caffe_net: NetParameter,
    filename: str | os.PathLike[str],
    rankdir: str = 'LR',
    phase: int | None = None,
    display_lrm: bool = False,
) -> None:
    """Write the picture of a net in the format that the file's extension names, as draw_net. Raises
    GoodinitError."""
    ext = os.path.splitext(filename)[1].lower().removeprefix('.')
    if not ext:
        raise GoodinitError(
            f'{os.fspath(filename)}: found no extension, needed: .png, .svg, .pdf or .dot'
        )
    picture = draw_net(caffe_net, rankdir, ext, phase, display_lrm)
    with atomic_write(filename) as file:
        file.write(picture)
