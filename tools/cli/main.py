"""The command `goodinit`: its first word chooses a tool, the rest are the tool's arguments."""

import sys
from collections.abc import Sequence
from importlib import import_module

from ... import __version__
from ...netlib.errors import did_you_mean
from .console import guarded, say

# Each is a file of tools/ of the same name, whose main(argv) returns the exit status.
COMMANDS = {
<<<<<<< HEAD
    'init': 'initialize the weights of a net from data',
    'stats': 'measure the outputs, weights and change rates of every layer of a net',
    'show': 'show the layers of a net: shapes, parameters, multiplications, memory',
    'train': 'train a net as its solver says, perhaps from an initialization',
    'test': 'score a net with its weights',
    'lint': 'report every problem in a net or solver prototxt',
    'models': 'list the models that come with goodinit',
    'layers': 'list the layer types and what each computes',
    'draw': 'draw a net',
    'convert': 'convert a net for ONNX, PyTorch or NumPy, checked by running it',
    'parse_log': 'extract the numbers from the log of a training, as tables or JSON',
    'plot_log': 'plot the logs of trainings',
    'classify': 'classify images with a trained net',
    'detect': 'classify windows of images with a trained net',
    'extract_features': 'write blobs of a net with its weights to databases',
    'convert_imageset': 'convert a list of images to a database',
    'convert_mnist_data': "convert MNIST's files to a database",
    'convert_cifar_data': "convert CIFAR-10's files to databases",
    'compute_image_mean': 'compute the mean image of a database',
    'upgrade_net_proto_text': 'upgrade the prototxt of a net to the current format',
    'upgrade_net_proto_binary': 'upgrade a caffemodel to the current format',
    'upgrade_solver_proto_text': 'upgrade a solver prototxt to the current format',
    'caffe': 'the `caffe` command of BVLC: train, test, time, device_query',
=======
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
    'convert': ('convert', 'a net for ONNX, PyTorch or NumPy, checked by running it'),
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
>>>>>>> 406ebc8 (goodinit convert)
}
FILES = {'init': 'init_net'}  # except this one
WIDTH = max(map(len, COMMANDS))
ROWS = '\n'.join(f'  {name:{WIDTH}} {text}' for name, text in COMMANDS.items())
USAGE = f"""usage: goodinit COMMAND ...

Caffe in Python, with data-dependent weight initialization.

commands (goodinit COMMAND --help tells more):
{ROWS}

to begin with:
  goodinit show lenet
  goodinit init --proto lenet --out lenet.caffemodel

  -h, --help  this text          --version  the version"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    command, *rest = list(sys.argv[1:] if argv is None else argv) or ['']
    if command in ('', '-h', '--help', 'help'):
        return guarded('goodinit', lambda: print(USAGE)) or int(not command)
    if command == '--version':
        return guarded('goodinit', lambda: print(f'goodinit {__version__}'))
    if command not in COMMANDS:
        hint = did_you_mean(command, COMMANDS)
        say(f"goodinit: unknown command '{command}'{hint} (known: {', '.join(COMMANDS)})")
        return 1
    return run_command(command, rest)


def run_command(command: str, argv: Sequence[str]) -> int:
    """Load a command and run it on its arguments; returns the exit status."""
    modules = []

    def load() -> None:
        modules.append(import_module(f'goodinit.tools.{FILES.get(command, command)}'))

    failed = guarded('goodinit', load)
    return failed or modules[0].main(argv)  # which guards itself


if __name__ == '__main__':
    sys.exit(main())
