"""The command `goodinit`: a word says which tool, the rest are its arguments."""
import sys
from collections.abc import Sequence
from importlib import import_module

from .. import __version__
from ..netlib.errors import meant
from .console import say

# A subcommand's module in goodinit.tools, whose main(argv) returns an exit status, and what it does.
COMMANDS = {
    'init': ('init_net', 'initialize the weights of a net from data'),
    'stats': ('net_stats', 'outputs, weights and change rates of every layer of a net with its weights'),
    'show': ('show_net', 'the layers of a net: shapes, parameters, multiplications, memory'),
    'train': ('train', 'train a net as its solver says, perhaps from an initialization'),
    'caffe': ('caffe', "the `caffe` command of BVLC: train, test, time, device_query"),
    'models': ('list_models', 'list the models that come with goodinit'),
}
USAGE = f"""usage: goodinit COMMAND ...

Caffe in Python, with data-dependent weight initialization.

commands (goodinit COMMAND --help tells more):
{chr(10).join(f'  {name:8} {text}' for name, (_, text) in COMMANDS.items())}

to begin with:
  goodinit show lenet
  goodinit init --proto lenet --out lenet.caffemodel

  -h, --help  this text          --version  the version"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit status."""
    command, *rest = list(sys.argv[1:] if argv is None else argv) or ['']
    if command in ('', '-h', '--help', 'help'):
        print(USAGE)
        return 0 if command else 1
    if command == '--version':
        print(f'goodinit {__version__}')
        return 0
    if command not in COMMANDS:
        say(f"goodinit: unknown command '{command}'{meant(command, COMMANDS)} (known: {', '.join(COMMANDS)})")
        return 1
    return import_module(f'goodinit.tools.{COMMANDS[command][0]}').main(rest)


if __name__ == '__main__':
    sys.exit(main())
