#!/usr/bin/env python3
"""Bring the prototxt of a net to the current format, as Caffe's tool of this name.

    goodinit upgrade_net_proto_text old.prototxt new.prototxt

Exit status 1: what a V0 layer cannot have was left out, or an error said that there is no output.
2: IN is not the text of a net.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from goodinit.tools.cli.console import Parser, run

from goodinit.proto import (
    ProtoError,
    existing_file,
    parse_text,
    read_text,
    upgrade_net,
    write_text,
)
from goodinit.proto.caffe_pb2 import NetParameter, V1LayerParameter
from goodinit.proto.errors import about
from goodinit.proto.upgrade_v1 import DATA_PARAMS, TRANSFORMS, TYPES
from goodinit.solvers.log.glog import log

PLACE = 'upgrade_net_proto_text.cpp'


@dataclass
class Step:
    """One of Caffe's upgrades: which nets need it, and what is logged before and after (level,
    place, text)."""

    needed: Callable[[NetParameter], bool]
    before: tuple[str, str]
    after: list[tuple[str, str, str]]


def has_old_transforms(net: NetParameter) -> bool:
    """Whether settings of the data transformation stand outside transform_param."""
    kinds = [(layer, TYPES[V1LayerParameter.LayerType.Name(layer.type)]) for layer in net.layers]
    return any(
        getattr(layer, DATA_PARAMS[kind]).HasField(field)
        for layer, kind in kinds
        if kind in DATA_PARAMS
        for field in TRANSFORMS
    )


OLD = 'upgrade input file specified using deprecated'
DONE = 'Successfully upgraded file specified using deprecated'
STEPS = [
    Step(
        lambda net: any(layer.HasField('layer') for layer in net.layers),
        ('upgrade_proto.cpp:28', f'Attempting to {OLD} V0LayerParameter'),
        [
            ('I', 'upgrade_proto.cpp:36', f'{DONE} V0LayerParameter'),
            (
                'W',
                'upgrade_proto.cpp:39',
                'Note that future Caffe releases will not support V0NetParameter; use '
                './build/tools/upgrade_net_proto_text for prototxt and ./build/tools/upgrade_net_proto_binary for model '
                'weights upgrade this and any other net protos to the new format.',
            ),
        ],
    ),
    Step(
        has_old_transforms,
        ('upgrade_proto.cpp:46', f'Attempting to {OLD} transformation parameters'),
        [
            ('I', 'upgrade_proto.cpp:49', f'{DONE} data transformation parameters.'),
            (
                'W',
                'upgrade_proto.cpp:51',
                'Note that future Caffe releases will only support transform_param messages '
                'for transformation fields.',
            ),
        ],
    ),
    Step(
        lambda net: bool(net.layers),
        ('upgrade_proto.cpp:55', f'Attempting to {OLD} V1LayerParameter'),
        [('I', 'upgrade_proto.cpp:63', f'{DONE} V1LayerParameter')],
    ),
    Step(
        lambda net: bool(net.input),
        ('upgrade_proto.cpp:69', f'Attempting to {OLD} input fields'),
        [
            ('I', 'upgrade_proto.cpp:72', f'{DONE} input fields.'),
            (
                'W',
                'upgrade_proto.cpp:74',
                'Note that future Caffe releases will only support input layers and not input '
                'fields.',
            ),
        ],
    ),
    Step(
        lambda net: any(layer.type == 'BatchNorm' and len(layer.param) == 3 for layer in net.layer),
        ('upgrade_proto.cpp:79', 'Attempting to upgrade batch norm layers using deprecated params'),
        [
            (
                'I',
                'upgrade_proto.cpp:82',
                'Successfully upgraded batch norm layers using deprecated params.',
            )
        ],
    ),
]
PROBLEMS = (
    'Warning: had one or more problems upgrading V0NetParameter to NetParameter (see above); continuing '
    'anyway.'
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(upgrade, arguments('upgrade_net_proto_text', __doc__), argv)


def arguments(tool: str, description: str | None) -> Parser:
    """The command line of an upgrade tool."""
    parser = Parser(f'goodinit {tool}', description or '')
    parser.add_argument('input', metavar='IN', help='the file to read')
    parser.add_argument('output', metavar='OUT', help='the file to write')
    return parser


def upgrade(args: argparse.Namespace) -> int:
    existing_file(args.input)
    try:
        net = parse_text(read_text(args.input), NetParameter(), args.input)
    except ProtoError as error:
        log(f'{PLACE}:29', f'Failed to parse input text file as NetParameter: {error}', 'E')
        return 2
    upgraded, problems = upgraded_net(net, args.input, PLACE)
    write_text(upgraded, args.output)
    log(f'{PLACE}:49', f'Wrote upgraded NetParameter text proto to {args.output}')
    return 1 if problems else 0


def upgraded_net(net: NetParameter, name: str, place: str) -> tuple[NetParameter, list[str]]:
    """The net in the current format, and what was left out of it, with Caffe's log. Raises
    ProtoError."""
    problems: list[str] = []
    steps = [step for step in STEPS if step.needed(net)]
    if steps:
        log(steps[0].before[0], f'{steps[0].before[1]}: {name}')
    else:
        log(f'{place}:43', f'File already in latest proto format: {name}', 'E')
    with about(name):
        upgraded = upgrade_net(net, problems)
    for problem in problems:
        log('upgrade_proto.cpp:283', problem, 'E')
    for i, step in enumerate(steps):
        if i:
            log(step.before[0], f'{step.before[1]}: {name}')
        done, *notes = step.after
        lines = [('E', 'upgrade_proto.cpp:33', PROBLEMS) if problems and not i else done, *notes]
        for level, where, text in lines:
            log(where, text, level)
    if problems:
        log(f'{place}:39', 'Encountered error(s) while upgrading prototxt; see details above.', 'E')
    return upgraded, problems


if __name__ == '__main__':
    sys.exit(main())
