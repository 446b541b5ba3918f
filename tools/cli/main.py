"""The command `goodinit`: its first word chooses a tool, the rest are the tool's arguments."""

import sys
from collections.abc import Sequence
from importlib import import_module

from ... import __version__
from ...netlib.errors import did_you_mean
from .console import guarded, say

# Each is a file of tools/ of the same name, whose main(argv) returns the exit status.
COMMANDS = {
    'init': 'initialize the weights of a net from data',
    'stats': 'measure the outputs, weights and change rates of every layer of a net',
    'bn_statistics': 'measure the running statistics of BatchNorm layers on data',
    'show': 'show the layers of a net: shapes, parameters, multiplications, memory',
    'train': 'train a net as its solver says, perhaps from an initialization',
    'test': 'score a net with its weights',
    'lint': 'report every problem in a net or solver prototxt',
    'models': 'list the models that come with goodinit',
    'layers': 'list the layer types and what each computes',
    'draw': 'draw a net',
    'learn': 'exercises of the book: list, start, check a solution',
    'convert': 'convert a net for ONNX, PyTorch or NumPy, checked by running it',
    'parse_log': 'extract the numbers from the log of a training, as tables or JSON',
    'plot_log': 'plot the logs of trainings',
    'reproduce': 'reproduce tables and figures of the papers on initialization',
    'classify': 'classify images with a trained net',
    'detect': 'classify windows of images with a trained net',
    'extract_features': 'write blobs of a net with its weights to databases',
    'convert_imageset': 'convert a list of images to a database',
    'convert_mnist_data': "convert MNIST's files to a database",
    'convert_mnist_siamese_data': "convert MNIST's files to a database of pairs of images",
    'convert_cifar_data': "convert CIFAR-10's files to databases",
    'imagenet': "make databases of ImageNet's tar files, or of its folders",
    'compute_image_mean': 'compute the mean image of a database',
    'upgrade_net_proto_text': 'upgrade the prototxt of a net to the current format',
    'upgrade_net_proto_binary': 'upgrade a caffemodel to the current format',
    'upgrade_solver_proto_text': 'upgrade a solver prototxt to the current format',
    'caffe': 'the `caffe` command of BVLC: train, test, time, device_query',
    'caffe_tree': 'make the programs that scripts for a checkout of Caffe call',
    'completion': 'print what lets a shell complete commands, options and models',
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
  goodinit init lenet --report lenet.html

  -h, --help  this text          -V, --version  the version"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    command, *rest = list(sys.argv[1:] if argv is None else argv) or ['']
    if command in ('', '-h', '--help', 'help'):
        return guarded('goodinit', lambda: print(USAGE)) or int(not command)
    if command in ('-V', '--version'):
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
