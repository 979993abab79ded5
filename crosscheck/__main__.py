"""`python -m crosscheck` is `crosscheck`."""

import os
import signal
import sys

_STOPPED = 130  # as shells have it: 128 + SIGINT


def start() -> None:
    """Run the command line; Ctrl-C is answered without a traceback also while the program loads and while it ends."""
    code: object = 0
    try:
        from crosscheck.cli import main  # noqa: PLC0415  # loading it can be stopped, too

        main()
    except KeyboardInterrupt:
        code = _STOPPED
    except SystemExit as ended:
        code = ended.code
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if code == _STOPPED:
        # Where Ctrl-C came while a library compiled code, Python would end by the signal and not with a code.
        os._exit(_STOPPED)
    sys.exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    start()
