from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from crosscheck.collection.read import Collection
from crosscheck.errors import RulebookError
from crosscheck.pipeline import Outcome, cross_check
from crosscheck.rulebook.rule import Rulebook
from crosscheck.rulebook.waivers import Waiver, load_waivers, waive
from crosscheck.standard import Standard, load_standard
from crosscheck.visits.plan import Capacity
from crosscheck.vocabulary import VERDICT

LAST_DAY = date(2009, 3, 31)
CAPACITY = Capacity(visits=1000, random_share=0.2, seed=1)  # so that every unmet duty finds its place
WAIVER = """
[[waiver]]
rule = "STD-HR-01"
org_code = " r1a "
function = "whole"
decided_by = "Head of assessment"
decided_on = 2009-06-02
why = "The register was seen on the day"
until = 2010-03-31
"""


def waiver(**other: object) -> Waiver:
    usual = {
        "rule": "STD-HR-01", "org_code": "R1A", "decided_by": "Head of assessment", "decided_on": date(2008, 6, 2),
        "why": "The register was seen", "until": LAST_DAY,
    }  # fmt: skip
    return Waiver.model_validate(usual | other)


def findings(*rows: tuple[str, str, str, str]) -> pl.DataFrame:
    schema = {"check_id": pl.String, "org_code": pl.String, "function": pl.String, "verdict": VERDICT}
    return pl.DataFrame(rows, schema=schema, orient="row")


DIFFERS = ("STD-HR-01", "R1A", "whole", "differs")
TOLD = "Waived by Head of assessment on 2 June 2008 until 31 March 2009: The register was seen"


def test_a_waiver_is_read_as_its_file_states_it(tmp_path: Path, rulebook_with: Callable[[], Rulebook]) -> None:
    file = tmp_path / "waivers.toml"
    file.write_text(WAIVER, encoding="utf-8")
    (read,) = load_waivers(file, rulebook_with())
    assert (read.rule, read.org_code, read.function, read.until) == ("STD-HR-01", "R1A", "whole", date(2010, 3, 31))
    assert load_waivers(tmp_path / "none.toml", rulebook_with()) == ()


def test_a_waiver_of_a_rule_that_is_not_in_force_this_year_is_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "waivers.toml"
    file.write_text(WAIVER, encoding="utf-8")
    assert len(load_waivers(file, Rulebook({}, "", ("STD-HR-01",)))) == 1


def test_all_that_is_wrong_with_waivers_is_told_at_once(tmp_path: Path, rulebook_with: Callable[[], Rulebook]) -> None:
    file = tmp_path / "waivers.toml"
    wrong = [
        WAIVER.replace("STD-HR-01", "STD-HR-09"),
        WAIVER.replace("until = 2010-03-31", "until = 2009-03-31"),
        WAIVER.replace('why = "The register was seen on the day"\n', ""),
        WAIVER.replace('"whole"', '"all"'),
        WAIVER.replace("decided_by", "decider"),
        WAIVER.replace('"Head of assessment"', '""'),
        "[waivers]\nrule = 1\n",
    ]
    file.write_text("\n".join(wrong), encoding="utf-8")
    with pytest.raises(RulebookError) as caught:
        load_waivers(file, rulebook_with())
    told = [problem.partition(": ") for problem in caught.value.problems]
    assert {place: message for place, _, message in told}.items() >= {
        "waivers.toml, 1, rule": "There is no rule STD-HR-09.",
        "waivers.toml, 2, until": "It ends before it was decided.",
        "waivers.toml, 3, why": "Field required.",
        "waivers.toml, 5, decided_by": "Field required.",
        "waivers.toml, waivers": "There is no such entry. Write [[waiver]] above each.",
    }.items()
    assert {place for place, _, _ in told} >= {"waivers.toml, 4, function", "waivers.toml, 6, decided_by"}


@pytest.mark.parametrize("content", ["[[waiver", "[waiver]\nrule = 'STD-HR-01'", "waiver = 3"])
def test_what_is_no_list_of_waivers_is_told(
    content: str, tmp_path: Path, rulebook_with: Callable[[], Rulebook]
) -> None:
    file = tmp_path / "waivers.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(RulebookError, match=r"waivers\.toml"):
        load_waivers(file, rulebook_with())


def test_a_waiver_counts_for_a_year_that_ends_on_its_last_day_and_for_none_later() -> None:
    assert waive(findings(DIFFERS), [waiver()], LAST_DAY)["waived"].to_list() == [TOLD]
    assert waive(findings(DIFFERS), [waiver(until=date(2009, 3, 30))], LAST_DAY)["waived"].to_list() == [None]


def test_a_waiver_speaks_of_one_rule_one_organisation_and_if_it_says_so_one_function() -> None:
    rows = [
        DIFFERS, ("STD-HR-02", "R1A", "whole", "differs"), ("STD-HR-01", "R1B", "whole", "differs"),
        ("STD-HR-01", "R1A", "provider", "differs"), ("STD-HR-01", "R1A", "commissioner", "differs"),
    ]  # fmt: skip
    assert waive(findings(*rows), [waiver()], LAST_DAY)["waived"].to_list() == [TOLD, None, None, TOLD, TOLD]
    narrow = waive(findings(*rows), [waiver(function="provider")], LAST_DAY)
    assert narrow["waived"].to_list() == [None, None, None, TOLD, None]


@pytest.mark.parametrize("verdict", ["agrees", "cannot_tell", "not_applicable"])
def test_only_a_finding_that_differs_is_waived(verdict: str) -> None:
    assert waive(findings((*DIFFERS[:3], verdict)), [waiver()], LAST_DAY)["waived"].to_list() == [None]


def test_without_waivers_nothing_is_waived_and_nothing_else_changes() -> None:
    found = findings(DIFFERS, ("STD-HR-01", "R1B", "whole", "agrees"))
    waived = waive(found, [], LAST_DAY)
    assert waived.drop("waived").equals(found)
    assert waived.schema["waived"] == pl.String
    assert waived["waived"].null_count() == 2


def test_the_first_of_two_waivers_of_one_finding_is_told_and_the_finding_stands_once() -> None:
    waived = waive(findings(DIFFERS), [waiver(), waiver(why="Another reason")], LAST_DAY)
    assert waived["waived"].to_list() == [TOLD]


@pytest.fixture(scope="module")
def standard() -> Standard:
    return load_standard("C2", day=LAST_DAY)


@pytest.fixture(scope="module")
def before(collection: Collection, standard: Standard) -> Outcome:
    return cross_check(collection, replace(standard, waivers=()), "2008/09", CAPACITY)


def only_unmet_duties(outcome: Outcome, standard: Standard) -> list[tuple[str, str, str]]:
    """Findings that alone make a visit mandatory: the one grave statutory duty unmet by an organisation."""
    duties = [rule.id for rule in standard.rulebook if (rule.strength, rule.severity) == ("statutory", "high")]
    unmet = outcome.findings.filter(pl.col("check_id").is_in(duties) & (pl.col("verdict") == "differs"))
    alone = unmet.filter(pl.len().over("org_code") == 1).sort("org_code", "function")
    return alone.select("check_id", "org_code", "function").rows()


def test_a_waived_finding_is_shown_weighs_nothing_and_makes_no_visit_mandatory(
    before: Outcome, collection: Collection, standard: Standard
) -> None:
    mandatory = before.visit_list.filter(pl.col("selected_by") == "mandatory")["org_code"].to_list()
    (first, ended, *_) = [one for one in only_unmet_duties(before, standard) if one[1] in mandatory]
    decided = [
        waiver(rule=rule, org_code=code, function=function, until=until)
        for (rule, code, function), until in ((first, LAST_DAY), (ended, date(2009, 3, 30)))
    ]
    after = cross_check(collection, replace(standard, waivers=tuple(decided)), "2008/09", CAPACITY)

    def told(outcome: Outcome, finding: tuple[str, str, str]) -> dict[str, object]:
        (row,) = outcome.findings.filter(
            (pl.col("check_id") == finding[0]) & (pl.col("org_code") == finding[1]) & (pl.col("function") == finding[2])
        ).to_dicts()
        return row

    def selected(outcome: Outcome, finding: tuple[str, str, str]) -> str | None:
        of_it = (pl.col("org_code") == finding[1]) & (pl.col("function") == finding[2])
        return outcome.visit_list.filter(of_it)["selected_by"].item()

    assert told(before, first)["weight"] > 0
    waived = told(after, first)
    assert (waived["verdict"], waived["weight"], waived["waived"]) == ("differs", 0.0, decided[0].describe())
    assert (selected(before, first), selected(before, ended)) == ("mandatory", "mandatory")
    assert selected(after, first) != "mandatory"
    assert selected(after, ended) == "mandatory"
    assert (told(after, ended)["waived"], told(after, ended)["weight"] > 0) == (None, True)
