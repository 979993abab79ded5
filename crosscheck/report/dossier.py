"""What a dossier tells: all that a run holds on one organisation, gathered at once for as many as are wanted.

Every table of the run is read once and parted by organisation, so that four hundred dossiers take little longer than
one. Texts of the collection are kept as they are: the page escapes them.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import polars.selectors as cs
from markupsafe import Markup

from crosscheck import settings
from crosscheck.cases import catalogue
from crosscheck.errors import RunError, UnknownNameError
from crosscheck.network.graph import list_neighbours
from crosscheck.questionnaire import read_questionnaire
from crosscheck.report.case import HISTORY_COLUMNS, OTHER_FUNCTION, assemble_cases, by_declaration
from crosscheck.report.page import sign
from crosscheck.report.run_folder import MANIFEST, digest_collection, read_json, read_table, scan_table
from crosscheck.report.standing import read_standing, spread_scores
from crosscheck.report.waterfall import add_up, draw_bars
from crosscheck.rulebook.plain import in_words
from crosscheck.visits.listing import list_findings
from crosscheck.vocabulary import RELATIONS, SEVERITIES, VERDICTS, WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from crosscheck.report.standing import Standing
    from crosscheck.report.waterfall import Step

_KEYS: Final = ("org_code", "function")
FIGURES: Final = 8  # of those from other sources, the weightiest are shown beside those of the peers
FUNNELS: Final = 2
_ASKED_FIRST: Final = 5
_NAMED_PARTS: Final = 7  # single bars of a waterfall
_WITH_FUNNEL: Final = ("proportion", "ratio")
_TONES: Final = ((-2.5, "very critical"), (-1.5, "critical"), (-0.5, "rather critical"), (0.5, "neutral"),
                 (1.5, "rather praising"), (2.5, "praising"))  # fmt: skip
_RELIANCE: Final = ((0.4, "little"), (0.7, "in part"))
_EVIDENCE: Final = re.compile(r"; (?=(?:[a-z_]+ \w+: )?[a-z0-9_]+\.[a-z0-9_.()]+ = |[a-z_]+: none of )")
_OF_REVIEW: Final = re.compile(r"^review(\d)\.")
_RELATIONS: Final = {
    "commissioner": "Commissioned by",
    "provider": "Commissions from",
    "same_lscb": "On the same safeguarding board",
    "other_party": "In the same case review",
    "predecessor": "Took over from",
    "successor": "Taken over by",
}
_OTHER_SIDES: Final = (*RELATIONS, "this_review")
_SECTIONS: Final = {"all": "All sections together"}
_LISTED: Final = (
    "rank", "function", "declared", "risk", "risk_low", "risk_high", "rank_low", "rank_high", "selected_by",
    "inclusion_probability", "flags", "unknowns", "reason", "decibans", "among_first", "ahead_of_next", "visited",
)  # fmt: skip
_NOT_HELD: Final = "not in the collection"
_NOT_TOLD: Final = "not told by the other side"


@dataclass(frozen=True)
class Weight:
    """What a finding added to the risk of one declaration, in decibans; positive is worse."""

    function: str
    decibans: float


@dataclass(frozen=True)
class Finding:
    """One check that differs, on one declaration or with the same words on both; the weightiest come first.

    `rests_on` pairs what was asked with what stands there. `waived` says by whom and why it is set aside, if it is.
    """

    check_id: str
    severity: str
    says: str
    rests_on: tuple[tuple[str, str], ...]
    waived: str | None
    rule: Mapping[str, Any]
    weights: tuple[Weight, ...]

    @property
    def mark(self) -> str:
        """What its place on the page is called."""
        return f"{self.check_id}-{self.weights[0].function}"

    @property
    def asks(self) -> bool:
        """Whether it only asks, and adds nothing to the risk."""
        return all(weight.decibans == 0 for weight in self.weights)


@dataclass(frozen=True)
class OpenQuestion:
    """An answer or figure that is wanting: why, the checks that it would help to decide, and what one could add.

    `why` is no answer, not known, not applicable (as the return has it), or that the collection holds no such figure.
    `could_add` is what a difference would add by itself, in decibans.
    """

    label: str
    why: str
    checks: tuple[str, ...]
    could_add: float


@dataclass(frozen=True)
class Declaration:
    """One declaration of the organisation: its row of the visit list, its history, and how its risk adds up.

    `listed` has the columns of `visit_list`; `history` is what was declared, by when; `parts` are all parts.
    """

    listed: Mapping[str, Any]
    declarations: int
    statement: str | None
    lapse: tuple[Any, Any]
    previous_by: str | None
    history: Mapping[str, str]
    steps: tuple[Step, ...]
    parts: Sequence[Mapping[str, Any]]
    verdicts: Mapping[str, int]

    @property
    def function(self) -> str:
        """`whole`, or one of the two functions of a primary care trust."""
        return str(self.listed["function"])

    @property
    def former(self) -> dict[str, str]:
        """What was declared in the years before, by when."""
        return {when: status for when, status in self.history.items() if when != OTHER_FUNCTION}

    @property
    def bars(self) -> list[tuple[Step, Markup]]:
        """Each step of the waterfall with its bar."""
        return list(zip(self.steps, draw_bars(self.steps), strict=True))

    @property
    def every_part(self) -> Markup:
        """The rows of a table of all parts: what it is called, what it adds, and what it would add alone."""
        rows = (
            f'<tr><th scope="row">{escape(part["part"])}</th><td class="number">{sign(part["decibans"], 2)}</td>'
            f'<td class="number">{sign(part["worth"], 2)}</td></tr>'
            for part in self.parts
        )
        return Markup("\n".join(rows))  # noqa: S704  # escaped here: a hundred thousand rows take the template seconds

    @property
    def weightiest(self) -> tuple[Step, ...]:
        """The single pieces of evidence that are named, the weightiest first, for or against."""
        single = [step for step in self.steps if step.number == 1 and step.family not in {"prior", "declared"}]
        return tuple(sorted(single, key=lambda step: (-abs(step.decibans), step.words)))


@dataclass(frozen=True)
class Comment:
    """A remark of a third party; `tone` and `reliance` in words, beside the figures of the collection."""

    author: str
    year: str
    tone: str
    polarity: float
    reliance: str
    reliability: float
    text: str


@dataclass(frozen=True)
class Neighbour:
    """An organisation or former body that it is tied to; `rank` is its best on the list, None where it has none."""

    code: str
    name: str | None
    through: str
    rank: int | None


@dataclass(frozen=True)
class Dossier:
    """All that a run tells of one organisation."""

    org_code: str
    name: str
    org_type: str
    region: str
    about: Mapping[str, Any]
    declarations: tuple[Declaration, ...]
    findings: tuple[Finding, ...]
    questions: tuple[OpenQuestion, ...]
    agreeing: tuple[str, ...]
    sections: tuple[Standing, ...]
    figures: tuple[Standing, ...]
    comments: tuple[Comment, ...]
    neighbours: tuple[tuple[str, tuple[Neighbour, ...]], ...]
    visits: tuple[Mapping[str, Any], ...]
    problems: tuple[Mapping[str, Any], ...]

    @property
    def page(self) -> str:
        """The name of its page."""
        return page_of(self.org_code)

    @property
    def asked_first(self) -> list[tuple[Finding, str]]:
        """The first request of each of the weightiest findings that count."""
        counting = [finding for finding in self.findings if finding.waived is None and finding.rule["ask"]]
        return [(finding, finding.rule["ask"][0]) for finding in counting[:_ASKED_FIRST]]

    @property
    def with_funnel(self) -> tuple[Standing, ...]:
        """The weightiest of its figures that have a denominator and so a funnel."""
        has = (one for one in self.figures if one.kind in _WITH_FUNNEL and one.expected is not None)
        return tuple(has)[:FUNNELS]


@dataclass(frozen=True)
class Basis:
    """What the dossiers of a run rest on: its year and standard, and its fingerprint with what that is made of.

    `tables` has the SHA-256 of each table as it was understood, which does not hang on the order of rows in its file.
    """

    year: str
    standard: str
    declarations: int
    fingerprint: str
    manifest: Mapping[str, Any]
    tables: Mapping[str, str]


def page_of(org_code: str) -> str:
    """The name of an organisation's page. Codes are letters and digits; anything else is written as its number."""
    return re.sub(r"[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):x}", org_code) + ".html"


def read_basis(run: Path) -> Basis:
    """Read what a run rested on. Two runs of the same inputs, rules, models and options have the same fingerprint.

    Raises:
        RunError: there is no such run.
    """
    manifest = read_json(run, MANIFEST)
    tables = digest_collection(run)
    told = {name: manifest[name] for name in ("crosscheck", "seed", "rules", "models", "waivers")}
    told |= {"tables": tables, "options": {**manifest["options"], "collection": ""}}
    return Basis(
        year=manifest["options"]["year"],
        standard=manifest["options"]["standard"],
        declarations=manifest["reconciliation"]["declarations"],
        fingerprint=hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:12],
        manifest=manifest,
        tables=tables,
    )


def read_dossiers(run: Path, only: Iterable[str] = ()) -> tuple[Dossier, ...]:
    """Gather the dossiers of a run, worst first: by the best rank of any declaration.

    Args:
        run: a run's folder.
        only: codes of organisations; all if none is named.

    Raises:
        RunError: there is no such run.
        UnknownNameError: no such organisation has a declaration in it; the message names those nearest.
    """
    listed = read_table(run, "visit_list")
    codes = _choose(listed, only)
    rulebook = read_json(run, "rulebook.json")
    chosen = listed.filter(pl.col("org_code").is_in(codes))
    shelves = _fill_shelves(run, codes, listed, {rule["id"]: rule["title"] for rule in rulebook})
    cases: dict[str, list[dict[str, Any]]] = {}
    for case in assemble_cases(chosen, _read_decided(run, codes), rulebook, listed.height):
        cases.setdefault(case["org_code"], []).append(case)
    return tuple(_tell(org_code, of_it, shelves) for org_code, of_it in cases.items())


def _choose(listed: pl.DataFrame, only: Iterable[str]) -> list[str]:
    known = listed["org_code"].unique(maintain_order=True).to_list()
    asked = list(dict.fromkeys(code.strip().upper() for code in only))
    if unknown := [code for code in asked if code not in set(known)]:
        names = dict(listed.select("org_code", "name").iter_rows())
        raise UnknownNameError([_nearest(code, names) for code in unknown])
    return asked or known


def _nearest(code: str, names: Mapping[str, str]) -> str:
    close = difflib.get_close_matches(code, names, n=3, cutoff=0.5)
    close += [other for other, name in names.items() if code.casefold() in name.casefold()][:3]
    meant = "; ".join(f"{other} {names[other]}" for other in dict.fromkeys(close))
    hint = f" Did you mean {meant}?" if meant else ""
    return f"No organisation {code} in this run.{hint} visit_list.csv in the run's folder has all codes."


def _read_decided(run: Path, codes: Sequence[str]) -> dict[str, pl.DataFrame]:
    """Cases, findings that differ or are open, and parts, of these organisations; what no page shows is not read."""
    wanted, keys = pl.col("org_code").is_in(codes), pl.col(_KEYS).cast(pl.String)
    told = pl.col("verdict").cast(pl.String).is_in(["differs", "cannot_tell"])
    findings = scan_table(run, "findings").filter(wanted & told).drop("expected", "basis", "group", "kind")
    cases = scan_table(run, "cases").filter(wanted).select(keys, *HISTORY_COLUMNS)
    parts = scan_table(run, "parts").filter(wanted).drop("group", "source", "sd")
    return {
        "cases": cases.collect(),
        "findings": findings.with_columns(keys).collect(),
        "parts": parts.with_columns(keys).collect(),
    }


_OfOrganisation = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class _Shelves:
    """What there is beside the cases: by organisation, by declaration, or by name."""

    organisations: _OfOrganisation
    titles: Mapping[str, str]
    labels: Mapping[str, str]
    absences: Mapping[tuple[str, str], list[dict[str, Any]]]
    verdicts: Mapping[tuple[str, str], list[dict[str, Any]]]
    sections: _OfOrganisation
    figures: _OfOrganisation
    comments: _OfOrganisation
    neighbours: _OfOrganisation
    visits: _OfOrganisation
    problems: _OfOrganisation


def _fill_shelves(run: Path, codes: Sequence[str], listed: pl.DataFrame, titles: Mapping[str, str]) -> _Shelves:
    wanted = pl.col("org_code").is_in(codes)
    types = listed.select("org_code", "org_type").unique()
    scores = read_table(run, "scores").filter(pl.col("relevance").cast(pl.String) != "answer")
    absences = scan_table(run, "cases").filter(wanted).select(pl.col(_KEYS).cast(pl.String), cs.ends_with(WHY_ABSENT))
    comments = scan_table(run, "collection/comments").filter(wanted).collect()
    return _Shelves(
        organisations=_by_organisation(scan_table(run, "collection/organisations").filter(wanted).collect()),
        titles=titles,
        labels=_read_labels(run, scores),
        absences=by_declaration(absences.collect()),
        verdicts=by_declaration(_count_verdicts(run, codes)),
        sections=_by_organisation(_spread(read_table(run, "pooled"), types, "section").filter(wanted)),
        figures=_by_organisation(_spread(scores.drop_nulls("z"), types, "indicator").filter(wanted)),
        comments=_by_organisation(comments.sort("year", "author", "text", descending=[True, False, False])),
        neighbours=_by_organisation(_read_neighbours(run, codes, listed)),
        visits=_by_organisation(_read_visits(run, codes)),
        problems=_by_organisation(_read_problems(run, codes)),
    )


def _by_organisation(table: pl.DataFrame) -> _OfOrganisation:
    rows: _OfOrganisation = {}
    for row in table.iter_rows(named=True):
        rows.setdefault(row["org_code"], []).append(row)
    return rows


def _read_labels(run: Path, scores: pl.DataFrame) -> dict[str, str]:
    """What people call a question or a figure, by its name."""
    standard = read_json(run, MANIFEST)["options"]["standard"]
    questionnaire = read_questionnaire(settings.questionnaire_file(standard))
    asked = {name.name: name.meaning for name in catalogue(questionnaire, ()).values()}
    return asked | dict(scores.select("indicator", "label").unique().iter_rows())


def _count_verdicts(run: Path, codes: Sequence[str]) -> pl.DataFrame:
    """One row a declaration: how many checks came to each verdict, and which agree."""
    verdict = pl.col("verdict").cast(pl.String)
    findings = scan_table(run, "findings").filter(pl.col("org_code").is_in(codes))
    counts = {name: (verdict == name).sum() for name in VERDICTS}
    agreeing = pl.col("check_id").filter(verdict == "agrees").sort()
    return findings.group_by(pl.col(_KEYS).cast(pl.String)).agg(**counts, agreeing=agreeing).sort(_KEYS).collect()


def _spread(scores: pl.DataFrame, types: pl.DataFrame, by: str) -> pl.DataFrame:
    return spread_scores(scores.join(types, on="org_code"), by).sort("org_code", by)


def _read_neighbours(run: Path, codes: Sequence[str], listed: pl.DataFrame) -> pl.DataFrame:
    """As the network lists them, each with its best rank where it is on the list."""
    ties, predecessors, names = (read_table(run, name) for name in ("ties", "predecessors", "names"))
    of_these = ties.filter(pl.col("org_code").is_in(codes))
    best = listed.group_by(code=pl.col("org_code")).agg(pl.col("rank").min())
    all_of_them = list_neighbours(of_these, predecessors, names).filter(pl.col("org_code").is_in(codes))
    return all_of_them.with_columns(pl.col("relation").cast(pl.String)).join(
        best, on="code", how="left", maintain_order="left"
    )


def _read_visits(run: Path, codes: Sequence[str]) -> pl.DataFrame:
    """Visits to the organisation or to a predecessor, whose code is `to`; the latest first."""
    files = {"visits": read_table(run, "collection/visits")}
    if (run / "collection" / "visits_wave_1.parquet").is_file():
        files["visits_wave_1"] = read_table(run, "collection/visits_wave_1")
    visits = list_findings(files).rename({"org_code": "to"})
    former = read_table(run, "predecessors").select("org_code", to="predecessor")
    own = pl.DataFrame({"org_code": codes, "to": codes}, schema={"org_code": pl.String, "to": pl.String})
    return (
        pl.concat([own, former.filter(pl.col("org_code").is_in(codes))])
        .join(visits, on="to")
        .sort("org_code", "visited_on", "to", "function", descending=[False, True, False, False])
    )


def _read_problems(run: Path, codes: Sequence[str]) -> pl.DataFrame:
    """What was wrong in rows that name the organisation."""
    problems = read_table(run, "problems")
    if "org_code" not in problems.columns:
        raise RunError(
            f"{run}: was made by an earlier version, which did not keep whose each problem is. Make it again."
        )
    return problems.filter(pl.col("org_code").cast(pl.String).is_in(codes)).with_columns(pl.col("row").cast(pl.Float64))


def _tell(org_code: str, cases: Sequence[dict[str, Any]], shelves: _Shelves) -> Dossier:
    first, keys = cases[0], [(case["org_code"], case["function"]) for case in cases]
    agreeing = {check for key in keys for check in shelves.verdicts[key][0]["agreeing"]}
    about = shelves.organisations[org_code][0]
    return Dossier(
        **{name: first[name] for name in ("org_code", "name", "org_type", "region")},
        about={name: about[name] for name in ("services", "care_trust", "staff_wte", "population_0_4")},
        declarations=tuple(_declaration(case, shelves) for case in cases),
        findings=_findings(cases),
        questions=_open_questions(cases, shelves),
        agreeing=tuple(f"{check} {shelves.titles[check]}" for check in sorted(agreeing)),
        sections=_sections(shelves.sections.get(org_code, ())),
        figures=_figures(cases[0], shelves.figures.get(org_code, ())),
        comments=tuple(map(_comment, shelves.comments.get(org_code, ()))),
        neighbours=_neighbours(shelves.neighbours.get(org_code, ())),
        visits=tuple(shelves.visits.get(org_code, ())),
        problems=tuple(shelves.problems.get(org_code, ())),
    )


def _declaration(case: dict[str, Any], shelves: _Shelves) -> Declaration:
    return Declaration(
        listed={name: case[name] for name in _LISTED},
        declarations=case["declarations"],
        statement=case["statement"],
        lapse=case["lapse"],
        previous_by=case["previous_by"],
        history=case["history"],
        steps=add_up(case["parts"], _NAMED_PARTS),
        parts=sorted(case["parts"], key=lambda part: (-abs(part["decibans"]), part["part"])),
        verdicts=shelves.verdicts[case["org_code"], case["function"]][0],
    )


def _findings(cases: Sequence[dict[str, Any]]) -> tuple[Finding, ...]:
    """The checks that differ, the weightiest first; the same one on both declarations is told once."""
    told: dict[tuple[Any, ...], list[tuple[str, dict[str, Any]]]] = {}
    for case in cases:
        for finding in case["findings"]:
            if finding["verdict"] == "differs":
                same = tuple(finding[name] for name in ("check_id", "says", "evidence", "waived"))
                told.setdefault(same, []).append((case["function"], finding))
    return tuple(sorted(map(_finding, told.values()), key=_by_weight))


def _finding(told: list[tuple[str, dict[str, Any]]]) -> Finding:
    _, first = told[0]
    return Finding(
        **{name: first[name] for name in ("check_id", "severity", "says", "waived", "rule")},
        rests_on=tuple(map(_rests_on, _EVIDENCE.split(first["evidence"]))),
        weights=tuple(Weight(function, finding["weight"]) for function, finding in told),
    )


def _by_weight(finding: Finding) -> tuple[Any, ...]:
    weight = max(weight.decibans for weight in finding.weights)
    return finding.waived is not None, -weight, -SEVERITIES.index(finding.severity), finding.check_id


def _rests_on(evidence: str) -> tuple[str, str]:
    """`audit.documentation = no` as people read it: what, and what stands there."""
    name, _, value = evidence.partition(" = ")
    if not value:
        name, _, value = evidence.partition(": ")
    return _spoken(name), value


def _spoken(name: str) -> str:
    return in_words(name.replace(": ", ", ").replace(".", ", "))


def _open_questions(cases: Sequence[dict[str, Any]], shelves: _Shelves) -> tuple[OpenQuestion, ...]:
    """What is wanting, each once with the checks that it would help to decide, the most telling first."""
    wanted: dict[str, dict[str, float]] = {}
    why: dict[str, str] = {}
    for case in cases:
        absent = shelves.absences[case["org_code"], case["function"]][0]
        for finding in (one for one in case["findings"] if one["verdict"] == "cannot_tell"):
            for name in finding["open_questions"] or ():
                checks = wanted.setdefault(name, {})
                checks[finding["check_id"]] = max(finding["could_add"], checks.get(finding["check_id"], 0.0))
                why.setdefault(name, _why(name, absent))
    questions = [
        OpenQuestion(_label(name, shelves.labels), why[name], tuple(sorted(checks)), max(checks.values()))
        for name, checks in wanted.items()
    ]
    return tuple(sorted(questions, key=lambda question: (-question.could_add, question.label)))


def _why(name: str, absent: Mapping[str, str | None]) -> str:
    if name.split(".", maxsplit=1)[0] in _OTHER_SIDES:
        return _NOT_TOLD
    return in_words(absent.get(name + WHY_ABSENT) or _NOT_HELD)


def _label(name: str, labels: Mapping[str, str]) -> str:
    if name in labels:
        return labels[name]
    side, _, rest = name.partition(".")
    return f"{in_words(side)}: {labels[rest]}" if rest in labels else _spoken(name)


def _sections(rows: Iterable[dict[str, Any]]) -> tuple[Standing, ...]:
    """All sections together first, then each."""
    told = [
        read_standing(row, row["section"], _SECTIONS.get(row["section"], in_words(row["section"])), str(row["items"]))
        for row in rows
    ]
    return tuple(sorted(told, key=lambda one: (one.name != "all", -(one.z or 0.0), one.name)))


def _figures(case: dict[str, Any], rows: Iterable[dict[str, Any]]) -> tuple[Standing, ...]:
    """The figures from other sources that weigh most, for or against."""
    weights = {part["part"]: abs(part["decibans"]) for part in case["parts"] if part["family"] == "figures"}
    weighty = sorted(
        (row for row in rows if row["indicator"] in weights),
        key=lambda row: (-weights[row["indicator"]], row["indicator"]),
    )
    return tuple(
        read_standing(row, row["indicator"], row["label"], in_words(row["source"])) for row in weighty[:FIGURES]
    )


def _comment(row: dict[str, Any]) -> Comment:
    tone = next((words for limit, words in _TONES if row["polarity"] <= limit), "very praising")
    reliance = next((words for limit, words in _RELIANCE if row["reliability"] < limit), "well")
    told = {name: row[name] for name in ("year", "polarity", "reliability")}
    return Comment(author=in_words(row["author"]), tone=tone, reliance=reliance, text=row["text"] or "", **told)


def _neighbours(rows: Iterable[dict[str, Any]]) -> tuple[tuple[str, tuple[Neighbour, ...]], ...]:
    """Grouped by what they are to it; members of each board by themselves."""
    groups: dict[str, list[Neighbour]] = {}
    for row in rows:
        board = row["relation"] == "same_lscb"
        heading = _RELATIONS[row["relation"]] + (f": {row['through']}" if board else "")
        groups.setdefault(heading, []).append(
            Neighbour(row["code"], row["name"], "" if board else row["through"], row["rank"])
        )
    return tuple((heading, tuple(members)) for heading, members in groups.items())
