from __future__ import annotations

from pathlib import Path

import pytest
import tomli

from crosscheck.errors import PlanError
from crosscheck.visits.design import Added, Design, default_plan, format_design, load_design, read_design


def test_the_plan_that_comes_with_the_program_is_two_arms_and_says_who_chose_it_and_why() -> None:
    design = load_design(default_plan())
    assert design.origin
    assert design.reason
    assert design == Design(origin=design.origin, reason=design.reason)


def test_a_design_is_read_back_as_it_was_written_whatever_its_words() -> None:
    hostile = Added(org_code="R1A", who='É "quoted" \\ \x7f', why="two\nlines\u2028🙂 # no comment")
    design = Design(kind="adaptive", floor=0.02, added=(hostile,), reason="= [x]")
    assert read_design(tomli.loads(format_design(design)), "plan.toml") == design


def test_tables_of_others_are_left_alone() -> None:
    assert read_design({"capacity": {"total": 60}, "team": [{"name": "South"}]}, "plan.toml") == Design()


def test_everything_that_is_wrong_is_said_at_once_with_file_and_key() -> None:
    tables = {
        "desing": {},
        "design": {"kind": "three-arms", "floor": 2, "flor": 0.1},
        "added": [{"org_code": "R1A", "who": "Ann", "why": "asked"}, {"org_code": "R1B", "who": ""}],
    }
    with pytest.raises(PlanError) as refused:
        read_design(tables, "plan.toml")
    told = str(refused.value)
    for words in (
        "plan.toml: there is no table desing. Did you mean design?",
        "plan.toml, design kind: Input should be 'two-arms' or 'adaptive'.",
        "plan.toml, design floor: Input should be less than 1.",
        "plan.toml, design flor: Known are kind, random_share, floor,",
        "plan.toml, added 2 who: String should have at least 1 character.",
        "plan.toml, added 2 why: Field required.",
    ):
        assert words in told
    assert refused.value.exit_code == 18


def test_who_is_added_twice_is_named() -> None:
    twice = [{"org_code": "R1A", "who": who, "why": "asked"} for who in ("Ann", "Bob")]
    with pytest.raises(PlanError, match="R1A is added twice"):
        read_design({"added": twice}, "plan.toml")


def test_a_plan_that_is_not_there_or_no_toml_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="there is no such plan"):
        load_design(tmp_path / "none.toml")
    (tmp_path / "plan.toml").write_text("[design\n", encoding="utf-8")
    with pytest.raises(PlanError, match="can't be read as TOML"):
        load_design(tmp_path / "plan.toml")
    with pytest.raises(PlanError, match="is no table"):
        read_design({"design": 3}, "plan.toml")
