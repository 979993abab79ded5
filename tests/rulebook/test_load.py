from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from crosscheck.cases.cases import Name
from crosscheck.errors import RulebookError
from crosscheck.rulebook.examples import run_examples
from crosscheck.rulebook.expression import parse
from crosscheck.rulebook.load import load_rulebook
from crosscheck.rulebook.rule import AppliesTo, Rulebook
from tests.rulebook.conftest import NAMES

Load = Callable[..., Rulebook]
PLACE = "rules/std/staffing/STD-HR-01.toml"
COMPULSORY = (
    "basis", "source", "explanations", "lines_of_enquiry", "finding", "group", "severity", "expects",
)  # fmt: skip


def test_a_rule_is_read_as_its_file_states_it(rulebook_with: Load, names: dict[str, Name]) -> None:
    (rule,) = rulebook_with()
    assert rule.applies_to == AppliesTo(("compliant",), ("acute", "pct"), ("whole", "provider"))
    assert (rule.id, rule.severity, rule.strength) == ("STD-HR-01", "high", "statutory")
    assert rule.expects == 'staffing.checks >= "all_since_2002"'
    assert rule.finding_names == (names["staffing.checks"],)
    assert (rule.checked_on, rule.threshold_rationale, rule.file.name) == (date(2026, 11, 22), "", "STD-HR-01.toml")
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
    ('explanations = ["Staff on long leave"]', "explanations = []", "explanations: At least one is needed."),
    (
        'lines_of_enquiry = ["See the register"]',
        'lines_of_enquiry = "See it"',
        "lines_of_enquiry: 'See it' is no list.",
    ),
    ('covers = ["C039"]', "covers = [39]", "covers: 39 is no text."),
    ("checked_on = 2026-11-22", 'checked_on = "2026-11-22"', "checked_on: '2026-11-22' is no date. Write it without"),
    ("checked_on = 2026-11-22", "checked_on = 2026-11-22T10:00:00", "is no date."),
    ('["acute", "pct"]', '["acute", "clinic"]', "applies_to, org_type: 'clinic' is not allowed. Allowed are: acute, "),
    ('declared = ["compliant"]', 'declared = "compliant"', "applies_to, declared: 'compliant' is no list."),
    ('declared = ["compliant"]', "declared = []", "applies_to, declared: At least one is needed."),
    ('declared = ["compliant"]', 'services = ["dental"]', "services: 'dental' is not allowed. Allowed are: maternity."),
    ('declared = ["compliant"]', 'status = ["compliant"]', "applies_to, status: There is no such entry."),
    ("{staffing.checks}.", "{staffing.check}.", "finding: {staffing.check}: No such question. Did you mean"),
    ("{staffing.checks}.", "{staffing.checks.", "finding: A brace has no partner."),
    ('>= "all_since_2002"', '>= "x"', 'expects:\n  staffing.checks >= "x"\n' + " " * 21 + "^^^\nThere is"),
    ('verdict = "agrees"', 'verdict = "pass"', "example, 1, verdict: 'pass' is not allowed. Allowed are: differs"),
    ('verdict = "agrees"', 'verdict = "agrees"\nwhy = "x"', "example, 1, why: There is no such entry."),
    ('severity = "high"', 'severty = "high"', "severty: There is no such entry. Did you mean severity?"),
    ('severity = "high"', 'threshold = "half"', "threshold: Thresholds are tables. Write [[threshold]] above"),
    ('severity = "high"', 'severity = "high"\nthreshold_rationale = ""', "threshold_rationale: '' is no text."),
    ('verdict = "agrees"', 'verdict = "agrees"\nprovider = {}', "example, 1, provider: Other organisations are a list"),
    ('verdict = "agrees"', 'verdict = "agrees"\nprovider = [3]', "example, 1, provider, 1: 3 is no table."),
    (
        'verdict = "agrees"',
        'verdict = "agrees"\nsame_lscb = [{}, { "staffing.check" = 1 }]',
        "example, 1, same_lscb, 2, staffing.check: No such question. Did you mean staffing.checks",
    ),
    (
        'verdict = "agrees"',
        'verdict = "agrees"\nother_party = [{ "cases.changes" = "perhaps" }]',
        "example, 1, other_party, 1, review1.cases.changes: 'perhaps' is not allowed. Allowed are: no, yes.",
    ),
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
    ('{ "peers.percentile(staffing.days)" = "low" }', "given, peers.percentile(staffing.days): 'low' is no number."),
    ('{ "peers.percentile(staffing.days)" = true }', "given, peers.percentile(staffing.days): True is no number."),
    ('{ "this_review.cases.change" = "yes" }', "given, this_review.cases.change: No such name."),
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
    assert {
        "title",
        "applies_to",
        "expects",
        "finding",
        "explanations",
        "lines_of_enquiry",
        "example",
        "checked_on",
    } <= set(missing)
    assert not {"threshold_rationale", "only_if"} & set(missing)


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


EXPECTS = "expects = 'staffing.checks >= \"all_since_2002\"'"
OTHERS = (EXPECTS, "expects = 'not any(provider.staffing.policy == \"no\")'")


def shown(expects: str, *givens: str) -> tuple[tuple[str, str], ...]:
    """What turns the one rule into another with its three examples."""
    first, second, third = givens
    return (
        (EXPECTS, f"expects = '{expects}'"),
        ("given = {}", third),
        ('given = { "staffing.checks" = "all_staff" }', first),
        ('given = { "staffing.checks" = "not_all" }', second),
    )


@pytest.mark.parametrize(
    ("expects", "givens"),
    [
        (
            'not any(provider.staffing.policy == "no")',
            (
                'given = {}\nprovider = [{ "staffing.policy" = "yes" }, { "staffing.policy" = "n/a" }]',
                'given = {}\nprovider = [{}, { "staffing.policy" = "no" }]',
                'given = {}\nprovider = [{ "staffing.policy" = "yes" }, { "staffing.policy" = "not known" }]',
            ),
        ),
        (
            "all(other_party.cases.changes == this_review.cases.changes)",
            (
                'given = { "this_review.cases.changes" = "yes" }\nother_party = [{ "cases.changes" = "yes" }]',
                'given = { "this_review.cases.changes" = "yes" }\nother_party = [{ "cases.changes" = "no" }]',
                'given = { "this_review.cases.changes" = "yes" }\nother_party = [{}]',
            ),
        ),
        (
            "peers.percentile(staffing.days / organisation.staff_wte) > 0.05",
            (
                'given = { "peers.percentile(staffing.days / organisation.staff_wte)" = 0.5 }',
                'given = { "peers.percentile(staffing.days / organisation.staff_wte)" = 0.03 }',
                "given = {}",
            ),
        ),
        (
            "sum(commissioner.staffing.days) + staffing.days > 3",
            (
                'given = { "staffing.days" = 1 }\ncommissioner = [{ "staffing.days" = 2 }, { "staffing.days" = 1 }]',
                'given = { "staffing.days" = 1 }\ncommissioner = [{ "staffing.days" = 2 }]',
                'given = { "staffing.days" = 1 }\ncommissioner = [{}]',
            ),
        ),
    ],
)
def test_an_example_may_give_other_organisations_both_accounts_and_percentiles(
    expects: str, givens: tuple[str, str, str], rulebook_with: Load, names: dict[str, Name]
) -> None:
    assert run_examples(rulebook_with(*shown(expects, *givens)), names) == []


def test_an_example_without_other_organisations_has_none(rulebook_with: Load, names: dict[str, Name]) -> None:
    failures = run_examples(rulebook_with(OTHERS), names)
    assert [failure.verdict for failure in failures] == ["not_applicable"] * 3


def test_an_example_of_one_rule_is_no_peer_and_no_other_of_anothers(
    rulebook_with: Load, folder: Path, names: dict[str, Name]
) -> None:
    rulebook_with(OTHERS)
    text = (folder / "staffing" / "STD-HR-01.toml").read_text(encoding="utf-8")
    beside = text.replace("STD-HR-01", "STD-HR-02")
    beside = beside.replace("given = {}", 'given = {}\nprovider = [{ "staffing.policy" = "no" }]')
    (folder / "staffing" / "STD-HR-02.toml").write_text(beside, encoding="utf-8")
    came = [(failure.rule.id, failure.verdict) for failure in run_examples(load_rulebook(folder, names), names)]
    assert came == [
        *[("STD-HR-01", "not_applicable")] * 3, *[("STD-HR-02", "not_applicable")] * 2, ("STD-HR-02", "differs")
    ]  # fmt: skip


USES = (EXPECTS, "expects = 'staffing.trained_pct >= threshold.least'")
ENTRY = """
[[threshold]]
name = "least"
value = 20
from = 2005-04-01
until = 2007-03-31

[[threshold]]
name = "least"
value = 50.5
from = 2007-04-01
until = 2010-03-31
"""


def dated(rulebook_with: Load, folder: Path, entries: str = ENTRY, *more: tuple[str, str]) -> Load:
    """Load the rule with thresholds for a day."""
    rulebook_with(("checked_on = 2026-11-22\n", "checked_on = 2026-11-22\n" + ENTRY))
    file = folder / "staffing" / "STD-HR-01.toml"
    text = file.read_text(encoding="utf-8").replace(ENTRY, entries).replace(*USES)
    for before, after in more:
        assert before in text
        text = text.replace(before, after)
    file.write_text(text, encoding="utf-8")
    return lambda day: load_rulebook(folder, NAMES, day)


@pytest.mark.parametrize(
    ("day", "value"),
    [(date(2005, 4, 1), 20), (date(2007, 3, 31), 20), (date(2007, 4, 1), 50.5), (date(2010, 3, 31), 50.5)],
)
def test_a_threshold_counts_from_its_first_day_to_its_last(
    day: date, value: float, rulebook_with: Load, folder: Path
) -> None:
    rulebook = dated(rulebook_with, folder)(day)
    assert rulebook["STD-HR-01"].condition == parse(f"staffing.trained_pct >= {value}", NAMES)
    assert rulebook.not_in_force == ()


@pytest.mark.parametrize("day", [date(2005, 3, 31), date(2010, 4, 1), date.max])
def test_a_rule_without_a_threshold_for_the_day_is_named_and_not_used(
    day: date, rulebook_with: Load, folder: Path
) -> None:
    rulebook = dated(rulebook_with, folder)(day)
    assert (len(rulebook), rulebook.not_in_force) == (0, ("STD-HR-01",))


def test_a_rule_that_is_not_in_force_is_read_all_the_same(rulebook_with: Load, folder: Path) -> None:
    load = dated(rulebook_with, folder, ENTRY, ("staffing.trained_pct >=", "staffing.trained >="))
    with pytest.raises(RulebookError, match=r"Did you mean staffing\.trained_pct"):
        load(date(2030, 1, 1))


def test_a_threshold_that_only_a_premise_uses_counts_too(rulebook_with: Load, folder: Path) -> None:
    alone = "staffing.trained_pct >= threshold.least'"
    premise = (alone, "staffing.days > 1'\nonly_if = 'staffing.days > threshold.least'")
    load = dated(rulebook_with, folder, ENTRY, premise)
    assert load(date(2030, 1, 1)).not_in_force == ("STD-HR-01",)
    assert load(date(2008, 1, 1))["STD-HR-01"].premise == parse("staffing.days > 50.5", NAMES)


def test_a_threshold_that_nothing_uses_puts_no_rule_out_of_force(rulebook_with: Load, folder: Path) -> None:
    unused = ("staffing.trained_pct >= threshold.least", "staffing.trained_pct >= 3")
    assert len(dated(rulebook_with, folder, ENTRY, unused)(date(2030, 1, 1))) == 1


def test_the_newest_threshold_counts_where_no_day_is_given(rulebook_with: Load, folder: Path) -> None:
    dated(rulebook_with, folder, ENTRY.replace("until = 2010-03-31\n", ""))
    assert load_rulebook(folder, NAMES)["STD-HR-01"].condition == parse("staffing.trained_pct >= 50.5", NAMES)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("value = 20\n", "", "threshold, 1, value: This entry is missing."),
        ("value = 20", 'value = "20"', "threshold, 1, value: '20' is no number."),
        ("value = 20", "value = true", "threshold, 1, value: True is no number."),
        ('name = "least"\nvalue = 20', "value = 20", "threshold, 1, name: This entry is missing."),
        ("from = 2005-04-01", 'from = "2005-04-01"', "threshold, 1, from: '2005-04-01' is no date."),
        ("from = 2005-04-01\n", "", "threshold, 1, from: This entry is missing."),
        ("until = 2010-03-31", "untli = 2010-03-31", "threshold, 2, untli: There is no such entry. Did you mean until"),
        (
            "until = 2007-03-31",
            "until = 2005-03-31",
            "threshold, 1, until: 31 March 2005 lies before its first day, 1 April 2005.",
        ),
        (
            "from = 2007-04-01",
            "from = 2007-03-31",
            "threshold, least: 31 March 2007 lies before the day on which the entry before it ends.",
        ),
        (
            "until = 2007-03-31\n",
            "",
            "threshold, least: 1 April 2007 lies before the day on which the entry before it ends.",
        ),
    ],
)
def test_what_is_wrong_with_a_threshold_is_told(
    before: str, after: str, message: str, rulebook_with: Load, folder: Path
) -> None:
    assert before in ENTRY
    with pytest.raises(RulebookError) as caught:
        dated(rulebook_with, folder, ENTRY.replace(before, after))(date(2008, 1, 1))
    assert any(problem.startswith(f"{PLACE}, {message}") for problem in caught.value.problems), caught.value


def test_thresholds_of_two_names_may_run_at_the_same_time(rulebook_with: Load, folder: Path) -> None:
    both = ENTRY + ENTRY.replace('"least"', '"most"').replace("50.5", "90")
    more = (">= threshold.least", ">= threshold.least or staffing.days > threshold.most")
    rulebook = dated(rulebook_with, folder, both, more)(date(2008, 1, 1))
    assert rulebook["STD-HR-01"].condition == parse("staffing.trained_pct >= 50.5 or staffing.days > 90", NAMES)
    assert [threshold.value for threshold in rulebook["STD-HR-01"].thresholds] == [20, 50.5, 20, 90]


def test_a_cut_off_of_ones_own_is_told_with_its_reason(rulebook_with: Load) -> None:
    own = ('severity = "high"', 'severity = "high"\nthreshold_rationale = "The project\'s own cut-off: half"')
    assert rulebook_with(own)["STD-HR-01"].threshold_rationale == "The project's own cut-off: half"


def test_the_waivers_beside_the_rules_are_no_rule(folder: Path, names: dict[str, Name]) -> None:
    (folder / "waivers.toml").write_text("# none yet\n", encoding="utf-8")
    assert len(load_rulebook(folder, names)) == 1
    (folder / "staffing" / "waivers.toml").write_text("# out of place\n", encoding="utf-8")
    with pytest.raises(RulebookError, match=r"staffing/waivers\.toml"):
        load_rulebook(folder, names)


def test_all_problems_of_all_files_are_told_at_once(rulebook_with: Load, folder: Path) -> None:
    text = (folder / "staffing" / "STD-HR-01.toml").read_text(encoding="utf-8")
    wrong = {
        "STD-HR-02": text.replace('"high"', '"dreadful"').replace("{staffing.checks}", "{staffing}"),
        "STD-HR-03": text.replace("staffing.checks >=", "staffing.check >="),
        "STD-HR-04": "id = ",
        "STD-HR-05": text.replace('basis = "The Act of 2002"\n', "").replace("STD-HR-01", "STD-HR-05"),
    }
    for rule_id, content in wrong.items():
        (folder / "staffing" / f"{rule_id}.toml").write_text(content.replace("STD-HR-01", rule_id), encoding="utf-8")
    with pytest.raises(RulebookError) as caught:
        load_rulebook(folder, NAMES)
    told = [problem.split(":")[0].split("/")[-1] for problem in caught.value.problems]
    assert told == [
        "STD-HR-02.toml, severity", "STD-HR-02.toml, finding", "STD-HR-03.toml, expects", "STD-HR-04.toml",
        "STD-HR-05.toml, basis",
    ]  # fmt: skip
    assert "No data was read" in str(caught.value)
    assert "can't be read as TOML" in caught.value.problems[3]


def test_a_former_name_of_an_entry_is_refused_with_its_line_and_the_name_of_today(rulebook_with: Load) -> None:
    today = ('severity = "high"', 'severity = "high"\nown_choice = "half"'), ("finding =", "says ="), (
        "explanations =", "innocent ="), ("lines_of_enquiry =", "ask =")  # fmt: skip
    with pytest.raises(RulebookError) as caught:
        rulebook_with(*today, ('basis = "The Act of 2002"\n', ""))
    assert list(caught.value.problems) == [
        f"{PLACE}, line 8, own_choice: This entry is now called threshold_rationale. Write threshold_rationale in its "
        "place.",
        f"{PLACE}, line 12, innocent: This entry is now called explanations. Write explanations in its place.",
        f"{PLACE}, line 13, ask: This entry is now called lines_of_enquiry. Write lines_of_enquiry in its place.",
        f"{PLACE}, line 11, says: This entry is now called finding. Write finding in its place.",
        f"{PLACE}, basis: This entry is missing.",
    ]


@pytest.mark.parametrize("key", COMPULSORY)
def test_a_rule_without_its_law_or_its_innocent_explanations_is_refused(key: str, folder: Path) -> None:
    file = folder / "staffing" / "STD-HR-01.toml"
    kept = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith(f"{key} ")]
    file.write_text("\n".join(kept), encoding="utf-8")
    with pytest.raises(RulebookError, match=f"{key}: This entry is missing"):
        load_rulebook(folder, NAMES)


@pytest.mark.parametrize("verdict", ["agrees", "differs", "cannot_tell"])
def test_a_rule_must_show_an_example_of_each_verdict(verdict: str, rulebook_with: Load) -> None:
    with pytest.raises(RulebookError, match=f"One with the verdict {verdict} is needed"):
        rulebook_with((f'verdict = "{verdict}"', 'verdict = "not_applicable"'))


def test_a_folder_without_rules_is_told(tmp_path: Path) -> None:
    (tmp_path / "rules" / "std").mkdir(parents=True)
    with pytest.raises(RulebookError, match="no rule"):
        load_rulebook(tmp_path / "rules" / "std", NAMES)


@pytest.mark.parametrize("name", ["STD-HR-01.toml.txt", "STD-HR-01.TOML", "STD-HR-01.toml.bak"])
def test_a_file_that_would_be_a_rule_but_for_its_ending_is_named_as_not_read(
    folder: Path, names: dict[str, Name], name: str
) -> None:
    (folder / "staffing" / name).write_text("", encoding="utf-8")
    with pytest.raises(RulebookError, match=f"staffing/{re.escape(name)}: It was not read, since it ends in"):
        load_rulebook(folder, names)


def test_a_folder_named_like_a_rule_is_no_rule(folder: Path, names: dict[str, Name]) -> None:
    (folder / "staffing" / "old.toml").mkdir()
    with pytest.raises(RulebookError, match=r"staffing/old\.toml: This is a folder and no rule"):
        load_rulebook(folder, names)


def test_a_rule_with_a_byte_order_mark_is_read_as_if_it_had_none(folder: Path, names: dict[str, Name]) -> None:
    file = folder / "staffing" / "STD-HR-01.toml"
    before = load_rulebook(folder, names)["STD-HR-01"]
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert load_rulebook(folder, names)["STD-HR-01"].expects == before.expects


def test_a_verdict_that_is_a_list_is_named_with_what_is_allowed(folder: Path, names: dict[str, Name]) -> None:
    file = folder / "staffing" / "STD-HR-01.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('verdict = "agrees"', 'verdict = ["agrees"]', 1), encoding="utf-8")
    with pytest.raises(RulebookError, match=r"verdict: \['agrees'\] is not allowed\. Allowed are: differs, agrees"):
        load_rulebook(folder, names)


def test_toml_nested_too_deeply_is_refused_in_a_sentence(folder: Path, names: dict[str, Name]) -> None:
    file = folder / "staffing" / "STD-HR-01.toml"
    file.write_text(f"{file.read_text(encoding='utf-8')}\nx = {'[' * 2000}{']' * 2000}\n", encoding="utf-8")
    with pytest.raises(RulebookError, match="can't be read as TOML"):
        load_rulebook(folder, names)
