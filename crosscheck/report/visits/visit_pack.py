"""The visit pack: two pages that an assessor takes along, one version with the reasons and one without (blinded)."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.cases.history import last_day
from crosscheck.report.output.file_names import file_stem, page_of
from crosscheck.report.output.folder import written_whole
from crosscheck.report.output.html import environment, percent, render_text, sentence
from crosscheck.report.output.pdf import Paper, write_papers
from crosscheck.report.visits.outcome_form import key_of_run
from crosscheck.report.visits.visit_criteria import list_blinded_criteria, list_criteria, list_visited
from crosscheck.report.visits.visit_evidence import weigh_evidence
from crosscheck.rulebook.to_english import in_words
from crosscheck.runs.finding_items import other_accounts
from crosscheck.runs.make_run import standard_of_run
from crosscheck.runs.run_folder import read_manifest, read_table
from crosscheck.visits.plan import visiting_arm
from crosscheck.vocabulary import POOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from crosscheck.report.visits.visit_evidence import Evidence
    from crosscheck.rulebook.rule import Rule, Rulebook
    from crosscheck.standard import Standard

MARK: Final = "visit_packs.json"
INDEX: Final = "index.html"
_FOLDER: Final = "visit_pack"
_TEMPLATES: Final = {False: "pack.html", True: "blinded.html"}  # by whether it is blinded
_KEYS: Final = ("org_code", "function")
_WHO: Final = ("org_code", "name", "org_type", "region")
# How many lines of evidence two pages hold beside all else (tried: every pack of the embedded collection has two).
_LINES: Final = 142
_WIDTH: Final = 100  # characters of a line
_LONGEST: Final = 600  # characters of one account
_ENQUIRIES: Final = {
    "answers": "See what this answer rests on, with its date.",
    "figures": "See the record behind this figure, and ask what explains it.",
    "facts": "Ask how the answer was worked out, and see the record behind it.",
    "silence": "Ask for the answer that is missing, and see what it rests on.",
}
_ITS_ANSWER: Final = {"your answer": "its answer"}


@dataclass(frozen=True)
class Account:
    """What somebody says: whose account it is, what about, and what it says."""

    whose: str
    about: str
    says: str


@dataclass(frozen=True)
class Point:
    """One point of evidence, with what to look at.

    `decibans` is what it adds to the risk; positive is worse. `expected` is empty, and there are no accounts and
    explanations, where no check differs: then `finding` says what is unusual about an answer or a figure.
    """

    finding: str
    decibans: float
    functions: str
    is_duty: bool
    expected: str
    accounts: tuple[Account, ...]
    explanations: tuple[str, ...]
    lines_of_enquiry: tuple[str, ...]

    @property
    def lines(self) -> int:
        """About how many printed lines it takes."""
        accounts = (f"{account.whose} {account.about} {account.says}" for account in self.accounts)
        texts = (
            f"{self.finding} {' ' * 40}",
            self.expected,
            *accounts,
            " ".join(self.explanations),
            *self.lines_of_enquiry,
        )
        return 1 + sum(ceil(len(text) / _WIDTH) for text in texts)


@dataclass(frozen=True)
class Pack:
    """What the pack of one organisation says.

    `declarations` are rows of the visit list, those to test first; `points` the weightiest, as many as two pages hold,
    of `of_points` in all; `criteria` how many criteria the outcome form has for each declaration.
    """

    org_code: str
    name: str
    org_type: str
    region: str
    arm: str | None
    declarations: tuple[Mapping[str, Any], ...]
    points: tuple[Point, ...]
    of_points: int
    criteria: Mapping[str, int]


@dataclass(frozen=True)
class BlindedPack:
    """What the pack says that does not say why: `asked` has each criterion with the functions that it is asked of."""

    org_code: str
    name: str
    org_type: str
    region: str
    functions: tuple[str, ...]
    asked: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class _Basis:
    """The run that packs belong to."""

    run: str
    year: str
    standard: str

    @classmethod
    def of(cls, run: Path) -> _Basis:
        options = read_manifest(run).options
        return cls(key_of_run(run), options.year, options.standard)


def write_packs(
    run: Path,
    folder: Path,
    only: Sequence[str] = (),
    *,
    blinded: bool = False,
    paper: bool = False,
    step: Callable[[str], AbstractContextManager[object]] = lambda _: nullcontext(),
) -> int:
    """Write the packs of the organisations to visit, and a page that leads to them.

    Args:
        run: the run's folder.
        folder: where to; missing, empty, or packs, which are replaced whole.
        only: codes of the organisations to visit; those that the run chose if there are none.
        blinded: write the version that says nothing of risk, arm and findings. Its criteria, and so the whole page but
            for the names, hang on the organisation's type, services and declarations alone.
        paper: also set each pack as PDF.
        step: is entered around each step with its name.

    Returns:
        How many packs. The same run gives the same bytes.

    Raises:
        RunError: there is no such run, the rules here are others, or the folder can't be written.
        UnknownNameError: an organisation of `only` declares compliance nowhere in the run.
    """
    standard = standard_of_run(run)
    visited = list_visited(run, only)
    with step("gather evidence"):
        evidence = weigh_evidence(run, standard)
        gathered = (run, visited, evidence, standard)
        packs: list[Pack | BlindedPack] = [*(_gather_blinded(*gathered) if blinded else read_packs(*gathered))]
    heading = _Basis.of(run)
    with written_whole(folder, MARK, "set of visit packs") as whole:
        for pack in packs:
            page = _render(_TEMPLATES[blinded], heading, pack=pack)
            (whole / page_of(pack.org_code)).write_text(page, encoding="utf-8")
        names = visited.select("org_code", "name").unique().sort("org_code")
        listed = [(page_of(code), f"{name} ({code})") for code, name in names.iter_rows()]
        index = _render("index.html", heading, listed=listed, blinded=blinded, paper=paper)
        (whole / INDEX).write_text(index, encoding="utf-8")
        (whole / MARK).write_text(json.dumps({"run": heading.run}) + "\n", encoding="utf-8")
        if paper:
            write_papers({file_stem(pack.org_code): _set(pack, heading) for pack in packs}, whole, step)
    return len(packs)


def read_packs(run: Path, visited: pl.DataFrame, evidence: Evidence, standard: Standard) -> Iterator[Pack]:
    """The packs with the reasons, by organisation.

    Args:
        run: the run's folder.
        visited: the declarations to test, as `visit_criteria.list_visited`.
        evidence: as `visit_evidence.weigh_evidence`.
        standard: the rules as the run used them.
    """
    codes = visited["org_code"].unique().sort().to_list()
    listed = read_table(run, "visit_list").filter(pl.col("org_code").is_in(codes))
    by_pool = pl.col("pool").cast(pl.Enum(POOLS))
    rows = _part(listed.with_columns(arm=visiting_arm()).sort("org_code", by_pool, "function"))
    points = _part(evidence.points.filter(pl.col("org_code").is_in(codes)))
    counts = list_criteria(run, visited, evidence, standard).group_by(_KEYS).len().sort(_KEYS).rows()
    names = dict(read_table(run, "names").drop_nulls("name").select("code", "name").iter_rows())
    grounds = evidence.grounds.filter(pl.col("org_code").is_in(codes)).partition_by("item", as_dict=True)
    says = dict(evidence.items.select("item", "evidence").iter_rows())
    for code in codes:
        own_points = [
            _read_point(point, standard.rulebook, grounds.get((point["point"],)), says.get(point["point"], ""), names)
            for point in points.get(code, [])
        ]
        first = rows[code][0]
        yield Pack(
            **{name: first[name] for name in _WHO},
            arm=next((row["arm"] for row in rows[code] if row["arm"]), None),
            declarations=tuple({**row, "reason": _cut(row["reason"])} for row in rows[code]),
            # The table of declarations takes lines from the points: a pack has to fit on its pages.
            points=tuple(_fit(own_points, _LINES - _lines_of_table(rows[code]))),
            of_points=len(own_points),
            criteria={function: number for org_code, function, number in counts if org_code == code},
        )


def _part(frame: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The rows of each organisation, in their order."""
    parts = frame.partition_by("org_code", as_dict=True, maintain_order=True)
    return {str(code): rows.to_dicts() for (code,), rows in parts.items()}


def _read_point(
    point: Mapping[str, Any], rulebook: Rulebook, grounds: pl.DataFrame | None, says: str, names: Mapping[str, str]
) -> Point:
    rule = rulebook[point["check_id"]] if point["check_id"] else None
    return Point(
        finding=_cut(point["finding"]),
        decibans=point["decibans"],
        functions=" and ".join(point["functions"]),
        is_duty=point["is_duty"],
        expected=point["expected"] or "",
        accounts=tuple(_accounts(rule, grounds, says, names)) if rule and grounds is not None else (),
        explanations=rule.explanations if rule else (),
        lines_of_enquiry=rule.lines_of_enquiry if rule else (_ENQUIRIES[point["family"]],),
    )


def _accounts(rule: Rule, grounds: pl.DataFrame, says: str, names: Mapping[str, str]) -> Iterator[Account]:
    """What the organisation itself said, then what others say of it."""
    for whose, about, statement in grounds.select("whose", "about", "statement").iter_rows():
        yield Account(_ITS_ANSWER.get(whose, whose), about, _cut(statement))
    for account in other_accounts(says, rule, names):
        yield Account(account.whose, account.about, _cut(account.statement))


def _cut(text: str) -> str:
    """A text that fits a pack: a remark may be pages long."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rstrip()} … (the dossier has all of it)"


def _lines_of_table(declarations: Sequence[Mapping[str, Any]]) -> int:
    """About how many printed lines the declarations take: their reasons stand in a column half as wide as the page."""
    return sum(2 + ceil(len(_cut(row["reason"])) / (_WIDTH / 2)) for row in declarations)


def _fit(points: Sequence[Point], lines: int) -> Iterator[Point]:
    """The weightiest points that two pages hold, at least the first.

    A point is not parted between the pages, so that the first may stay empty by as much as the longest takes.
    """
    used = longest = 0
    for number, point in enumerate(points):
        used, longest = used + point.lines, max(longest, point.lines)
        if number and used + longest > lines:
            return
        yield point


def _gather_blinded(run: Path, visited: pl.DataFrame, evidence: Evidence, standard: Standard) -> Iterator[BlindedPack]:
    """Nothing but what hangs on the organisation's type, services and the functions that it declared compliance of."""
    criteria = list_blinded_criteria(run, visited, evidence, standard)
    for code, rows in _part(criteria).items():
        whose = visited.filter(pl.col("org_code") == code).row(0, named=True)
        asked: dict[str, list[str]] = {}
        for row in rows:
            asked.setdefault(row["asked"], []).append(row["function"])
        functions = tuple(dict.fromkeys(row["function"] for row in rows))
        yield BlindedPack(**{name: whose[name] for name in _WHO}, functions=functions, asked=asked)


def _render(template: str, basis: _Basis, **fields: Any) -> str:
    return environment(_FOLDER).get_template(template).render(**asdict(basis), **fields)


def _set(pack: Pack | BlindedPack, basis: _Basis) -> Paper:
    """A pack on paper."""
    heading = {
        "site": f"Visit pack, core standard {basis.standard}, {basis.year}",
        "running": f"{pack.name} ({pack.org_code})",
        "name": f"{pack.name} ({pack.org_code})",
        "lead": f"{sentence(in_words(pack.org_type))} · {pack.region}",
    }
    title = f"Visit pack: {pack.name} ({pack.org_code})"
    if isinstance(pack, BlindedPack):
        fields = _set_blinded(pack, basis)
        return Paper("blinded_pack", title, last_day(basis.year), {**heading, **fields})
    return Paper("visit_pack", title, last_day(basis.year), {**heading, **_set_with_reasons(pack, basis)})


def _set_blinded(pack: BlindedPack, basis: _Basis) -> dict[str, Any]:
    def only_of(functions: Sequence[str]) -> str:
        return f"as a {' and '.join(functions)}" if len(functions) < len(pack.functions) else ""

    return {
        "foot": f"Run {basis.run}.",
        "tests": render_text(_FOLDER, "parts.html", "tests", pack, basis.standard, basis.year),
        "criteria": [{"question": question, "of": only_of(functions)} for question, functions in pack.asked.items()],
    }


def _set_with_reasons(pack: Pack, basis: _Basis) -> dict[str, Any]:
    return {
        "foot": f"Run {basis.run}. For the assessors of this visit; not to be sent to the trust.",
        "why": render_text(_FOLDER, "parts.html", "why", pack),
        "how-to-read": render_text(_FOLDER, "parts.html", "how_to_read", pack),
        "declarations": [
            {
                "function": sentence(in_words(row["function"])),
                "declared": sentence(in_words(row["declared"])),
                "note": render_text(_FOLDER, "parts.html", "note", row),
                "risk": f"{percent(row['risk'])} ({percent(row['risk_low'])} to {percent(row['risk_high'])})",
                "discrepancies": str(row["flags"]),
                "reason": row["reason"],
            }
            for row in pack.declarations
        ],
        "points": [_set_point(point) for point in pack.points],
        "of-points": pack.of_points,
    }


def _set_point(point: Point) -> dict[str, Any]:
    return {
        "finding": point.finding,
        "weight": render_text(_FOLDER, "parts.html", "weight", point),
        "expected": point.expected,
        "accounts": [
            {"whose": sentence(account.whose), "about": account.about, "says": account.says}
            for account in point.accounts
        ],
        "explanations": ". ".join(point.explanations),
        "enquiries": list(point.lines_of_enquiry),
    }
