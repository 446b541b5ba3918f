"""Upgrades nets and solvers from older formats, in BVLC Caffe's order: V0 layers, V1 layers
with their data transforms, `input:` fields, BatchNorm parameters; and solver_type.
"""

import logging

from . import upgrade_v0, upgrade_v1
from .caffe_pb2 import InputParameter, LayerParameter, NetParameter, SolverParameter
from .errors import ProtoError
from .fields import copy_fields

log = logging.getLogger(__name__)
SOLVER_TYPES = {
    'SGD': 'SGD',
    'NESTEROV': 'Nesterov',
    'ADAGRAD': 'AdaGrad',
    'RMSPROP': 'RMSProp',
    'ADADELTA': 'AdaDelta',
    'ADAM': 'Adam',
}


def needs_upgrade(net: NetParameter) -> bool:
    """Whether the net is in an older format."""
    return bool(net.layers or net.input or any(map(_is_old_batch_norm, net.layer)))


def upgrade_net(net: NetParameter, problems: list[str] | None = None) -> NetParameter:
    """A copy of the net in the current format.

    As in Caffe, settings that make no sense for their V0 layer are omitted. They are appended to
    `problems`, or logged as warnings without a list. Raises ProtoError where Caffe refuses: `layer`
    together with `layers`, an unknown layer type, a padding layer before a layer other than a
    convolution or pooling.
    """
    _check_one_format(net)
    found: list[str] = []
    if any(layer.HasField('layer') for layer in net.layers):
        net = upgrade_v0.upgrade_layers(net, found)
    upgraded = _upgrade_v1_layers(net, found)
    if upgraded.input:
        upgraded = _inputs_to_layer(upgraded)
    _fix_batch_norm(upgraded)
    if problems is None:
        for problem in found:
            log.warning('%s', problem)
    else:
        problems += found
    return upgraded


def _check_one_format(net: NetParameter) -> None:
    if not (net.layer and net.layers):
        return
    origins = filter(None, [net.layer[0].origin, net.layers[0].origin])
    places = ' and '.join(origins)
    where = f' (at {places})' if places else ''
    raise ProtoError(
        f'a net has either `layer` or the older `layers`, and this one has both{where}: '
        'upgrade the `layers` first'
    )


def _upgrade_v1_layers(net: NetParameter, problems: list[str]) -> NetParameter:
    upgraded = NetParameter()
    copy_fields(net, upgraded, skip=['layers'])
    for layer in net.layers:
        upgrade_v1.upgrade_layer(layer, upgraded.layer.add())
        if layer.type == layer.CROP:
            problems.append(
                f"layer '{layer.name}': CROP computed its own offset, but Crop starts at 0: "
                'give crop_param { offset } in the upgraded file'
            )
    return upgraded


def _inputs_to_layer(net: NetParameter) -> NetParameter:
    """`input`, `input_shape` and `input_dim` become an Input layer in front."""
    upgraded = NetParameter()
    copy_fields(net, upgraded, skip=['input', 'input_shape', 'input_dim', 'layer'])
    if net.input_shape or net.input_dim or _needs_inputs(net):
        layer = upgraded.layer.add(name='input', type='Input', top=net.input)
        _shape_inputs(layer.input_param, net)
    upgraded.layer.extend(net.layer)
    return upgraded


def _needs_inputs(net: NetParameter) -> bool:
    """Whether a layer reads an input that no layer makes. Weights saved before 2015 name their
    inputs without shapes; nothing is lost with them."""
    if any(layer.blobs for layer in net.layer):
        return False
    made = {top for layer in net.layer for top in layer.top}
    read = {bottom for layer in net.layer for bottom in layer.bottom}
    return bool(read.intersection(net.input) - made)


def _shape_inputs(param: InputParameter, net: NetParameter) -> None:
    """Copy the shapes of the inputs; as in Caffe, further ones are not read. Raises ProtoError if
    there are too few."""
    needed = len(net.input)
    shapes = len(net.input_shape)
    dims = len(net.input_dim)
    if shapes:
        param.shape.extend(net.input_shape[:needed])
    else:
        for start in range(0, min(dims, 4 * needed), 4):
            param.shape.add(dim=net.input_dim[start : start + 4])
    if (shapes or dims // 4) < needed:
        raise ProtoError(
            f'{needed} `input` need as many `input_shape`, or 4 `input_dim` each; '
            f'there are {shapes} input_shape and {dims} input_dim'
        )


def _fix_batch_norm(net: NetParameter) -> None:
    """The three blobs of a BatchNorm are statistics and do not learn; old nets gave them rates."""
    for layer in filter(_is_old_batch_norm, net.layer):
        for param in layer.param:
            param.lr_mult = param.decay_mult = 0


def _is_old_batch_norm(layer: LayerParameter) -> bool:
    return layer.type == 'BatchNorm' and len(layer.param) == 3


def upgrade_solver(solver: SolverParameter) -> SolverParameter:
    """A copy with `type` instead of solver_type, and upgraded inline nets. Raises ProtoError."""
    upgraded = SolverParameter()
    upgraded.CopyFrom(solver)
    if solver.HasField('solver_type'):
        if solver.HasField('type'):
            raise ProtoError(
                'solver_type (enum) is the older form of type (string): give one of them'
            )
        upgraded.type = SOLVER_TYPES[SolverParameter.SolverType.Name(solver.solver_type)]
        upgraded.ClearField('solver_type')
    for name in ('net_param', 'train_net_param'):
        if upgraded.HasField(name):
            net = getattr(upgraded, name)
            net.CopyFrom(upgrade_net(net))
    for net in upgraded.test_net_param:
        net.CopyFrom(upgrade_net(net))
    return upgraded
