"""The command `goodinit`. Ctrl-C while Python still loads it ends it in silence, as it ends any
program."""

import signal
import sys


def main() -> int:
    """Run the command line of this process; returns the exit status."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # not ignored, as it is in the background of a shell
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from goodinit.tools.cli.main import main as run

    signal.signal(signal.SIGINT, handler)
    return run()


if __name__ == '__main__':
    sys.exit(main())
