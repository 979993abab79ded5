"""Which functions of a folder of the program each test of a file calls: what it can't have called it can't judge."""

from __future__ import annotations

import functools
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

Places = set[tuple[str, int]]


class Watch:
    """What runs, and for how long, by what it runs for: a test, a fixture, or (`""`) the reading of the file.

    A place is `(file, first line)` of a function, or `(file, 0)` of what a module does when it is read.
    """

    def __init__(self, folder: str) -> None:
        self.places: dict[str, Places] = defaultdict(set)
        self.seconds: dict[str, float] = defaultdict(float)
        self.fixtures: dict[str, list[str]] = {}
        self._running = [""]
        self._home = Path.cwd()
        self._folder = f"{self._home}/{folder}/"
        self._since = time.process_time()

    def note(self, frame: FrameType, _event: str, _argument: object) -> None:
        code = frame.f_code
        if code.co_filename.startswith(self._folder):
            line = 0 if code.co_name == "<module>" else code.co_firstlineno
            self.places[self._running[-1]].add((code.co_filename.removeprefix(f"{self._home}/"), line))

    @contextmanager
    def running(self, name: str) -> Generator[None]:
        self._stop()
        self._running.append(name)
        yield
        self._stop()
        self._running.pop()

    def _stop(self) -> None:
        now = time.process_time()
        self.seconds[self._running[-1]] += now - self._since
        self._since = now

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        with self.running(fixturedef.argname):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Function) -> Generator[None, Any, Any]:
        self.fixtures[item.nodeid] = item.fixturenames
        with self.running(item.nodeid):
            return (yield)

    def of_tests(self) -> list[dict[str, object]]:
        """A fixture's calls and time are those of every test that asks for it; any may be first to read a module."""
        self.places[""] |= {place for places in self.places.values() for place in places if place[1] == 0}
        return [self._of_test(test, [test, *fixtures]) for test, fixtures in self.fixtures.items()]

    def _of_test(self, test: str, parts: list[str]) -> dict[str, object]:
        places = self.places[""].union(*(self.places[part] for part in parts))
        return {"test": test, "seconds": sum(self.seconds[part] for part in parts), "places": sorted(places)}


def watch_tests(file: str, folder: str, told: Path) -> int:
    """Run the tests of a file, in a process that has read nothing of the program; write down what each calls."""
    watch, within = Watch(folder), folder.replace("/", ".")

    def cache(function: Callable[..., Any]) -> Any:
        """None within the folder: what a cache gives again has been called, too."""
        return functools.lru_cache(maxsize=0 if function.__module__.startswith(within) else None)(function)

    functools.cache = cache
    threading.settrace(watch.note)
    sys.settrace(watch.note)
    ended = pytest.main(["-x", "-q", file], plugins=[watch])
    sys.settrace(None)
    told.write_text(json.dumps(watch.of_tests()), encoding="utf-8")
    return int(ended)
