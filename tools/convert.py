#!/usr/bin/env python3
"""Convert a net with its weights to ONNX, PyTorch, safetensors or NumPy, and weights back.

    goodinit convert lenet lenet.caffemodel lenet.onnx
    goodinit convert deploy.prototxt trained.caffemodel net.py
    goodinit convert train_val.prototxt init.caffemodel net.py --train
    goodinit convert deploy.prototxt trained_elsewhere.safetensors home.caffemodel

What was written is run first, and compared with what goodinit computes.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from goodinit.tools.cli.console import Parser, run, say

from goodinit.export import table
from goodinit.export.check import TOLERANCE
from goodinit.export.convention import GIVEN, Convention, convention_of, numbers
from goodinit.feeding.bundled import find_model
from goodinit.feeding.data_layers import data_layers
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.net_file import NetFile, read_net_file
from goodinit.feeding.shaped import shaped
from goodinit.feeding.weights_file import take_weights
from goodinit.netlib import Net
from goodinit.netlib.errors import GoodinitError, NetError
from goodinit.netlib.weights import save
from goodinit.proto.caffe_pb2 import TEST, TRAIN, NetParameter
from goodinit.tools.cli.arguments import add_engine, add_input_shape, add_strictness
from goodinit.tools.cli.gpu import engine_for
from goodinit.tools.cli.values import one_of, real

from goodinit import export

EPILOG = """NET is a deploy or train_val prototxt, or the name of a bundled model. Losses, scores
and data layers are cut; what they would read becomes an input.

WEIGHTS is a caffemodel, .h5, .safetensors or .npz file.

OUT's suffix says what is written:
  .onnx                 ONNX, for onnxruntime, OpenCV 5, TensorRT, OpenVINO and others
  .py                   a PyTorch module, with its weights in a .safetensors file beside it
  .safetensors, .npz    the weights alone, as PyTorch names them
  .caffemodel, .h5      the weights back home

What was written is run, and compared with what goodinit computes of the same images. If an output
differs by more than --tolerance of its largest value, nothing is written, unless rounding
explains it: up to four times the change of goodinit's own output when the input changes in its
last digits."""
HOME = ('.caffemodel', '.h5', '.hdf5')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(convert, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit convert', __doc__ or '', epilog=EPILOG)
    add = parser.add_argument
    parser.add_first(parser, '--proto', 'net', 'the net', nargs='?', default='')
    add('weights', metavar='WEIGHTS', nargs='?', default='', help='its weights')
    add('out', metavar='OUT', nargs='?', default='', help='the file to write')
    add('--list', action='store_true', help='print what becomes of each layer type, and stop')
    add('--force', action='store_true', help='overwrite OUT')
    add('--no-check', dest='check', action='store_false', help='do not run what was written')
    add(
        '--tolerance',
        metavar='T',
        type=real(above=0),
        default=TOLERANCE,
        help='by what part of their largest value outputs may differ (default: %(default)g)',
    )
    add('--until', metavar='BLOB', default='', help='end at this blob, or these (loc,conf)')
    add('--train', action='store_true', help='.py: keep the losses, to train the module')
    add_input(parser)
    add_input_shape(parser)
    add_engine(parser)
    add_strictness(parser)
    return parser


def add_input(parser: Parser) -> None:
    group = parser.add_argument_group(
        'the input', 'By default the file takes what the net takes, and says so in its metadata.'
    )
    add = group.add_argument
    add(
        '--input',
        metavar='KIND',
        type=one_of(GIVEN),
        help=f'let the file prepare its images: {", ".join(GIVEN)}',
    )
    add(
        '--mean',
        metavar='M',
        default='',
        help='what is subtracted: a number, one per channel (104,117,123), or a mean file '
        '(default: as the data layer says)',
    )
    add(
        '--scale',
        metavar='S',
        type=real(),
        help='by what is multiplied after the mean (default: as the data layer says)',
    )


def convert(args: argparse.Namespace) -> None:
    if args.list:
        print(table.as_text())
        return
    check_arguments(args)
    file = find_net(args)
    param = file.param
    if args.input_shape or not is_fed(param):
        param = shaped(file, DataOptions(input_shape=args.input_shape))
    say(f'net:     {file.path}')
    if Path(args.out).suffix in HOME:
        bring_home(args, file, param)
    else:
        write(args, file, param)


def check_arguments(args: argparse.Namespace) -> None:
    """Raises GoodinitError for what is missing or does not go together, before any work."""
    missing = [name for name in ('net', 'weights', 'out') if not getattr(args, name)]
    if missing:
        raise NetError(f'needed: NET WEIGHTS OUT; missing: {", ".join(missing).upper()}')
    out = Path(args.out)
    export.known_suffix(out, also=HOME)
    if args.train and out.suffix != '.py':
        raise NetError(f'--train goes with a .py file; {out} has no losses')
    for path in export.files_of(out):
        if Path(path).exists() and not args.force:
            raise NetError(f'{path}: already exists (use --force to overwrite)')


def find_net(args: argparse.Namespace) -> NetFile:
    """The net that is used: of a bundled model the deploy prototxt, unless it is to be trained."""
    phase = TRAIN if args.train else TEST
    if not args.train and not Path(args.net).is_file():
        try:
            return read_net_file(str(find_model(args.net, 'deploy')), phase)
        except GoodinitError:
            pass  # it has none, or is no bundled model: read_net_file says which
    return read_net_file(args.net, phase)


def is_fed(param: NetParameter) -> bool:
    """Whether Input layers of known shapes feed the net; then DummyData are its constants."""
    types = {layer.type for layer in data_layers(param)}
    inputs = [layer for layer in param.layer if layer.type == 'Input']
    known = all(layer.input_param.shape for layer in inputs)
    return bool(inputs) and known and types <= {'DummyData'}


def write(args: argparse.Namespace, file: NetFile, param: NetParameter) -> None:
    """Write the net in another framework's terms, and say what came of it."""
    param, notes = export.deploy(param, args.until, args.train)
    net = Net(param, phase=TEST, engine=engine_for(args))
    notes += take_weights(net, args.weights)
    convention = convention_for(args, file)
    options = export.Options(
        args.until,
        args.train,
        args.check,
        args.tolerance,
        convention,
        source=source_of(args, file),
    )
    try:
        report = export.write(net, args.out, options)
    except export.CannotExport as error:
        for problem in error.problems:
            say(problem)
        raise NetError(f'{args.out} is not written: {error.summary}') from error
    for note in notes + report.notes:
        say(f'note:    {note}')
    say_check(report)
    say(f'written: {", ".join(report.files)}')


def convention_for(args: argparse.Namespace, file: NetFile) -> Convention:
    """What the net expects of its input, as the prototxt or the user says."""
    found = convention_of(file.param, file.path)
    if args.mean:
        found.mean, found.mean_file = numbers(args.mean), ''
    if args.scale is not None:
        found.scale = args.scale
    found.given = args.input or ''
    return found


def source_of(args: argparse.Namespace, file: NetFile) -> str:
    net = '/'.join(file.path.parts[-2:])
    return f'{net} and {Path(args.weights).name}'


def say_check(report: export.Report) -> None:
    if report.unchecked:
        say(f'checked: no: {report.unchecked}')
        return
    worst = sorted(report.differences, key=lambda difference: -difference.share)
    shown = ', '.join(map(str, worst[:5]))
    more = f' and {len(worst) - 5} more' if len(worst) > 5 else ''
    say(f'checked: {report.runner}; largest differences, as parts of the largest value:')
    say(f'         {shown}{more}')


def bring_home(args: argparse.Namespace, file: NetFile, param: NetParameter) -> None:
    """Put weights from elsewhere into a file of Caffe's."""
    net = Net(param, engine=engine_for(args))
    for note in take_weights(net, args.weights):
        say(f'note:    {note}')
    save(net, args.out)
    say(f'written: {args.out}')


if __name__ == '__main__':
    sys.exit(main())
