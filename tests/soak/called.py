"""Which functions of the program the tests of a file call, as JSON: what they can't have called they can't judge.

python -m tests.soak.called tests/scoring/test_peers.py
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import pytest

HERE = str(Path.cwd() / "crosscheck") + "/"


def main() -> None:
    """Run the tests; print each place whose code began to run as `[file, first line]`, a module's own as line 0."""
    places: set[tuple[str, int]] = set()

    def note(frame: FrameType, _event: str, _argument: object) -> None:
        code = frame.f_code
        if code.co_filename.startswith(HERE):
            places.add((code.co_filename, 0 if code.co_name == "<module>" else code.co_firstlineno))

    threading.settrace(note)
    sys.settrace(note)
    ended = pytest.main(["-x", "-q", "-p", "no:xdist", *sys.argv[1:]])
    sys.settrace(None)
    print(json.dumps({"ended": int(ended), "seconds": time.process_time(), "places": sorted(places)}))


if __name__ == "__main__":
    main()
