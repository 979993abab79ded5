from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from crosscheck.cases import Name
from crosscheck.errors import RulebookError
from crosscheck.rulebook.examples import run_examples
from crosscheck.rulebook.load import load_rulebook
from crosscheck.rulebook.rule import AppliesTo, Rulebook

Load = Callable[..., Rulebook]
PLACE = "rules/std/staffing/STD-HR-01.toml"


def test_a_rule_is_read_as_its_file_states_it(rulebook_with: Load, names: dict[str, Name]) -> None:
    (rule,) = rulebook_with()
    assert rule.applies_to == AppliesTo(("compliant",), ("acute", "pct"), ("whole", "provider"))
    assert (rule.id, rule.severity, rule.strength) == ("STD-HR-01", "high", "statutory")
    assert rule.expects == 'staffing.checks >= "all_since_2002"'
    assert rule.said == (names["staffing.checks"],)
    assert (rule.checked_on, rule.threshold, rule.file.name) == (date(2026, 11, 22), "", "STD-HR-01.toml")
    assert [example.verdict for example in rule.examples] == ["agrees", "differs", "cannot_tell"]


def test_a_rulebook_is_asked_by_identifier_and_keeps_the_order_of_the_files(
    folder: Path, names: dict[str, Name]
) -> None:
    text = (folder / "staffing" / "STD-HR-01.toml").read_text(encoding="utf-8")
    for section, rule_id in (("declared", "STD-DEC-02"), ("staffing", "STD-HR-10"), ("staffing", "STD-HR-02")):
        (folder / section).mkdir(exist_ok=True)
        (folder / section / f"{rule_id}.toml").write_text(text.replace("STD-HR-01", rule_id), encoding="utf-8")
    rulebook = load_rulebook(folder, names)
    assert [rule.id for rule in rulebook] == ["STD-DEC-02", "STD-HR-01", "STD-HR-02", "STD-HR-10"]
    assert (len(rulebook), rulebook["STD-HR-02"].id, "STD-HR-03" in rulebook) == (4, "STD-HR-02", False)


def test_the_digest_changes_with_any_byte_and_any_name_of_a_file(folder: Path, names: dict[str, Name]) -> None:
    file = folder / "staffing" / "STD-HR-01.toml"
    before = load_rulebook(folder, names).digest
    assert re.fullmatch("[0-9a-f]{64}", before)
    assert load_rulebook(folder, names).digest == before
    file.write_bytes(file.read_bytes() + b"\n")
    after = load_rulebook(folder, names).digest
    file.write_text(file.read_text(encoding="utf-8").replace("STD-HR-01", "STD-HR-02"), encoding="utf-8")
    file.rename(file.with_name("STD-HR-02.toml"))
    assert len({before, after, load_rulebook(folder, names).digest}) == 3


WRONG = [
    ('severity = "high"', 'severity = "grave"', "severity: 'grave' is not allowed. Allowed are: low, medium, high."),
    ('kind = "declaration_vs_answer"', 'kind = "x"', "kind: 'x' is not allowed. Allowed are: declaration_vs_answer, "),
    ('strength = "statutory"', 'strength = "duty"', "strength: 'duty' is not allowed. Allowed are: statutory, "),
    ('title = "All staff appointed since 2002 have been checked"', 'title = " "', "title: ' ' is no text."),
    ('group = "recruitment"', "group = 3", "group: 3 is no text."),
    ('innocent = ["Staff on long leave"]', "innocent = []", "innocent: At least one is needed."),
    ('ask = ["See the register"]', 'ask = "See it"', "ask: 'See it' is no list."),
    ('covers = ["C039"]', "covers = [39]", "covers: 39 is no text."),
    ("checked_on = 2026-11-22", 'checked_on = "2026-11-22"', "checked_on: '2026-11-22' is no date. Write it without"),
    ("checked_on = 2026-11-22", "checked_on = 2026-11-22T10:00:00", "is no date."),
    ('["acute", "pct"]', '["acute", "clinic"]', "applies_to, org_type: 'clinic' is not allowed. Allowed are: acute, "),
    ('declared = ["compliant"]', 'declared = "compliant"', "applies_to, declared: 'compliant' is no list."),
    ('declared = ["compliant"]', "declared = []", "applies_to, declared: At least one is needed."),
    ('declared = ["compliant"]', 'services = ["dental"]', "services: 'dental' is not allowed. Allowed are: maternity."),
    ('declared = ["compliant"]', 'status = ["compliant"]', "applies_to, status: There is no such entry."),
    ("{staffing.checks}.", "{staffing.check}.", "says: {staffing.check}: No such question. Did you mean"),
    ("{staffing.checks}.", "{staffing.checks.", "says: A brace has no partner."),
    ('>= "all_since_2002"', '>= "x"', 'expects:\n  staffing.checks >= "x"\n' + " " * 21 + "^^^\nThere is"),
    ('verdict = "agrees"', 'verdict = "pass"', "example, 1, verdict: 'pass' is not allowed. Allowed are: differs"),
    ('verdict = "agrees"', 'verdict = "agrees"\nwhy = "x"', "example, 1, why: There is no such entry."),
    ('id = "STD-HR-01"', 'id = "STD-HR-02"', "id: The identifier must be the name of the file: STD-HR-01."),
]

WRONG_GIVEN = [
    ('{ "staffing.checks" = "most" }', "given, staffing.checks: 'most' is not allowed. Allowed are: not_all, "),
    ('{ "staffing.check" = "all" }', "given, staffing.check: No such question."),
    ('{ staffing.checks = "all_staff" }', "given, staffing: Put the whole name between quotation marks."),
    (
        '{ "staffing.days" = "three" }',
        'given, staffing.days: \'three\' does not suit. Write a number, or "n/a" or "not known".',
    ),
    ('{ "staffing.days" = true }', "True does not suit."),
    ('{ "service.maternity" = "yes" }', "'yes' does not suit. Write true or false, or \"not known\"."),
    ('{ "service.maternity" = "n/a" }', "'n/a' does not suit."),
    ('{ "declared.lapse_from" = "2008-12-31" }', "does not suit. Write a date, as 2008-12-31"),
    ('{ "declared.statement" = 3 }', "does not suit. Write a text"),
    ('{ function = "both" }', "given, function: 'both' is not allowed."),
    ('"all_staff"', "given: 'all_staff' is no table."),
]


@pytest.mark.parametrize(("given", "message"), WRONG_GIVEN, ids=[given for given, _ in WRONG_GIVEN])
def test_what_an_example_gives_must_suit_what_bears_the_name(given: str, message: str, rulebook_with: Load) -> None:
    with pytest.raises(RulebookError) as caught:
        rulebook_with(('{ "staffing.checks" = "all_staff" }', given))
    (problem,) = caught.value.problems
    assert problem.startswith(f"{PLACE}, example, 1, given")
    assert message in problem


@pytest.mark.parametrize(("before", "after", "message"), WRONG, ids=[after[:40] for _, after, _ in WRONG])
def test_what_is_wrong_is_told_with_file_and_entry(before: str, after: str, message: str, rulebook_with: Load) -> None:
    with pytest.raises(RulebookError) as caught:
        rulebook_with((before, after))
    assert any(problem.startswith(f"{PLACE}, ") and message in problem for problem in caught.value.problems), (
        caught.value
    )


def test_examples_that_are_no_tables_are_told(folder: Path, names: dict[str, Name]) -> None:
    file = folder / "staffing" / "STD-HR-01.toml"
    file.write_text(file.read_text(encoding="utf-8").split("[[example]]")[0] + 'example = "none"', encoding="utf-8")
    with pytest.raises(RulebookError, match=r"example: Examples are tables\. Write \[\[example\]\] above each"):
        load_rulebook(folder, names)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("staffing/HR-01.toml", "rules/std/staffing/HR-01.toml: The file's name must be STD-<SECTION>-<number>"),
        ("staffing/STD-HR-1.toml", "The file's name must be STD-<SECTION>-<number>"),
        ("STD-HR-02.toml", "A rule lies in the folder of its section. Sections are: cases, declared, figures, "),
        ("cooking/STD-HR-02.toml", "A rule lies in the folder of its section."),
        ("staffing/old/STD-HR-02.toml", "A rule lies in the folder of its section."),
        ("cases/STD-HR-01.toml", "id: rules/std/cases/STD-HR-01.toml bears this identifier already."),
    ],
)
def test_a_rule_in_the_wrong_place_is_told(name: str, message: str, folder: Path, names: dict[str, Name]) -> None:
    file = folder / "staffing" / "STD-HR-01.toml"
    (folder / name).parent.mkdir(exist_ok=True)
    text = file.read_text(encoding="utf-8").replace("STD-HR-01", Path(name).stem)
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(RulebookError, match=re.escape(message)):
        load_rulebook(folder, names)


@pytest.mark.parametrize("content", [b"id = ", b"\xff\xfe", b'title = "\xe9"', b"[[example"])
def test_a_file_that_is_no_toml_is_told(content: bytes, folder: Path, names: dict[str, Name]) -> None:
    (folder / "staffing" / "STD-HR-02.toml").write_bytes(content)
    with pytest.raises(RulebookError, match=r"rules/std/staffing/STD-HR-02\.toml: This can't be read as TOML: "):
        load_rulebook(folder, names)


def test_every_missing_entry_is_named_at_once(folder: Path, names: dict[str, Name]) -> None:
    (folder / "staffing" / "STD-HR-02.toml").write_text('id = "STD-HR-02"\n', encoding="utf-8")
    with pytest.raises(RulebookError) as caught:
        load_rulebook(folder, names)
    missing = [problem.split(", ")[1].split(":")[0] for problem in caught.value.problems]
    assert {"title", "applies_to", "expects", "says", "innocent", "ask", "example", "checked_on"} <= set(missing)
    assert not {"threshold", "only_if"} & set(missing)


def test_an_example_that_comes_out_otherwise_is_named_with_both_verdicts(
    rulebook_with: Load, names: dict[str, Name]
) -> None:
    rulebook = rulebook_with(('"staffing.checks" = "not_all"', '"staffing.checks" = "all_since_2002"'))
    assert [str(failure) for failure in run_examples(rulebook, names)] == [
        "STD-HR-01, “an organisation that left some out differs”: gives agrees, not differs."
    ]


def test_an_example_stands_for_the_first_case_that_the_rule_applies_to_unless_it_says_otherwise(
    rulebook_with: Load, names: dict[str, Name]
) -> None:
    services = ('function = ["whole", "provider"]', 'function = ["provider"], services = ["maternity"]')
    assert run_examples(rulebook_with(services), names) == []
    for given in ('"service.maternity" = false', '"declared.status" = "not_met"', 'function = "whole"'):
        (failure,) = run_examples(rulebook_with(services, ('"staffing.checks" = "not_all"', given)), names)
        assert (failure.rule.id, failure.verdict) == ("STD-HR-01", "not_applicable")


@pytest.mark.parametrize(("given", "verdict"), [("n/a", "not_applicable"), ("not known", "cannot_tell")])
def test_an_example_may_give_an_absence(given: str, verdict: str, rulebook_with: Load, names: dict[str, Name]) -> None:
    (failure,) = run_examples(rulebook_with(('"staffing.checks" = "not_all"', f'"staffing.checks" = "{given}"')), names)
    assert failure.verdict == verdict
