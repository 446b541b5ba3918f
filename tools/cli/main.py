"""The command `goodinit`: a word says which tool, the rest are its arguments."""

import sys
from collections.abc import Sequence
from importlib import import_module

from ... import __version__
from ...netlib.errors import did_you_mean
from .console import guarded, say

# A subcommand's module in goodinit.tools, whose main(argv) returns an exit status, and what it
# does.
COMMANDS = {
    'init': ('init_net', 'initialize the weights of a net from data'),
    'stats': (
        'stats',
        'outputs, weights and change rates of every layer of a net with its weights',
    ),
    'show': ('show', 'the layers of a net: shapes, parameters, multiplications, memory'),
    'train': ('train', 'train a net as its solver says, perhaps from an initialization'),
    'parse_log': ('parse_log', 'the numbers in the log of a training, as tables or JSON'),
    'plot_log': ('plot_log', 'a picture of the logs of trainings'),
    'test': ('test', 'score a net with its weights'),
    'caffe': ('caffe', 'the `caffe` command of BVLC: train, test, time, device_query'),
    'lint': ('lint', 'all that is wrong with a net or solver prototxt, at once'),
    'convert_imageset': ('convert_imageset', 'images of a list, as a database'),
    'convert_mnist_data': ('convert_mnist_data', "MNIST's files, as a database"),
    'convert_cifar_data': ('convert_cifar_data', "CIFAR-10's files, as databases"),
    'compute_image_mean': ('compute_image_mean', 'the mean image of a database'),
    'extract_features': ('extract_features', 'blobs of a net with its weights, as databases'),
    'upgrade_net_proto_text': (
        'upgrade_net_proto_text',
        'the prototxt of a net, in the current format',
    ),
    'upgrade_net_proto_binary': ('upgrade_net_proto_binary', 'a caffemodel, in the current format'),
    'upgrade_solver_proto_text': (
        'upgrade_solver_proto_text',
        'a solver prototxt, in the current format',
    ),
    'classify': ('classify', 'tell the classes of images with a trained net'),
    'detect': ('detect', 'tell the classes of windows of images with a trained net'),
    'draw': ('draw', 'a picture of a net'),
    'models': ('models', 'list the models that come with goodinit'),
}
WIDTH = max(map(len, COMMANDS))
USAGE = f"""usage: goodinit COMMAND ...

Caffe in Python, with data-dependent weight initialization.

commands (goodinit COMMAND --help tells more):
{chr(10).join(f'  {name:{WIDTH}} {text}' for name, (_, text) in COMMANDS.items())}

to begin with:
  goodinit show lenet
  goodinit init --proto lenet --out lenet.caffemodel

  -h, --help  this text          --version  the version"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit status."""
    command, *rest = list(sys.argv[1:] if argv is None else argv) or ['']
    if command in ('', '-h', '--help', 'help'):
        return guarded('goodinit', lambda: print(USAGE)) or int(not command)
    if command == '--version':
        return guarded('goodinit', lambda: print(f'goodinit {__version__}'))
    if command not in COMMANDS:
        say(
            f"goodinit: unknown command '{command}'{did_you_mean(command, COMMANDS)} (known: {', '.join(COMMANDS)})"
        )
        return 1
    return guarded(
        'goodinit', lambda: import_module(f'goodinit.tools.{COMMANDS[command][0]}').main(rest)
    )


if __name__ == '__main__':
    sys.exit(main())
