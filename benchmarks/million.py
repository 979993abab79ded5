"""A hundred rules on a million organisations, side by side in one run: `python -m benchmarks.million`.

The rules are the first, in the order of their files, that hold a declaration or an answer against answers of the same
case. The organisations are the national cases drawn with replacement, with only the columns that these rules use.

What somebody would write by hand is read from the rules' own text by a second, small reader that shares nothing with
`crosscheck.rulebook.compile_polars`: into one lazy `select` of polars, and into one `SELECT` of DuckDB, on a table of
its own in memory with levels as their places. A *flag* is true where a rule applies and what it expects does not hold,
false where not, and unknown else; a *verdict* is one of the four. The run ends where two contenders differ.

Each contender has a process to itself. Its seconds are the median of several runs after one to warm up. Its memory is
the largest resident size that the kernel saw, less what was resident once the data was loaded. General validators take
so long that they are run on fewer rows; what they make of the unknowns stands in a table of its own.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import operator
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cached_property, reduce
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl

from crosscheck.cases.cases import Name, build_cases, catalogue
from crosscheck.collection.read import read_collection
from crosscheck.rulebook.compile_polars import holds
from crosscheck.rulebook.condition import Among, Percentile, Total, names_in, nodes
from crosscheck.rulebook.evaluate import give_verdicts
from crosscheck.rulebook.rule import Rule, Rulebook
from crosscheck.standard import Standard, load_standard
from crosscheck.vocabulary import ABSENCES, ORG_TYPES, STATUSES, VERDICT, VERDICTS, WHY_ABSENT

COLLECTION = Path(__file__).resolve().parent.parent / "data" / "england-2008-09"
STANDARD, YEAR, SEED = "C2", "2008/09", 20081231
KINDS = ("declaration_vs_answer", "answer_vs_answer")
RUNS, RUNS_OF_DUCKDB, RUNS_OF_VALIDATORS, ROWS_OF_VALIDATORS = 5, 3, 2, 10_000
DIFFERS, UNKNOWN = VERDICTS.index("differs"), 2  # of a verdict; of a flag, beside 0 for false and 1 for true
MEGABYTE = 2**20

Part = Any  # an expression of polars, or a text of SQL that is joined and compared in the same way


# ----------------------------------------------------------------------------------------------- Rules and cases


@dataclass(frozen=True)
class Stand:
    """What every contender is given: the cases, written to a folder, and the rules."""

    folder: Path
    rules: int

    @cached_property
    def standard(self) -> Standard:
        return load_standard(STANDARD)

    @cached_property
    def names(self) -> dict[str, Name]:
        return catalogue(self.standard.questionnaire, self.standard.indicators.names)

    @cached_property
    def rulebook(self) -> Rulebook:
        own = [rule for rule in self.standard.rulebook if rule.kind in KINDS and not _asks_of_others(rule)]
        assert len(own) >= self.rules, f"Only {len(own)} rules speak of one case alone."
        return Rulebook({rule.id: rule for rule in own[: self.rules]}, self.standard.rulebook.digest)

    def cases(self) -> pl.DataFrame:
        return pl.read_ipc(self.folder / "cases.arrow")

    def draw(self, rows: int) -> str:
        """Write the cases, also with levels as places; say how large they are."""
        tables = read_collection(COLLECTION, self.standard.questionnaire).tables
        figures = self.standard.indicators.names
        national = build_cases(tables, self.standard.questionnaire, figures, YEAR, STANDARD)
        cases = national.select(_columns(self.rulebook)).sample(rows, with_replacement=True, seed=SEED).rechunk()
        cases.write_ipc(self.folder / "cases.arrow", compression="uncompressed")
        levels = [name for name, dtype in cases.schema.items() if isinstance(dtype, pl.Enum)]
        cases.with_columns(pl.col(levels).to_physical()).write_parquet(self.folder / "places.parquet")
        return f"{cases.height:,} rows of {cases.width} columns, {cases.estimated_size('mb'):,.0f} MB"


def _asks_of_others(rule: Rule) -> bool:
    every = (node for condition in rule.conditions for node in nodes(condition))
    return any(isinstance(node, Among | Percentile | Total) for node in every)


def _columns(rulebook: Rulebook) -> list[str]:
    named = [name for rule in rulebook for part in rule.conditions for name in names_in(part)]
    said = [name for rule in rulebook for name in rule.said]
    answers = [
        column for name in (*named, *said) for column in (name.name, name.name + WHY_ABSENT)[: 1 + name.absences]
    ]
    services = [f"service.{service}" for rule in rulebook for service in rule.applies_to.services]
    circle = ("org_code", "function", "declared.status", "organisation.org_type")
    return list(dict.fromkeys((*circle, *services, *answers)))


# ----------------------------------------------------------------------------------------------- By hand: two dialects


def _joined(sign: str) -> Callable[[Any, object], Any]:
    return lambda self, other: Sql(f"({self} {sign} {other})")


@dataclass(frozen=True, eq=False)
class Sql:
    """A text of SQL that is joined and compared as expressions of polars are."""

    text: str

    __and__, __or__, __add__, __sub__, __mul__, __truediv__ = map(_joined, ("AND", "OR", "+", "-", "*", "/"))
    __eq__, __ne__, __lt__, __le__, __gt__, __ge__ = map(_joined, ("=", "<>", "<", "<=", ">", ">="))

    def __str__(self) -> str:
        return self.text

    def __invert__(self) -> Sql:
        return Sql(f"(NOT {self})")

    def is_null(self) -> Sql:
        return Sql(f"({self} IS NULL)")


class InSql:
    """Levels, reasons and verdicts are their places in their order."""

    def column(self, name: str) -> Sql:
        return Sql(f'"{name}"')

    def fixed(self, value: float | bool) -> Sql:
        return Sql(repr(value))

    def level(self, level: str, levels: tuple[str, ...]) -> Sql:
        return Sql(repr(levels.index(level) if levels else level))

    def verdict(self, place: int) -> Sql:
        return Sql(f"{place}::UTINYINT")

    def is_not_applicable(self, name: str) -> Sql:
        return Sql(f'("{name}{WHY_ABSENT}" IS NOT DISTINCT FROM {ABSENCES.index("not_applicable")})')

    def extreme(self, which: str, parts: list[Sql]) -> Sql:
        return Sql(f"{'greatest' if which == 'highest' else 'least'}({', '.join(map(str, parts))})")

    def count(self, conditions: Iterable[Sql]) -> Sql:
        return reduce(operator.add, (Sql(f"(CASE WHEN {one} THEN 1 ELSE 0 END)") for one in conditions))

    def choose(self, *cases: tuple[Sql, Sql], otherwise: Sql | str = "NULL") -> Sql:
        return Sql(f"CASE {' '.join(f'WHEN {when} THEN {then}' for when, then in cases)} ELSE {otherwise} END")


class InPolars:
    """Levels, reasons and verdicts are words of their `pl.Enum`."""

    def column(self, name: str) -> pl.Expr:
        return pl.col(name)

    def fixed(self, value: float | bool) -> pl.Expr:
        return pl.lit(value)

    def level(self, level: str, levels: tuple[str, ...]) -> pl.Expr:
        return pl.lit(level, dtype=pl.Enum(levels) if levels else pl.String)

    def verdict(self, place: int) -> pl.Expr:
        return pl.lit(VERDICTS[place], dtype=VERDICT)

    def is_not_applicable(self, name: str) -> pl.Expr:
        return pl.col(name + WHY_ABSENT).eq_missing(self.level("not_applicable", ABSENCES))

    def extreme(self, which: str, parts: list[pl.Expr]) -> pl.Expr:
        return (pl.max_horizontal if which == "highest" else pl.min_horizontal)(parts)

    def count(self, conditions: Iterable[pl.Expr]) -> pl.Expr:
        return reduce(operator.add, (condition.fill_null(value=False).cast(pl.UInt8) for condition in conditions))

    def choose(self, *cases: tuple[pl.Expr, pl.Expr], otherwise: pl.Expr | None = None) -> pl.Expr:
        written: Any = pl
        for when, then in cases:
            written = written.when(when).then(then)
        return written.otherwise(otherwise)


# ------------------------------------------------------------------------------------- By hand: what a rule's text says

_SIGNS: dict[type, Callable[[Part, Part], Part]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}  # fmt: skip


class ByHand:
    """One rule in one dialect, as somebody would write it who has read its file and nothing else."""

    def __init__(self, rule: Rule, names: dict[str, Name], dialect: Any) -> None:
        self.rule, self.names, self.dialect = rule, names, dialect
        self.thresholds = {one.name: one.value for one in rule.thresholds if one.is_in_force(date.max)}
        self.expects, self.premise = self.parsed(rule.expects), self.parsed(rule.only_if or "True")

    def parsed(self, text: str) -> ast.expr:
        return ast.parse(f"({text}\n)", mode="eval").body

    def flag(self) -> Part:
        premise = [self.holds(self.premise)] if self.rule.only_if else []
        return reduce(operator.and_, [*self.circle(), *premise, ~self.holds(self.expects)])

    def verdict(self) -> Part:
        """The first that fits."""
        differs, agrees, cannot_tell, not_applicable = map(self.dialect.verdict, range(len(VERDICTS)))
        inside, expected = reduce(operator.and_, self.circle()), self.holds(self.expects)
        cases = [(inside.is_null(), cannot_tell), (~inside, not_applicable)]
        if self.rule.only_if:
            premise = self.holds(self.premise)
            cases += [(premise.is_null() & self.waits(self.premise), cannot_tell)]
            cases += [(premise.is_null() | ~premise, not_applicable)]
        cases += [(expected, agrees), (~expected, differs), (self.waits(self.expects), cannot_tell)]
        return self.dialect.choose(*cases, otherwise=not_applicable)

    def circle(self) -> list[Part]:
        """Of whom the rule speaks."""
        circle = self.rule.applies_to
        one_of = (
            ("declared.status", circle.declared, STATUSES),
            ("organisation.org_type", circle.org_type, ORG_TYPES),
            ("function", circle.function, ()),
        )
        within = [self.one_of(name, allowed, levels) for name, allowed, levels in one_of if allowed]
        return [*within, *(self.dialect.column(f"service.{service}") for service in circle.services)]

    def one_of(self, name: str, allowed: tuple[str, ...], levels: tuple[str, ...]) -> Part:
        column = self.dialect.column(name)
        return reduce(operator.or_, (column == self.dialect.level(value, levels) for value in allowed))

    def holds(self, node: ast.expr) -> Part:
        """True, false or unknown, which both dialects have of themselves."""
        match node:
            case ast.BoolOp(op, parts):
                return reduce(operator.and_ if isinstance(op, ast.And) else operator.or_, map(self.holds, parts))
            case ast.UnaryOp(ast.Not(), part):
                return ~self.holds(part)
            case ast.Call(ast.Name("absent"), [name]):
                return self.value(name).is_null()
            case ast.Call(ast.Name("is_not_applicable"), [name]):
                return self.dialect.is_not_applicable(ast.unparse(name))
            case ast.Compare():
                return self.comparison(node)
        raise NotImplementedError(f"{self.rule.id}: {ast.unparse(node)}")

    def comparison(self, node: ast.Compare) -> Part:
        match node:
            case ast.Compare(ast.Call(ast.Name("count" | "share" as which), parts), [sign], [ast.Constant(limit)]):
                return self.tally(parts, _SIGNS[type(sign)], self.dialect.fixed(limit), is_share=which == "share")
            case ast.Compare(left, [ast.In()], [ast.Tuple(values)]):
                return reduce(operator.or_, (self.compared(left, ast.Eq(), value) for value in values))
        links = zip([node.left, *node.comparators[:-1]], node.ops, node.comparators, strict=True)
        return reduce(operator.and_, (self.compared(*link) for link in links))

    def compared(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> Part:
        if isinstance(right, ast.Constant) and isinstance(right.value, str):
            level = self.dialect.level(right.value, self.names[ast.unparse(left)].levels)
            return _SIGNS[type(sign)](self.value(left), level)
        return _SIGNS[type(sign)](self.value(left), self.value(right))

    def value(self, node: ast.expr) -> Part:
        match node:
            case ast.Attribute(ast.Name("threshold"), name):
                return self.dialect.fixed(self.thresholds[name])
            case ast.Attribute():
                return self.dialect.column(ast.unparse(node))
            case ast.Constant(number):
                return self.dialect.fixed(float(number))
            case ast.BinOp(left, sign, right):
                return _SIGNS[type(sign)](self.value(left), self.value(right))
            case ast.Call(ast.Name("highest" | "lowest" as which), names):
                return self.dialect.extreme(which, [self.value(name) for name in names])
        raise NotImplementedError(f"{self.rule.id}: {ast.unparse(node)}")

    def tally(self, parts: list[ast.expr], sign: Callable[[Part, Part], Part], limit: Part, *, is_share: bool) -> Part:
        """Known where it comes out alike whether those that are unknown hold or not."""
        holding = [self.holds(part) for part in parts]
        left_open = [one.is_null() & self.waits(part) for one, part in zip(holding, parts, strict=True)]
        least, most = self.dialect.count(holding), self.dialect.count([*holding, *left_open])
        if is_share:
            apply = self.dialect.count([*(~one.is_null() for one in holding), *left_open])
            divisor = self.dialect.choose((apply > 0, apply))
            least, most = least / divisor, most / divisor
        one, other = sign(least, limit), sign(most, limit)
        always, never = (one & other, self.dialect.fixed(value=True)), (~one & ~other, self.dialect.fixed(value=False))
        return self.dialect.choose(always, never)

    def waits(self, node: ast.expr) -> Part:
        """Whether what is unknown could still be answered: some answer is absent that is not not applicable."""
        match node:
            case ast.UnaryOp(ast.Not(), part):
                return self.waits(part)
            case ast.BoolOp(_, parts) | ast.Compare(ast.Call(ast.Name("count" | "share"), parts)):
                return reduce(operator.or_, (self.holds(part).is_null() & self.waits(part) for part in parts))
        attributes = (ast.unparse(one) for one in ast.walk(node) if isinstance(one, ast.Attribute))
        answers = dict.fromkeys(name for name in attributes if name in self.names)
        wanting = (self.dialect.column(name).is_null() & ~self.dialect.is_not_applicable(name) for name in answers)
        return reduce(operator.or_, wanting)


def hand_written(stand: Stand, dialect: Any) -> dict[str, ByHand]:
    return {rule.id: ByHand(rule, stand.names, dialect) for rule in stand.rulebook}


# ----------------------------------------------------------------------------------------------------------- Contenders


@dataclass(frozen=True)
class Measured:
    """One contender: `above` are megabytes, `told` is a digest of what it told of every rule and case."""

    seconds: list[float]
    above: float
    told: dict[str, str]


def crosscheck_verdicts(stand: Stand) -> Measured:
    cases, rulebook = stand.cases(), stand.rulebook
    measured = _measure(lambda: give_verdicts(cases, rulebook))
    circles = {name: rule.circle() for name, rule in hand_written(stand, InPolars()).items()}
    flags = [
        reduce(operator.and_, [*circles[rule.id], *_premise(rule), ~holds(rule.condition)]).alias(rule.id)
        for rule in rulebook
    ]
    told = {
        "verdicts": _digest(give_verdicts(cases, rulebook).select(pl.col(rulebook.rules).to_physical())),
        "flags": _digest(_coded(cases.select(flags))),
    }
    return Measured(*measured, told)


def _premise(rule: Rule) -> list[pl.Expr]:
    return [] if rule.premise is None else [holds(rule.premise)]


def polars_flags(stand: Stand) -> Measured:
    flags = [rule.flag().alias(name) for name, rule in hand_written(stand, InPolars()).items()]
    cases = stand.cases()
    measured = _measure(lambda: cases.lazy().select(flags).collect())
    return Measured(*measured, {"flags": _digest(_coded(cases.select(flags)))})


def polars_verdicts(stand: Stand) -> Measured:
    verdicts = [rule.verdict().alias(name) for name, rule in hand_written(stand, InPolars()).items()]
    cases = stand.cases()
    measured = _measure(lambda: cases.lazy().select(verdicts).collect())
    return Measured(*measured, {"verdicts": _digest(cases.select(verdicts).select(pl.all().to_physical()))})


def duckdb_flags(stand: Stand) -> Measured:
    return _in_duckdb(stand, "flags", {name: rule.flag() for name, rule in hand_written(stand, InSql()).items()})


def duckdb_verdicts(stand: Stand) -> Measured:
    return _in_duckdb(stand, "verdicts", {name: rule.verdict() for name, rule in hand_written(stand, InSql()).items()})


def _in_duckdb(stand: Stand, what: str, columns: dict[str, Sql]) -> Measured:
    import duckdb

    database = duckdb.connect()
    database.execute(f"CREATE TABLE cases AS SELECT * FROM '{stand.folder / 'places.parquet'}'")
    written = ", ".join(f'{sql} AS "{name}"' for name, sql in columns.items())
    coded = ", ".join(f'ifnull("{name}"::UTINYINT, {UNKNOWN}) AS "{name}"' for name in columns)

    def tell() -> None:
        database.execute("DROP TABLE IF EXISTS told")
        database.execute(f"CREATE TABLE told AS SELECT {written} FROM cases")

    measured = _measure(tell, RUNS_OF_DUCKDB)
    told = pl.DataFrame(database.sql(f"SELECT {coded} FROM told").fetchnumpy())
    return Measured(*measured, {what: _digest(told)})


def _coded(flags: pl.DataFrame) -> pl.DataFrame:
    return flags.select(pl.all().cast(pl.UInt8).fill_null(UNKNOWN))


def _digest(codes: pl.DataFrame) -> str:
    whole = hashlib.sha256()
    for name in sorted(codes.columns):
        whole.update(name.encode() + codes[name].cast(pl.UInt8).to_numpy().tobytes())
    return whole.hexdigest()


def _measure(work: Callable[[], object], runs: int = RUNS) -> tuple[list[float], float]:
    """Seconds of each run after one to warm up, and the megabytes that all of them took above what was there."""
    there = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    seconds = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds[1:], (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - there) / MEGABYTE


# ------------------------------------------------------------------------------------------ Validators, on fewer rows


@dataclass(frozen=True)
class Reported:
    """A validator: how many failures it reported of all rules and rows."""

    seconds: list[float]
    above: float
    failures: int


def pandera_as_it_comes(stand: Stand) -> Reported:
    return _in_pandera(stand, ignore_na=True)


def pandera_told_not_to_ignore(stand: Stand) -> Reported:
    return _in_pandera(stand, ignore_na=False)


def _in_pandera(stand: Stand, *, ignore_na: bool) -> Reported:
    import pandera.polars as pandera
    from pandera.errors import SchemaErrors

    def check(name: str, rule: ByHand) -> pandera.Check:
        passes = ~rule.flag()
        return pandera.Check(lambda table: table.lazyframe.select(passes), name=name, ignore_na=ignore_na)

    schema = pandera.DataFrameSchema(checks=[check(*rule) for rule in hand_written(stand, InPolars()).items()])
    cases = stand.cases()

    def failures() -> int:
        try:
            schema.validate(cases, lazy=True)
        except SchemaErrors as errors:
            return errors.failure_cases.height
        return 0

    return _reported(failures)


def in_dataframely(stand: Stand) -> Reported:
    import dataframely

    cases = stand.cases()
    columns = {f"column_{place}": dataframely.Any(alias=name) for place, name in enumerate(cases.columns)}
    rules = {name: dataframely.rule()(_passes(rule)) for name, rule in hand_written(stand, InPolars()).items()}
    schema: Any = type("Cases", (dataframely.Schema,), columns | rules)

    def failures() -> int:
        return sum(schema.filter(cases).failure.counts().values())

    return _reported(failures)


def _reported(failures: Callable[[], int]) -> Reported:
    counted: list[int] = []
    measured = _measure(lambda: counted.append(failures()), RUNS_OF_VALIDATORS)
    return Reported(*measured, counted[-1])


def _passes(rule: ByHand) -> Callable[[object], pl.Expr]:
    return lambda _: ~rule.flag()


@dataclass(frozen=True)
class Truth:
    """How many flags are true, how many are unknown, and which verdicts crosscheck gives to the unknown ones."""

    flags: int
    unknown: int
    verdicts: dict[str, int]


def count_unknowns(stand: Stand) -> Truth:
    cases = stand.cases()
    flags = cases.select(rule.flag().alias(name) for name, rule in hand_written(stand, InPolars()).items())
    verdicts = give_verdicts(cases, stand.rulebook)[flags.columns]
    told = pl.DataFrame({"flag": _stacked(flags), "verdict": _stacked(verdicts)})
    unknown = told.filter(pl.col("flag").is_null())
    return Truth(told["flag"].sum(), unknown.height, dict(unknown["verdict"].value_counts().sort("verdict").rows()))


def _stacked(table: pl.DataFrame) -> pl.Series:
    return pl.concat(table.get_columns())


# ------------------------------------------------------------------------------------------------------------ The run

CONTENDERS: dict[str, Callable[[Stand], Measured]] = {
    "crosscheck, four verdicts": crosscheck_verdicts,
    "polars by hand, flags": polars_flags,
    "polars by hand, verdicts": polars_verdicts,
    "DuckDB, flags": duckdb_flags,
    "DuckDB, verdicts": duckdb_verdicts,
}
VALIDATORS: dict[str, Callable[[Stand], Reported]] = {
    "pandera, as it comes": pandera_as_it_comes,
    "pandera, ignore_na=False": pandera_told_not_to_ignore,
    "dataframely": in_dataframely,
}


def alone(work: Callable[..., Any], *arguments: object) -> Any:
    """Do it in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work, *arguments).result()


def line(what: str, measured: Measured | Reported, note: str = "") -> None:
    low, median, high = (measure(measured.seconds) * 1000 for measure in (min, statistics.median, max))
    runs = f"{len(measured.seconds)} runs"
    print(f"{what:<28}{median:10,.0f} ms  ({low:,.0f}-{high:,.0f}; {runs}){measured.above:8,.0f} MB above  {note}")


def contend(rows: int, rules: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        stand = Stand(Path(name), rules)
        print(f"\n{rules} rules on {alone(stand.draw, rows)}")
        measured = {contender: alone(work, stand) for contender, work in CONTENDERS.items()}
    for what in ("flags", "verdicts"):
        assert len({each.told[what] for each in measured.values() if what in each.told}) == 1, f"{what} differ"
    ours = measured["crosscheck, four verdicts"]
    for contender, each in measured.items():
        ratio = statistics.median(ours.seconds) / statistics.median(each.seconds)
        line(contender, each, "goal: under 1,536 MB" if each is ours else f"crosscheck takes {ratio:.2f} of it")
    print("goals: at most 1.30 of polars by hand; less than 1.00 of DuckDB. All told alike.")


def compare_validators(rows: int, rules: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        stand = Stand(Path(name), rules)
        print(f"\nThe same {rules} rules on {alone(stand.draw, rows)}")
        ours, truth = alone(crosscheck_verdicts, stand), alone(count_unknowns, stand)
        reported = {validator: alone(work, stand) for validator, work in VALIDATORS.items()}
    line("crosscheck, four verdicts", ours)
    for validator, each in reported.items():
        line(validator, each, f"{statistics.median(each.seconds) / statistics.median(ours.seconds):,.0f} times as long")
    print(f"\nOf {truth.flags:,} real flags and {truth.unknown:,} unknowns")
    verdicts = ", ".join(f"{count:,} {verdict.replace('_', ' ')}" for verdict, count in truth.verdicts.items())
    print(f"{'crosscheck, four verdicts':<28}{truth.flags:10,} differ; of the unknowns {verdicts}")
    for validator, each in reported.items():
        failed = each.failures - truth.flags
        passed = truth.unknown - failed
        print(f"{validator:<28}{each.failures:10,} failures; of the unknowns {failed:,} failed, {passed:,} passed")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.million", description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="organisations (default: %(default)s)")
    parser.add_argument("--rules", type=int, default=100, help="rules (default: %(default)s)")
    asked = parser.parse_args()
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"Python {platform.python_version()}, polars {pl.__version__}, {os.cpu_count()} cores, load {load}")
    contend(asked.rows, asked.rules)
    compare_validators(min(asked.rows, ROWS_OF_VALIDATORS), asked.rules)


if __name__ == "__main__":
    main()
