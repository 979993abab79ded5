"""The handbook of a standard's rules: a static site that works from the file system, one page a rule.

It is for the people who make the list and those who visit, not for publication: nothing is suppressed in it.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, get_args

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from crosscheck import settings
from crosscheck.cases.cases import catalogue
from crosscheck.report.handbook.occurrence import EVERY_TYPE, FEWEST_TOGETHER, count_verdicts, find_companions
from crosscheck.report.output.folder import refuse_foreign, written_whole
from crosscheck.report.output.html import TEMPLATES, end_sentence, read_style, write_day
from crosscheck.report.output.prose import set_prose
from crosscheck.rulebook.condition import names_in
from crosscheck.rulebook.rule import PERCENTILE, PLACEHOLDER, SAME, Kind, Strength
from crosscheck.rulebook.to_english import full_label, in_words, short_label, to_english, value_in_words
from crosscheck.runs.run_folder import read_manifest, read_table
from crosscheck.vocabulary import FUNCTIONS, ORG_TYPES, SEVERITIES, STATUSES, VERDICTS, VERDICTS_IN_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from crosscheck.cases.cases import Name
    from crosscheck.rulebook.rule import Example, Given, Rule, Rulebook
    from crosscheck.rulebook.to_english import EnglishCondition
    from crosscheck.standard import Standard

MARK: Final = "handbook.json"
_TEMPLATES: Final = TEMPLATES / "handbook"
_SCRIPT: Final = "search.js"
_OWN: Final = "project_threshold"
_MOST_COMPANIONS: Final = 10
_OTHERS: Final[dict[str, str]] = {
    "commissioner": "commissioner", "provider": "provider", "same_lscb": "other member", "other_party": "other party",
    SAME: "other organisation",
}  # fmt: skip
_SPLIT_AT: Final = "|"


@dataclass(frozen=True)
class Verdicts:
    """How many declarations of some organisations got which verdict of a rule; `whose` says which organisations."""

    whose: str
    declarations: int
    differs: int
    agrees: int
    cannot_tell: int
    not_applicable: int

    @property
    def determined(self) -> int:
        """On how many the rule could say whether they differ."""
        return self.differs + self.agrees

    @property
    def bar(self) -> list[tuple[str, float, float]]:
        """Verdict, beginning and width, in hundredths of the whole, from left to right; nothing that is empty."""
        bar, begin = [], 0.0
        for verdict in ("differs", "cannot_tell", "agrees", "not_applicable"):
            width = round(100 * getattr(self, verdict) / self.declarations, 3)
            if width:
                bar.append((verdict, round(begin, 3), width))
            begin += width
        return bar


@dataclass(frozen=True)
class Companion:
    """A rule that differs on the same declarations more often than by chance (`occurrence.find_companions`)."""

    rule: Rule
    both_determined: int
    observed: int
    expected: float
    ratio: float


@dataclass(frozen=True)
class ShownPage:
    """An example: its name, what is given of the case and of each other organisation, and the verdict."""

    name: str
    given: tuple[str, ...]
    others: tuple[tuple[str, tuple[str, ...]], ...]
    verdict: str


@dataclass(frozen=True)
class Entry:
    """All that the page of a rule shows beside the rule itself.

    `names` are those that it speaks of, `together` the other rules of its group, `expectations` each with its words
    (empty where the standard's file does not have it). `verdicts` and `companions` are of a run: None without one, and
    empty where the run did not have the rule.
    """

    rule: Rule
    section: str
    premise: EnglishCondition | None
    condition: EnglishCondition
    says: str
    names: tuple[Name, ...]
    examples: tuple[ShownPage, ...]
    together: tuple[Rule, ...]
    expectations: tuple[tuple[str, str], ...]
    verdicts: tuple[Verdicts, ...] | None
    companions: tuple[Companion, ...] | None

    @property
    def page(self) -> str:
        """Where its page lies, from the handbook's folder."""
        return f"rules/{self.rule.id}.html"


@dataclass(frozen=True)
class Listing:
    """A page that lists rules: those of one section, say."""

    page: str
    by: str
    value: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Run:
    """What a run found: its year, how many declarations it had, and whether it used these very rules."""

    year: str
    declarations: int
    same_rules: bool
    verdicts: Mapping[str, tuple[Verdicts, ...]]
    companions: Mapping[str, tuple[Companion, ...]]


def refuse_foreign_folder(folder: Path) -> None:
    """Stop before any work if the place of the handbook holds something else.

    Raises:
        RunError: it does.
    """
    refuse_foreign(folder, MARK, "handbook")


def write_handbook(standard: Standard, folder: Path, run_folder: Path | None) -> int:
    """Write the handbook of a standard's rules; a former one at that place is replaced whole.

    Args:
        standard: the rules, and the questions that they speak of.
        folder: where to; missing, empty, or a handbook.
        run_folder: a run that says how often each rule differs; None to leave that out.

    Returns:
        How many pages it has. The same rules and run give the same bytes.

    Raises:
        RunError: the place holds something else or can't be written, or there is no such run.
    """
    run = None if run_folder is None else _read_run(run_folder, standard.rulebook)
    entries = _entries(standard, run)
    pages = dict(_pages(standard, entries, run))
    with written_whole(folder, MARK, "handbook") as whole:
        for page, html in pages.items():
            (whole / page).parent.mkdir(exist_ok=True)
            (whole / page).write_text(html, encoding="utf-8")
        (whole / "style.css").write_text(read_style("handbook"), encoding="utf-8")
        (whole / _SCRIPT).write_bytes((_TEMPLATES / _SCRIPT).read_bytes())
        (whole / "search-index.js").write_text(_search_index(entries), encoding="utf-8")
        mark = {"standard": standard.name, "rules": len(entries), "sha256": standard.rulebook.digest}
        (whole / MARK).write_text(json.dumps(mark, indent=1) + "\n", encoding="utf-8")
    return len(pages)


def _pages(standard: Standard, entries: tuple[Entry, ...], run: Run | None) -> Iterator[tuple[str, str]]:
    """Every page with its text."""
    coverage = _read_rows(settings.coverage_file(standard.name))
    listings = _listings(entries)
    show = partial(_shown, _environment(), {"standard": standard.name, "run": run, "covered": _first_cells(coverage)})
    yield show("index.html", "index.html", entries=entries, listings=listings, rulebook=standard.rulebook)
    yield show(
        "language.html", "language.html", lesson=set_prose(settings.language_lesson().read_text(encoding="utf-8"))
    )
    if coverage:
        expected = _read_expectations(standard.name)
        yield show("coverage.html", "coverage.html", rows=coverage, rulebook=standard.rulebook, expected=expected)
    for listing in listings:
        yield show(listing.page, "listing.html", listing=listing)
    for entry in entries:
        yield show(entry.page, "rule.html", entry=entry)


def _shown(
    environment: Environment, on_every_page: Mapping[str, object], page: str, template: str, **fields: object
) -> tuple[str, str]:
    root = "../" * page.count("/")
    return page, environment.get_template(template).render(**on_every_page, **fields, root=root, page=page)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        # A misspelt name stops the writing: left empty it would be a gap that nobody sees.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "in_words": in_words, "sentence": _sentence, "ended": end_sentence, "cell": _cell,
        "organisations": _organisations, "day": write_day,
    }  # fmt: skip
    environment.globals |= {
        "FEWEST_TOGETHER": FEWEST_TOGETHER, "MOST_COMPANIONS": _MOST_COMPANIONS,
        "STATUSES": STATUSES, "FUNCTIONS": FUNCTIONS, "ORG_TYPES": ORG_TYPES, "VERDICTS": VERDICTS_IN_WORDS,
    }  # fmt: skip
    return environment


def _entries(standard: Standard, run: Run | None) -> tuple[Entry, ...]:
    names = catalogue(standard.questionnaire, standard.indicators.names)
    expected = _read_expectations(standard.name)
    return tuple(_entry(rule, standard.rulebook, names, expected, run) for rule in standard.rulebook)


def _entry(
    rule: Rule, rulebook: Rulebook, names: Mapping[str, Name], expected: Mapping[str, str], run: Run | None
) -> Entry:
    return Entry(
        rule=rule,
        section=rule.file.parent.name,
        premise=None if rule.premise is None else to_english(rule.premise),
        condition=to_english(rule.condition),
        says=PLACEHOLDER.sub(lambda found: f"[{short_label(names[found[1]])}]", rule.finding),
        names=tuple(dict.fromkeys(name for condition in rule.conditions for name in names_in(condition))),
        examples=tuple(_example(example, names) for example in rule.examples),
        together=tuple(other for other in rulebook if other.group == rule.group and other.id != rule.id),
        expectations=tuple((expectation, expected.get(expectation, "")) for expectation in rule.expectations),
        verdicts=None if run is None else run.verdicts.get(rule.id, ()),
        companions=None if run is None else run.companions.get(rule.id, ()),
    )


def _example(example: Example, names: Mapping[str, Name]) -> ShownPage:
    others = [
        (f"{_OTHERS[relation]} {number}", _given(given, names))
        for relation, others in example.others.items()
        for number, given in enumerate(others, start=1)
    ]
    return ShownPage(example.name, _given(example.given, names), tuple(others), example.verdict)


def _given(given: Mapping[str, Given], names: Mapping[str, Name]) -> tuple[str, ...]:
    return tuple(f"{_given_name(name, names)}: {_given_value(name, value, names)}" for name, value in given.items())


def _given_name(name: str, names: Mapping[str, Name]) -> str:
    return _sentence(full_label(names[name]) if name in names else name)


def _given_value(name: str, value: Given, names: Mapping[str, Name]) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value == "n/a":
        return "not applicable"
    if name.startswith(PERCENTILE) or name not in names:
        return str(value)
    name_used = names[name]
    return str(value) if name_used.type == "text" else value_in_words(name_used, value)


def _listings(entries: tuple[Entry, ...]) -> tuple[Listing, ...]:
    """The pages by section, severity, strength and kind, and the one of the project's own choices."""
    of_entry: dict[str, tuple[Iterable[str], Callable[[Entry], str]]] = {
        "section": (sorted({entry.section for entry in entries}), lambda entry: entry.section),
        "severity": (reversed(SEVERITIES), lambda entry: entry.rule.severity),
        "strength": (get_args(Strength), lambda entry: entry.rule.strength),
        "kind": (get_args(Kind), lambda entry: entry.rule.kind),
        "project threshold": ((_OWN,), lambda entry: _OWN if entry.rule.threshold_rationale else ""),
    }
    return tuple(
        Listing(f"{by.replace(' ', '-')}/{value}.html", by, value, chosen)
        for by, (values, value_of) in of_entry.items()
        for value in values
        if (chosen := tuple(entry for entry in entries if value_of(entry) == value))
    )


def _read_run(folder: Path, rulebook: Rulebook) -> Run:
    findings, visit_list = (
        read_table(folder, name).with_columns(pl.col("org_code", "function").cast(pl.String))
        for name in ("findings", "visit_list")
    )
    manifest = read_manifest(folder)
    verdicts: dict[str, list[Verdicts]] = {}
    for row in count_verdicts(findings, visit_list).iter_rows(named=True):
        counts = {name: row[name] for name in ("declarations", *VERDICTS)}
        verdicts.setdefault(row["check_id"], []).append(Verdicts(_organisations(row["org_type"]), **counts))
    return Run(
        year=manifest.options.year,
        declarations=visit_list.height,
        same_rules=manifest.rules.sha256 == rulebook.digest,
        verdicts={rule: tuple(rows) for rule, rows in verdicts.items()},
        companions=_companions(findings, rulebook),
    )


def _companions(findings: pl.DataFrame, rulebook: Rulebook) -> dict[str, tuple[Companion, ...]]:
    """The companions of each rule, as far as they are in the rulebook; the highest ratios only."""
    of_rulebook = find_companions(findings).filter(pl.col("other_id").is_in(list(rulebook.rules)))
    companions: dict[str, list[Companion]] = {}
    for row in of_rulebook.group_by("check_id", maintain_order=True).head(_MOST_COMPANIONS).iter_rows(named=True):
        counts = {name: row[name] for name in ("both_determined", "observed", "expected", "ratio")}
        companions.setdefault(row["check_id"], []).append(Companion(rulebook[row["other_id"]], **counts))
    return {rule: tuple(rows) for rule, rows in companions.items()}


def _organisations(org_type: str) -> str:
    """The organisations of a type, as people write it."""
    return "all" if org_type == EVERY_TYPE else f"{in_words(org_type).removesuffix(' trust')} trusts"


def _read_expectations(standard: str) -> dict[str, str]:
    """What is expected, in words, by identifier."""
    rows = _read_rows(settings.expectations_file(standard))
    return {row["expectation_id"]: row["expectation"] for row in rows}


def _read_rows(file: Path) -> list[dict[str, str]]:
    """The rows of a table; none where there is no such file."""
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _first_cells(rows: list[dict[str, str]]) -> frozenset[str]:
    return frozenset(next(iter(row.values())) for row in rows)


def _search_index(entries: tuple[Entry, ...]) -> str:
    """A constant that the search reads; a file of its own, since pages from the file system may not fetch one."""
    rows = [
        {"id": entry.rule.id, "title": entry.rule.title, "page": entry.page, "about": _about(entry), "text": words}
        for entry in entries
        for words in (" ".join(_searched(entry)).casefold(),)
    ]
    return f"const RULES = {json.dumps(rows, ensure_ascii=False, indent=0)};\n"


def _about(entry: Entry) -> str:
    rule = entry.rule
    return f"{_sentence(in_words(entry.section))}, {rule.severity} severity, {in_words(rule.strength)}"


def _searched(entry: Entry) -> Iterator[str]:
    rule = entry.rule
    yield from (
        rule.id,
        rule.title,
        rule.finding,
        rule.basis,
        rule.source,
        rule.threshold_rationale,
        in_words(rule.group),
    )
    yield from (_about(entry), in_words(rule.kind), rule.only_if, rule.expects, str(entry.condition))
    yield from (*rule.explanations, *rule.lines_of_enquiry, *rule.covers, *rule.expectations)
    yield from (f"{name.name} {name.meaning}" for name in entry.names)


def _sentence(words: str) -> str:
    """The words as they begin a sentence; the name of a column stays as it is written."""
    return words if "_" in words.split(" ", 1)[0] else words[:1].upper() + words[1:]


def _cell(text: str, rulebook: Rulebook) -> list[tuple[str, bool]]:
    """A cell of a table in parts, each with whether it names a rule."""
    return [(part, part in rulebook) for part in text.split(_SPLIT_AT)]
