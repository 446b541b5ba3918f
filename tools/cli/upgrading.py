"""What the commands that upgrade old formats share: their command line, and the upgrade of a net
with the lines that Caffe logs of it."""

from collections.abc import Callable
from dataclasses import dataclass

from ...proto import upgrade_net
from ...proto.caffe_pb2 import NetParameter, V1LayerParameter
from ...proto.errors import about
from ...proto.upgrade_v1 import DATA_PARAMS, TRANSFORMS, TYPES
from ...solvers.log.glog import log
from .arguments import add_unknown_fields
from .gflags import GflagsParser


def upgrade_arguments(tool: str, description: str | None) -> GflagsParser:
    """The command line of an upgrade tool."""
    parser = GflagsParser(f'goodinit {tool}', description or '')
    parser.add_argument('input', metavar='IN', help='the file to read')
    parser.add_argument('output', metavar='OUT', help='the file to write')
    add_unknown_fields(parser)
    return parser


# -- Caffe's upgrades of a net, in their order


@dataclass
class Upgrade:
    """One of Caffe's upgrades: which nets need it, and what is logged before and after. Each line
    is (place, text); a note is a warning."""

    needed: Callable[[NetParameter], bool]
    before: tuple[str, str]
    done: tuple[str, str]
    note: tuple[str, str] | None = None


def has_v0_layers(net: NetParameter) -> bool:
    return any(layer.HasField('layer') for layer in net.layers)


def has_old_transforms(net: NetParameter) -> bool:
    """Whether settings of the data transformation stand outside transform_param."""
    for layer in net.layers:
        kind = TYPES[V1LayerParameter.LayerType.Name(layer.type)]
        if kind in DATA_PARAMS:
            data = getattr(layer, DATA_PARAMS[kind])
            if any(data.HasField(field) for field in TRANSFORMS):
                return True
    return False


def has_v1_layers(net: NetParameter) -> bool:
    return bool(net.layers)


def has_input_fields(net: NetParameter) -> bool:
    return bool(net.input)


def has_old_batch_norm(net: NetParameter) -> bool:
    return any(layer.type == 'BatchNorm' and len(layer.param) == 3 for layer in net.layer)


BEGIN = 'Attempting to upgrade input file specified using deprecated'
DONE = 'Successfully upgraded file specified using deprecated'
UPGRADES = (
    Upgrade(
        has_v0_layers,
        ('upgrade_proto.cpp:28', f'{BEGIN} V0LayerParameter'),
        ('upgrade_proto.cpp:36', f'{DONE} V0LayerParameter'),
        (
            'upgrade_proto.cpp:39',
            'Note that future Caffe releases will not support V0NetParameter; use '
            './build/tools/upgrade_net_proto_text for prototxt and '
            './build/tools/upgrade_net_proto_binary for model '
            'weights upgrade this and any other net protos to the new format.',
        ),
    ),
    Upgrade(
        has_old_transforms,
        ('upgrade_proto.cpp:46', f'{BEGIN} transformation parameters'),
        ('upgrade_proto.cpp:49', f'{DONE} data transformation parameters.'),
        (
            'upgrade_proto.cpp:51',
            'Note that future Caffe releases will only support transform_param messages '
            'for transformation fields.',
        ),
    ),
    Upgrade(
        has_v1_layers,
        ('upgrade_proto.cpp:55', f'{BEGIN} V1LayerParameter'),
        ('upgrade_proto.cpp:63', f'{DONE} V1LayerParameter'),
    ),
    Upgrade(
        has_input_fields,
        ('upgrade_proto.cpp:69', f'{BEGIN} input fields'),
        ('upgrade_proto.cpp:72', f'{DONE} input fields.'),
        (
            'upgrade_proto.cpp:74',
            'Note that future Caffe releases will only support input layers and not input fields.',
        ),
    ),
    Upgrade(
        has_old_batch_norm,
        (
            'upgrade_proto.cpp:79',
            'Attempting to upgrade batch norm layers using deprecated params',
        ),
        (
            'upgrade_proto.cpp:82',
            'Successfully upgraded batch norm layers using deprecated params.',
        ),
    ),
)
PROBLEMS = (
    'Warning: had one or more problems upgrading V0NetParameter to NetParameter (see above); '
    'continuing anyway.'
)


def upgraded_net(net: NetParameter, name: str, tool: str) -> tuple[NetParameter, list[str]]:
    """The net in the current format, and what was left out of it, with Caffe's log.

    name: of the net's file. tool: BVLC's source file of the tool. Raises ProtoError.
    """
    upgrades = [upgrade for upgrade in UPGRADES if upgrade.needed(net)]
    if upgrades:
        _log_before(upgrades[0], name)
    else:
        log(f'{tool}:43', f'File already in latest proto format: {name}', 'E')
    problems: list[str] = []
    with about(name):
        upgraded = upgrade_net(net, problems)
    for problem in problems:
        log('upgrade_proto.cpp:283', problem, 'E')
    for upgrade in upgrades:
        # Only a V0 net has problems, and its upgrade is the first.
        first = upgrade is upgrades[0]
        if not first:
            _log_before(upgrade, name)
        _log_after(upgrade, with_problems=first and bool(problems))
    if problems:
        log(f'{tool}:39', 'Encountered error(s) while upgrading prototxt; see details above.', 'E')
    return upgraded, problems


def _log_before(upgrade: Upgrade, name: str) -> None:
    place, text = upgrade.before
    log(place, f'{text}: {name}')


def _log_after(upgrade: Upgrade, with_problems: bool) -> None:
    if with_problems:
        log('upgrade_proto.cpp:33', PROBLEMS, 'E')
    else:
        log(*upgrade.done)
    if upgrade.note:
        log(*upgrade.note, 'W')
