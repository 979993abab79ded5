from __future__ import annotations

import json
import random
import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck.cases.cases import catalogue
from crosscheck.cli import main
from crosscheck.errors import RunError
from crosscheck.report.handbook.handbook import write_handbook
from crosscheck.report.handbook.occurrence import EVERY_TYPE, count_verdicts, find_companions
from crosscheck.report.output.html import write_day
from crosscheck.rulebook.condition import names_in
from crosscheck.rulebook.expression import parse
from crosscheck.rulebook.rule import Rulebook
from crosscheck.settings import language_lesson
from crosscheck.standard import Standard
from crosscheck.vocabulary import ORG_TYPES, VERDICTS
from tests.manifests import write_manifest

NOTHING = "\N{EN DASH}"
VOID = {"meta", "link", "input", "br", "img", "hr"}


@dataclass
class Page(HTMLParser):
    """What tests ask of a page: its elements, its text, where it leads to."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    within: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.within.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.within.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if {"td", "th"} & set(self.within):
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read(file: Path) -> Page:
    page = Page()
    page.feed(file.read_text(encoding="utf-8"))
    page.close()
    assert page.within == [], file
    return page


@pytest.fixture(scope="module")
def run_folder(standard: Standard, tmp_path_factory) -> Path:
    """A run with made-up verdicts of every rule but the last on 60 declarations of all types of organisation."""
    folder = tmp_path_factory.mktemp("made") / "run"
    folder.mkdir()
    lots = random.Random(2009)
    cases = [(f"X{number:02}", "whole", ORG_TYPES[number % 4]) for number in range(60)]
    rows = [(rule, *case[:2], lots.choice(VERDICTS)) for rule in list(standard.rulebook.rules)[:-1] for case in cases]
    pl.DataFrame(rows, schema=["check_id", "org_code", "function", "verdict"], orient="row").write_parquet(
        folder / "findings.parquet"
    )
    pl.DataFrame(cases, schema=["org_code", "function", "org_type"], orient="row").write_parquet(
        folder / "visit_list.parquet"
    )
    write_manifest(folder, standard.rulebook.digest)
    return folder


@pytest.fixture(scope="module")
def handbook(standard: Standard, run_folder: Path, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "handbook"
    write_handbook(standard, folder, run_folder)
    return folder


@pytest.fixture(scope="module")
def pages(handbook: Path) -> dict[Path, Page]:
    return {file: read(file) for file in sorted(handbook.rglob("*.html"))}


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def plainly(text: str) -> str:
    return " ".join(text.split())


def test_every_rule_has_a_page_with_its_basis_its_replies_and_what_to_ask(standard, handbook, pages) -> None:
    for rule in standard.rulebook:
        text = pages[handbook / "rules" / f"{rule.id}.html"].text
        told = (rule.title, rule.basis, rule.source, rule.only_if, rule.expects, rule.threshold_rationale)
        shown = (
            *told,
            *rule.explanations,
            *rule.lines_of_enquiry,
            *rule.covers,
            *rule.expectations,
            write_day(rule.checked_on),
        )
        assert [words for words in shown if plainly(words) not in text] == [], rule.id


def test_every_rule_is_reached_by_links_without_a_script(standard, handbook) -> None:
    reached, waiting = set(), [handbook / "index.html"]
    while waiting:
        file = waiting.pop()
        if file in reached:
            continue
        reached.add(file)
        links = [link["href"].split("#")[0] for link in read(file).all("a")] if file.suffix == ".html" else []
        waiting += [(file.parent / link).resolve() for link in links if link]
    assert {file.stem for file in reached if file.parent.name == "rules"} == set(standard.rulebook.rules)


def test_every_link_leads_to_a_page_and_a_place_that_is_there(handbook, pages) -> None:
    places = {file.resolve(): {attributes.get("id") for _, attributes in page.elements} for file, page in pages.items()}
    for file, page in pages.items():
        for link in page.all("a"):
            target, _, place = link["href"].partition("#")
            there = (file.parent / target).resolve() if target else file.resolve()
            assert there in places, (file, link)
            assert not place or place in places[there], (file, link)
        for needed in [*page.all("link"), *page.all("script")]:
            assert (file.parent / (needed.get("href") or needed["src"])).is_file()


def test_no_page_refers_to_anything_outside(handbook, pages) -> None:
    for file, page in pages.items():
        addresses = [value for _, attributes in page.elements for value in attributes.values() if value]
        assert not [value for value in addresses if re.match(r"(https?:)?//", value)], file
        allowed = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
        assert [policy.split(";")[0] for policy in allowed] == ["default-src 'self'"]
    for file in (handbook / "style.css", handbook / "search.js"):
        assert not re.search(r"https?:|//[a-z]|url\(|@import|fetch|XMLHttpRequest", file.read_text(encoding="utf-8"))


def test_no_page_holds_a_script_or_a_style_of_its_own(pages) -> None:
    for file, page in pages.items():
        assert all("src" in script for script in page.all("script")), file
        assert not page.all("style"), file
        assert not [
            name for _, attributes in page.elements for name in attributes if name[:2] == "on" or name == "style"
        ]


def test_a_reader_without_sight_finds_landmarks_headings_in_order_and_tables_with_headers(pages) -> None:
    for file, page in pages.items():
        assert page.all("html") == [{"lang": "en"}]
        tags = Counter(tag for tag, _ in page.elements)
        assert (tags["main"], tags["header"], tags["footer"], tags["h1"]) == (1, 1, 1, 1), file
        levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
        assert all(after <= before + 1 for before, after in pairwise(levels)), file
        assert tags["table"] == tags["caption"]
        assert all(header.get("scope") in {"col", "row"} for header in page.all("th")), file
        assert page.all("a")[0]["href"] == "#main"


def test_the_counts_on_a_page_are_those_of_the_run(standard, handbook, pages, run_folder) -> None:
    findings = pl.read_parquet(run_folder / "findings.parquet").rows()
    types = {row[0]: row[2] for row in pl.read_parquet(run_folder / "visit_list.parquet").rows()}
    labels = {"All": EVERY_TYPE, "Acute trusts": "acute", "Ambulance trusts": "ambulance"}
    labels |= {"Mental health trusts": "mental_health", "Primary care trusts": "pct"}
    for rule in list(standard.rulebook.rules)[:-1]:
        of_rule = [(verdict, types[org_code]) for check_id, org_code, _, verdict in findings if check_id == rule]
        shown = {row[0]: row[1:] for row in pages[handbook / "rules" / f"{rule}.html"].rows if row and row[0] in labels}
        assert set(shown) == set(labels)
        for label, org_type in labels.items():
            counts = Counter(verdict for verdict, of_type in of_rule if org_type in {EVERY_TYPE, of_type})
            told = counts["differs"] + counts["agrees"]
            share = f"{100 * counts['differs'] / told:.1f}%" if told else NOTHING
            expected = [sum(counts.values()), counts["differs"], share]
            expected += [counts[verdict] for verdict in ("agrees", "cannot_tell", "not_applicable")]
            assert shown[label] == [str(count) for count in expected], (rule, label)


def test_a_bar_is_as_long_as_its_counts(standard, handbook, pages) -> None:
    for rule in list(standard.rulebook.rules)[:20]:
        page = pages[handbook / "rules" / f"{rule}.html"]
        pieces = [piece for piece in page.all("rect") if "x" in piece]
        assert sum(float(piece["width"]) for piece in pieces) == pytest.approx(500, abs=0.1)


def test_a_rule_that_the_run_did_not_have_says_so(standard, handbook, pages) -> None:
    last = list(standard.rulebook.rules)[-1]
    assert "did not have this rule" in pages[handbook / "rules" / f"{last}.html"].text


def test_without_a_run_every_page_says_that_none_was_given(standard, tmp_path) -> None:
    write_handbook(standard, tmp_path / "handbook", None)
    assert "No run was given" in read(tmp_path / "handbook" / "index.html").text
    for file in (tmp_path / "handbook" / "rules").iterdir():
        assert "No run was given" in read(file).text


def test_a_run_with_other_rules_is_told(standard, run_folder, tmp_path) -> None:
    doctored = replace(standard, rulebook=Rulebook(standard.rulebook.rules, "another digest"))
    write_handbook(doctored, tmp_path / "handbook", run_folder)
    assert "another version of the rules" in read(tmp_path / "handbook" / "index.html").text


def test_the_same_rules_and_run_give_the_same_bytes_whatever_the_order_of_findings(
    standard, run_folder, handbook, tmp_path
) -> None:
    shuffled = tmp_path / "run"
    shuffled.mkdir()
    for name in ("findings", "visit_list"):
        rows = pl.read_parquet(run_folder / f"{name}.parquet").sample(fraction=1.0, shuffle=True, seed=1)
        rows.write_parquet(shuffled / f"{name}.parquet")
    (shuffled / "manifest.json").write_bytes((run_folder / "manifest.json").read_bytes())
    write_handbook(standard, tmp_path / "handbook", shuffled)
    assert bytes_of(tmp_path / "handbook") == bytes_of(handbook)


def test_a_page_of_a_rule_that_is_gone_goes_too(standard, tmp_path) -> None:
    folder = tmp_path / "handbook"
    write_handbook(standard, folder, None)
    gone, *_ = standard.rulebook.rules
    fewer = {known: rule for known, rule in standard.rulebook.rules.items() if known != gone}
    write_handbook(replace(standard, rulebook=Rulebook(fewer, "fewer")), folder, None)
    assert not (folder / "rules" / f"{gone}.html").exists()
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_with_something_else_is_left_alone(standard, tmp_path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(RunError, match="left alone"):
        write_handbook(standard, tmp_path, None)
    assert [file.name for file in tmp_path.iterdir()] == ["letters.txt"]


def test_what_a_rule_says_is_shown_as_text_and_never_as_code(standard, tmp_path) -> None:
    hostile = '<script>alert("x")</script> & <b>"bold"</b>'
    (name, rule), *_ = standard.rulebook.rules.items()
    told = dict.fromkeys(("title", "basis", "source", "finding", "threshold_rationale", "group"), hostile)
    doctored = replace(
        rule, **told, explanations=(hostile,), lines_of_enquiry=(hostile,), covers=(hostile,), expectations=(hostile,)
    )
    write_handbook(replace(standard, rulebook=Rulebook({name: doctored}, "one")), tmp_path / "handbook", None)
    for file in (tmp_path / "handbook").rglob("*.html"):
        page = read(file)
        assert not page.all("b"), file
        assert not [script for script in page.all("script") if "src" not in script], file
    assert read(tmp_path / "handbook" / "rules" / f"{name}.html").text.count(hostile) >= 8


def test_the_search_holds_every_rule_with_its_words_and_questions(standard, handbook) -> None:
    script = (handbook / "search-index.js").read_text(encoding="utf-8")
    held = json.loads(script.removeprefix("const RULES = ").rstrip(";\n"))
    assert [entry["id"] for entry in held] == list(standard.rulebook.rules)
    for entry, rule in zip(held, standard.rulebook, strict=True):
        assert (handbook / entry["page"]).is_file()
        questions = [name.name for name in names_in(rule.condition)]
        sought = (rule.id, rule.title, rule.basis, *rule.explanations, *rule.lines_of_enquiry, *questions)
        assert [words for words in sought if words.casefold() not in entry["text"]] == []


def test_every_name_that_a_condition_speaks_of_is_explained(standard, handbook, pages) -> None:
    for rule in standard.rulebook:
        explained = {row[0] for row in pages[handbook / "rules" / f"{rule.id}.html"].rows if row}
        spoken_of = {name.name for condition in rule.conditions for name in names_in(condition)}
        assert spoken_of <= explained, rule.id


def test_the_lesson_teaches_the_language_in_ten_examples_that_can_be_read(standard, pages, handbook) -> None:
    lesson = language_lesson().read_text(encoding="utf-8")
    assert re.findall(r"^## (\d+)\.", lesson, re.MULTILINE) == [str(number) for number in range(1, 11)]
    names = catalogue(standard.questionnaire, standard.indicators.names)
    taught = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", lesson, re.DOTALL)]
    conditions = [(rule, rule[key]) for rule in taught for key in ("only_if", "expects") if key in rule]
    assert len(conditions) >= 10
    for rule, condition in conditions:
        parse(condition, names, {one["name"]: float(one["value"]) for one in rule.get("threshold", ())})
    for _, condition in conditions:
        assert plainly(condition) in pages[handbook / "language.html"].text


def verdicts(**of_rules: str) -> pl.DataFrame:
    """Findings written as one letter a declaration: d differs, a agrees, c cannot tell, n not applicable."""
    words = {"d": "differs", "a": "agrees", "c": "cannot_tell", "n": "not_applicable"}
    rows = [
        (rule, f"X{place:03}", "whole", words[letter])
        for rule, letters in of_rules.items()
        for place, letter in enumerate(letters)
    ]
    return pl.DataFrame(rows, schema=["check_id", "org_code", "function", "verdict"], orient="row")


def test_companions_are_rules_that_differ_together_more_often_than_by_chance() -> None:
    found = find_companions(verdicts(one="d" * 10 + "a" * 30, other="d" * 8 + "a" * 24 + "d" * 8))
    row = found.filter(pl.col("check_id") == "one").row(0, named=True)
    assert row["other_id"] == "other"
    assert (row["both_determined"], row["observed"]) == (40, 8)
    assert row["expected"] == pytest.approx(10 * 16 / 40)
    assert row["ratio"] == pytest.approx(2)
    assert found.height == 2


def test_rules_that_apply_to_the_same_few_are_no_companions_by_that_alone() -> None:
    assert find_companions(verdicts(one="da" * 20 + "n" * 400, other="ddaa" * 10 + "n" * 400)).is_empty()


def test_fewer_than_five_together_say_nothing() -> None:
    assert find_companions(verdicts(one="d" * 4 + "a" * 40, other="d" * 4 + "a" * 40)).is_empty()
    assert find_companions(verdicts(one="d" * 5 + "a" * 40, other="d" * 5 + "a" * 40)).height == 2


def test_the_companion_with_the_highest_ratio_comes_first() -> None:
    many, few = "d" * 20 + "a" * 20, "d" * 5 + "a" * 35
    found = find_companions(verdicts(one="d" * 10 + "a" * 30, many=many, few=few)).filter(check_id="one")
    assert found.select("other_id", "observed", "ratio").rows() == [("few", 5, 4.0), ("many", 10, 2.0)]


def test_verdicts_are_counted_over_all_and_by_type() -> None:
    declarations = pl.DataFrame(
        {"org_code": ["X000", "X001", "X002"], "function": "whole", "org_type": ["acute", "pct", "pct"]}
    )
    counted = count_verdicts(verdicts(one="dca"), declarations)
    assert counted.select("org_type", "declarations", *VERDICTS).rows() == [
        (EVERY_TYPE, 3, 1, 1, 1, 0),
        ("acute", 1, 1, 0, 0, 0),
        ("pct", 2, 0, 1, 1, 0),
    ]


def test_the_command_tells_what_it_wrote_and_what_to_open(standard, run_folder, tmp_path) -> None:
    asked = ["rules", "handbook", "--out", str(tmp_path / "site"), "--run", str(run_folder)]
    told = CliRunner().invoke(main, asked)
    assert told.exit_code == 0, told.output
    assert f"{len(standard.rulebook)} rules" in told.output
    assert str(tmp_path / "site" / "index.html") in told.output


def test_a_run_that_is_not_there_stops_the_command(tmp_path) -> None:
    asked = ["rules", "handbook", "--out", str(tmp_path / "site"), "--run", str(tmp_path / "nowhere")]
    told = CliRunner().invoke(main, asked)
    assert told.exit_code == 6
    assert not (tmp_path / "site").exists()
