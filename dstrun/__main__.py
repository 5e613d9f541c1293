"""`python -m dstrun`, and the installed command."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Runs the command line and exits with its status."""
    # Ctrl-C while modules are imported must end dstrun: Python's own exception can get lost there.
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from dstrun.cli import run_command_line

    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
