"""The command `goodinit`. While Python still loads it, Ctrl-C ends it without a message, like any
program."""

import signal
import sys


def main() -> int:
    """Run the command line of this process; returns the exit status."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # a shell's background processes ignore it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from goodinit.tools.cli.main import main as run

    signal.signal(signal.SIGINT, handler)
    return run()


if __name__ == '__main__':
    sys.exit(main())
