"""Slips of the pen, one at a time: how many of them do the tests of the same room catch?

By hand, as part of `make soak`. Each mutant is a copy of the checkout with one thing changed; it is caught if a test
fails. Of the room's tests those are run that call the function that is changed, quick ones first. Of the language of
the rules, of risk, scores and visits a sample is drawn from a fixed seed, and the share is printed with its interval,
after every mutant that lived.

    python tests/soak/mutants.py                               # all rooms, 100 of each
    python tests/soak/mutants.py --room scoring --number 10
    python tests/soak/mutants.py --room scoring --line crosscheck/scoring/bands.py:27
"""

from __future__ import annotations

import argparse
import ast
import compileall
import gc
import importlib
import json
import math
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import islice
from pathlib import Path
from py_compile import PycInvalidationMode
from random import Random
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


class Room(NamedTuple):
    """Files that are changed, and the tests that should notice."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]


def room_of(name: str) -> Room:
    """A folder of the program and its own tests."""
    files = sorted((ROOT / "crosscheck" / name).glob("*.py"))
    return Room(tuple(str(file.relative_to(ROOT)) for file in files), (f"tests/{name}",))


ROOMS = {
    "rulebook": Room(
        tuple(f"crosscheck/rulebook/{name}.py" for name in ("expression", "compile_polars", "evaluate", "context")),
        (
            *("tests/rulebook/test_evaluate.py", "tests/rulebook/test_expression.py", "tests/rulebook/test_load.py"),
            *("tests/rulebook/test_only_if.py", "tests/rulebook/test_context.py"),
            "tests/property/test_two_evaluators.py",
        ),
    ),
    **{name: room_of(name) for name in ("risk", "scoring", "visits")},
}
LIBRARIES = (
    *("polars.testing", "numpy", "hypothesis", "click.testing", "pydantic", "rich.console", "jinja2", "networkx"),
    *("scipy.optimize", "scipy.sparse.linalg", "scipy.special", "scipy.stats", "threadpoolctl", "fastexcel"),
    *("sklearn.ensemble", "sklearn.covariance", "sklearn.neighbors", "sklearn.linear_model", "sklearn.preprocessing"),
)
# One thread each; what is forked has no threads to lose.
SURROUNDINGS = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"} | {
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # they take four times as long to load as a test does to run
    "HYPOTHESIS_PROFILE": "mutants",
}
QUICK = 20  # tests that are run once more at the end, on the checkout as it is
LONGEST_RUN = 60  # seconds beyond three times what its tests take; a mutant that runs on for ever is caught
# Of two that run in the same way, the tests could not tell which is which.
NOT_LOOKED_AT = ("annotation", "returns", "decorator_list")
SWAPPED: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}  # fmt: skip


class Place(NamedTuple):
    """Where a part of a tree hangs."""

    parent: ast.AST
    field: str
    at: int | None

    def put(self, part: Any) -> None:
        if self.at is None:
            setattr(self.parent, self.field, part)
        else:
            getattr(self.parent, self.field)[self.at] = part


class Slip(NamedTuple):
    """One change that could be made to a file: by its number among all."""

    source: str
    line: int
    number: int


class Mutant(NamedTuple):
    source: str
    line: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.before}  ->  {self.after}"


def slips_of(source: str) -> Iterator[Slip]:
    """Every change that could be made to a file."""
    for number, (_, part, _) in enumerate(changes_of(read(source))):
        yield Slip(source, line_of(part), number)


def make(slip: Slip) -> Mutant:
    """The file with one change."""
    tree = read(slip.source)
    place, part, other = next(islice(changes_of(tree), slip.number, None))
    place.put(other)
    return Mutant(slip.source, slip.line, *differing(told(part), told(other)), ast.unparse(tree))


def read(source: str) -> ast.Module:
    return ast.parse((ROOT / source).read_text(encoding="utf-8"))


def changes_of(tree: ast.Module) -> Iterator[tuple[Place, ast.AST, ast.AST]]:
    """Where something stands, what, and what could stand there."""
    for place, part in parts_of(tree):
        for other in slips_in(part):
            yield place, part, other


def line_of(part: ast.AST) -> int:
    """A case or a clause has no line itself; its first part has."""
    return next(int(inner.lineno) for inner in ast.walk(part) if hasattr(inner, "lineno"))


def differing(before: str, after: str) -> tuple[str, str]:
    """The two from shortly before they part."""
    parting = next((at for at, signs in enumerate(zip(before, after, strict=False)) if len({*signs}) > 1), 0)
    start = max(0, parting - 40)
    return before[start : start + 100], after[start : start + 100]


def told(part: ast.AST) -> str:
    return " ".join(ast.unparse(part).split())


def parts_of(node: ast.AST) -> Iterator[tuple[Place, ast.AST]]:
    """The parts of a tree that run, each with its place: no annotations, docstrings or imports."""
    for field, value in ast.iter_fields(node):
        for at, part in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(part, ast.AST) and field not in NOT_LOOKED_AT and not is_idle(part):
                yield Place(node, field, at), part
                yield from parts_of(part)


def is_idle(part: ast.AST) -> bool:
    match part:
        case ast.Import() | ast.ImportFrom() | ast.Expr(ast.Constant()) | ast.If(ast.Name("TYPE_CHECKING")):
            return True
        case ast.keyword("strict"):
            return True
        case ast.Assign([ast.Name(name)]):
            return name in {"Read", "OfOthers"}  # types
    return False


def slips_in(part: ast.AST) -> Iterator[ast.AST]:
    """What could stand in the place of a part by a slip of the pen."""
    yield from signs(part)
    yield from values(part)
    yield from ends(part)
    yield from fewer(part)


def signs(part: ast.AST) -> Iterator[ast.AST]:
    """The same with another sign, or the contrary."""
    match part:
        case ast.Compare(_, ops, _):
            for at, op in enumerate(ops):
                yield changed(part, ops=[*ops[:at], SWAPPED[type(op)](), *ops[at + 1 :]])
        case ast.BoolOp(op, _) | ast.BinOp(_, op, _) if type(op) in SWAPPED:
            yield changed(part, op=SWAPPED[type(op)]())
        case ast.UnaryOp(_, inner):
            yield inner
        case ast.If(test) | ast.IfExp(test) if not isinstance(test, ast.UnaryOp):
            yield changed(part, test=ast.UnaryOp(ast.Not(), test))


def values(part: ast.AST) -> Iterator[ast.AST]:
    """Another fixed value."""
    match part:
        case ast.Constant(bool(value)):
            yield changed(part, value=not value)
        case ast.Constant(int(value) | float(value)):
            yield changed(part, value=value + 1)
        case ast.Constant(str(value)):
            yield changed(part, value=f"X{value}")


def ends(part: ast.AST) -> Iterator[ast.AST]:
    """The same without its outcome, its error, or its last step."""
    match part:
        case ast.Return(ast.AST() as value) if not isinstance(value, ast.Constant):
            yield changed(part, value=ast.Constant(None))
        case ast.Raise():
            yield ast.copy_location(ast.Pass(), part)
        case ast.Call(ast.Attribute(inner), _, _) if isinstance(inner, ast.Call | ast.Name | ast.BinOp):
            yield inner


def fewer(part: ast.AST) -> Iterator[ast.AST]:
    """The same without one of its cases, conditions or keywords."""
    for field in ("cases", "ifs", "keywords"):
        items = getattr(part, field, [])
        for at, item in enumerate(items if len(items) > (field == "cases") else ()):
            if not is_idle(item):
                yield changed(part, **{field: [*items[:at], *items[at + 1 :]]})
    if isinstance(part, ast.match_case) and part.guard:
        yield changed(part, guard=None)


def changed(part: ast.AST, **fields: Any) -> ast.AST:
    copy = deepcopy(part)
    for field, value in fields.items():
        setattr(copy, field, value)
    return copy


class Called(NamedTuple):
    """What a test calls of the program, as `(file, first line)`, and how long the processor takes."""

    test: str
    seconds: float
    places: frozenset[tuple[str, int]]

    def reaches(self, source: str, lines: range) -> bool:
        return any((source, line) in self.places for line in lines)


def what_each_calls(home: Path, room: Room) -> list[Called]:
    """Every test run once, the quick ones first."""
    folder = str(Path(room.sources[0]).parent)
    found = [called for file in test_files(home, room.tests) for called in calls_of(home, file, folder)]
    return sorted(found, key=lambda called: called.seconds)


def test_files(home: Path, tests: tuple[str, ...]) -> list[str]:
    found = [sorted((home / test).rglob("test_*.py")) or [home / test] for test in tests]
    return [str(file.relative_to(home)) for files in found for file in files]


def calls_of(home: Path, file: str, folder: str) -> list[Called]:
    told = home / "calls.json"

    def watch() -> int:
        from tests.soak.called import watch_tests

        return watch_tests(file, folder, told)

    if apart(home, watch):
        sys.exit(f"{file} fails as it is; there is nothing to be learnt from mutants.")
    each = json.loads(told.read_text(encoding="utf-8"))
    return [Called(one["test"], one["seconds"], frozenset(map(tuple, one["places"]))) for one in each]


def held_against(mutant: Mutant, calls: list[Called]) -> list[Called]:
    """The tests that call what is changed, the quick ones first; the others can't tell it from what it was."""
    lines = around(mutant)
    judges = [called for called in calls if called.reaches(mutant.source, lines)]
    # What polars calls from a thread of its own nobody sees called.
    return judges or [called for called in calls if called.reaches(mutant.source, range(1))]


def around(mutant: Mutant) -> range:
    """The lines of the outermost function that the changed place stands in; that of the module, 0, outside of all."""
    return next((lines for lines in functions_in(read(mutant.source)) if mutant.line in lines), range(1))


def functions_in(node: ast.AST) -> Iterator[range]:
    """The lines of each function that stands in no other, its decorators among them."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.FunctionDef):
            first = min([inner.lineno, *(above.lineno for above in inner.decorator_list)])
            yield range(first, (inner.end_lineno or first) + 1)
        else:
            yield from functions_in(inner)


def is_caught(home: Path, calls: list[Called]) -> bool:
    """Whether one of the tests fails in this copy of the checkout, or runs on for ever."""
    if not calls:
        return False
    asked = ["-x", "-q", *(called.test for called in calls)]
    longest = int(LONGEST_RUN + 3 * sum(called.seconds for called in calls))
    return apart(home, lambda: int(pytest.main(asked)), longest) != 0


def apart(home: Path, run: Callable[[], int], longest: int = resource.RLIM_INFINITY) -> int:
    """Run something in a process of its own, which has the libraries already and nothing of the program.

    It ends after so many seconds of the processor: by the clock a busy machine would catch mutants.
    """
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    ended = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (longest, resource.RLIM_INFINITY))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.chdir(home)
        sys.path.insert(0, str(home))
        os.environ["PYTHONPATH"] = str(home)
        ended = run()
    finally:
        os._exit(ended)


def import_libraries() -> None:
    """What nearly every test needs and no mutant touches."""
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()  # so that no process looks through them for what can be thrown away


def interval(caught: int, tried: int) -> tuple[float, float]:
    """The 95% interval of a share (Wilson 1927)."""
    z, share = 1.96, caught / tried
    middle, half = share + z * z / (2 * tried), z * math.sqrt(share * (1 - share) / tried + z * z / (4 * tried**2))
    return (middle - half) / (1 + z * z / tried), (middle + half) / (1 + z * z / tried)


def try_mutants(room: Room, chosen: list[Slip], until: float) -> tuple[int, list[Mutant]]:
    """How many were tried before the time was up, and those that lived; each is printed as it is found."""
    lived, tried = [], 0
    with tempfile.TemporaryDirectory() as folder:
        home = copy_to(Path(folder).resolve() / "checkout")
        calls = what_each_calls(home, room)
        for slip in chosen:
            if time.monotonic() > until:
                break
            mutant = make(slip)
            file, tried = home / mutant.source, tried + 1
            own = file.read_text(encoding="utf-8")
            file.write_text(mutant.text, encoding="utf-8")
            judges = held_against(mutant, calls)
            if not is_caught(home, judges):
                lived.append(mutant)
                print(f"{tried:>4} {mutant}   ({len(judges)} tests call it)")
            file.write_text(own, encoding="utf-8")
        if is_caught(home, calls[:QUICK]):
            sys.exit("By now the tests fail as it is: what seemed to be caught need not have been.")
    return tried, lived


def copy_to(home: Path) -> Path:
    """The checkout, compiled once; a file that is changed is compiled anew, however soon after."""
    shutil.copytree(ROOT, home, ignore=shutil.ignore_patterns(".*", "run", "__pycache__", "notebooks"))
    compileall.compile_dir(home / "crosscheck", quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    return home


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--room", action="append", choices=ROOMS, help="only this room; may be given several times")
    options.add_argument("--number", type=int, default=100, help="how many mutants of each room")
    options.add_argument("--minutes", type=float, default=60, help="how long to go on in each room")
    options.add_argument("--seed", type=int, default=20090331)
    options.add_argument(
        "--line", action="append", help="only mutants of this line, for example crosscheck/rulebook/evaluate.py:9"
    )
    asked = options.parse_args()
    os.environ.update(SURROUNDINGS)
    sys.dont_write_bytecode = True
    import_libraries()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is the real one here
    for name in asked.room or ROOMS:
        room = ROOMS[name]
        every = [slip for source in room.sources for slip in slips_of(source)]
        Random(asked.seed).shuffle(every)
        chosen = [each for each in every if not asked.line or f"{each.source}:{each.line}" in asked.line]
        tried, lived = try_mutants(room, chosen[: asked.number], time.monotonic() + 60 * asked.minutes)
        low, high = interval(tried - len(lived), tried) if tried else (0.0, 1.0)
        print(
            f"{name}: {tried} of {len(every)} mutants tried, {len(lived)} live on: "
            f"{tried - len(lived)} caught ({low:.1%} to {high:.1%} of all such, with 95% confidence)"
        )


if __name__ == "__main__":
    main()
