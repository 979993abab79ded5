"""What rules ask of peers and of other organisations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from crosscheck.rulebook.context import FEWEST_PEERS
from crosscheck.rulebook.evaluate import evaluate
from crosscheck.rulebook.rule import Rulebook
from crosscheck.vocabulary import RELATION

Load = Callable[..., Rulebook]
Case = dict[str, Any]
Finding = dict[str, Any]
EVERYBODY = ('{ declared = ["compliant"], org_type = ["acute", "pct"], function = ["whole", "provider"] }', "{}")
EXPECTS = """'staffing.checks >= "all_since_2002"'"""


def ties(*rows: tuple[object, ...]) -> pl.DataFrame:
    """Who is what to whom: `org_code`, `relation`, `other_code`, and where it matters `item` and `reference`."""
    full = [(*row, *(0, "")[len(row) - 3 :]) for row in rows]
    schema = {
        "org_code": pl.String(), "relation": RELATION, "other_code": pl.String(), "item": pl.UInt8(),
        "reference": pl.String(),
    }  # fmt: skip
    return pl.DataFrame(full, schema=schema, orient="row")


@pytest.fixture
def findings(cases: Callable[..., pl.DataFrame], rulebook_with: Load) -> Callable[..., list[Finding]]:
    """The findings of one expectation of everybody, by organisation and function."""

    def find(expects: str, known: list[Case], tied: pl.DataFrame | None = None) -> list[Finding]:
        rules = rulebook_with((EXPECTS, f"'{expects}'"), EVERYBODY)
        return evaluate(cases(*known), rules, tied).to_dicts()

    return find


Find = Callable[..., list[Finding]]


def verdicts(found: list[Finding]) -> list[str]:
    return [finding["verdict"] for finding in found]


def peers(number: int, **more: object) -> list[Case]:
    """Organisations of one type with 0, 1, 2 … days."""
    return [{"org_code": f"A{at:02}", "staffing.days": float(at)} | more for at in range(number)]


TWENTIETH = "peers.percentile(staffing.days) > 0.05"


def test_among_twenty_peers_the_last_stands_in_the_lowest_twentieth(findings: Find) -> None:
    found = findings(TWENTIETH, peers(FEWEST_PEERS))
    assert verdicts(found) == ["differs", *["agrees"] * (FEWEST_PEERS - 1)]
    assert found[0]["evidence"] == "staffing.days = 0 days per week; peers.percentile(staffing.days) = 0.025"


@pytest.mark.parametrize(
    "known",
    [
        peers(FEWEST_PEERS - 1),
        [*peers(FEWEST_PEERS - 1), {"org_code": "A00", "function": "provider", "staffing.days": 0.0}],
        [*peers(FEWEST_PEERS - 1), {"org_code": "P01", "organisation.org_type": "pct", "staffing.days": 1.0}],
        [*peers(FEWEST_PEERS - 1), {"org_code": "B01"}],
    ],
    ids=["nineteen", "one of them twice", "another type", "another without a number"],
)
def test_among_fewer_than_twenty_numbers_of_peers_nobody_can_be_placed(known: list[Case], findings: Find) -> None:
    found = findings(TWENTIETH, known)
    assert set(verdicts(found)) == {"cannot_tell"}
    assert found[0]["open_questions"] is None
    assert found[0]["evidence"].endswith("peers.percentile(staffing.days) = not known")


def test_each_type_has_peers_of_its_own(findings: Find) -> None:
    trusts = [case | {"org_code": f"P{at}", "organisation.org_type": "pct"} for at, case in enumerate(peers(20))]
    found = findings(TWENTIETH, [*peers(40), *trusts])
    assert verdicts(found).count("differs") == 3  # 0 and 1 of forty, 0 of twenty


def test_equals_stand_in_the_middle_of_one_another(findings: Find) -> None:
    same = [case | {"staffing.days": 7.0} for case in peers(30)]
    assert set(verdicts(findings("peers.percentile(staffing.days) == 0.5", same))) == {"agrees"}


def test_both_declarations_of_a_trust_stand_where_the_trust_stands(findings: Find) -> None:
    twice = [case | {"function": function} for case in peers(20) for function in ("provider", "commissioner")]
    assert verdicts(findings(TWENTIETH, twice)).count("differs") == 2


@pytest.mark.parametrize(
    ("absent", "verdict", "wanting"),
    [("no_answer", "cannot_tell", ["staffing.days"]), ("not_applicable", "not_applicable", None)],
)
def test_whoever_gives_no_number_has_no_place_among_peers(
    absent: str, verdict: str, wanting: list[str] | None, findings: Find
) -> None:
    last = findings(TWENTIETH, [*peers(25), {"org_code": "Z", "staffing.days": absent}])[-1]
    assert (last["verdict"], last["open_questions"]) == (verdict, wanting)


def test_a_figure_that_is_no_finite_number_is_nobodys_place(findings: Find) -> None:
    known = [{"org_code": f"A{at:02}", "figures.turnover_pct": float(at)} for at in range(19)]
    found = findings("peers.percentile(figures.turnover_pct) > 0.05", [*known, {"figures.turnover_pct": float("nan")}])
    assert set(verdicts(found)) == {"cannot_tell"}


NONE_WITHOUT = 'not any(provider.staffing.policy == "no")'
FROM_A = [("A", "provider", "B"), ("A", "provider", "C")]


def a_and(*others: Case) -> list[Case]:
    return [{"org_code": "A"}, *({"org_code": code} | other for code, other in zip("BCDEFGHI", others, strict=False))]


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("yes", "yes", "agrees"),
        ("yes", "no", "differs"),
        ("no_answer", "no", "differs"),
        ("no_answer", "yes", "cannot_tell"),
        ("not_applicable", "yes", "agrees"),
        ("not_applicable", "not_known", "cannot_tell"),
        ("not_applicable", "not_applicable", "not_applicable"),
    ],
)
def test_what_others_hold_decides_unless_one_that_is_unknown_could_change_it(
    first: str, second: str, verdict: str, findings: Find
) -> None:
    found = findings(NONE_WITHOUT, a_and({"staffing.policy": first}, {"staffing.policy": second}), ties(*FROM_A))
    assert verdicts(found)[0] == verdict
    assert found[0]["open_questions"] == (["provider.staffing.policy"] if verdict == "cannot_tell" else None)


def test_whoever_is_tied_to_nobody_has_nothing_to_be_held_against(findings: Find) -> None:
    found = findings(NONE_WITHOUT, a_and({"staffing.policy": "no"}), ties(("A", "commissioner", "B")))
    assert (verdicts(found), found[0]["evidence"]) == (["not_applicable"] * 2, "")


def test_where_nobody_knows_who_is_tied_to_whom_it_cannot_be_told(findings: Find) -> None:
    found = findings(NONE_WITHOUT, a_and({"staffing.policy": "no"}), None)
    assert verdicts(found) == ["cannot_tell"] * 2
    assert found[0]["evidence"] == "provider: not known who they are"
    assert found[0]["open_questions"] == ["provider.staffing.policy"]


def test_another_that_made_no_declaration_is_not_known(findings: Find) -> None:
    found = findings(NONE_WITHOUT, [{"org_code": "A"}], ties(("A", "provider", "gone")))
    assert (found[0]["verdict"], found[0]["open_questions"]) == ("cannot_tell", ["provider.staffing.policy"])


def test_two_that_share_two_boards_are_two_and_not_four(findings: Find) -> None:
    boards = [("A", "same_lscb", other, 0, board) for other in "BC" for board in ("L1", "L2", "L3")]
    known = a_and({"service.maternity": True}, {"service.maternity": True})
    assert verdicts(findings("count(same_lscb.service.maternity) == 2", known, ties(*boards)))[0] == "agrees"


def test_a_party_to_two_reviews_gives_two_accounts(findings: Find) -> None:
    twice = ties(("A", "other_party", "B", 1), ("A", "other_party", "B", 2))
    known = a_and({"review1.cases.changes": "no", "review2.cases.changes": "no"})
    assert verdicts(findings('count(other_party.cases.changes == "no") == 2', known, twice))[0] == "agrees"


BOTH_SAY_THE_SAME = "all(other_party.cases.changes == this_review.cases.changes)"


@pytest.mark.parametrize(("item", "verdict"), [(1, "agrees"), (2, "differs"), (0, "cannot_tell"), (3, "cannot_tell")])
def test_two_accounts_of_one_review_are_held_against_each_other(item: int, verdict: str, findings: Find) -> None:
    own = {"org_code": "A", "review1.cases.changes": "yes", "review2.cases.changes": "no"}
    theirs = {"org_code": "B", "review1.cases.changes": "yes", "review2.cases.changes": "yes"}
    found = findings(BOTH_SAY_THE_SAME, [own, theirs], ties(("A", "other_party", "B", item)))
    assert found[0]["verdict"] == verdict


def test_both_accounts_stand_side_by_side(findings: Find) -> None:
    own = {"org_code": "A", "review2.cases.changes": "no"}
    theirs = {"org_code": "B", "review2.cases.changes": "yes"}
    found = findings(BOTH_SAY_THE_SAME, [own, theirs], ties(("A", "other_party", "B", 2)))
    assert found[0]["evidence"] == "other_party B: cases.changes = yes, this_review.cases.changes = no"


def test_of_two_accounts_the_one_that_is_wanting_is_asked_for(findings: Find) -> None:
    tied = ties(("A", "other_party", "B", 1), ("B", "other_party", "A", 1))
    found = findings(BOTH_SAY_THE_SAME, [{"org_code": "A", "review1.cases.changes": "no"}, {"org_code": "B"}], tied)
    assert [finding["open_questions"] for finding in found] == [
        ["other_party.cases.changes"],
        ["this_review.cases.changes"],
    ]


def test_an_own_answer_that_is_wanting_beside_others_is_asked_for_and_theirs_are_not(findings: Find) -> None:
    more = "all(provider.staffing.days <= staffing.days)"
    known = a_and({"staffing.days": 1.0}, {"staffing.days": 3.0})
    assert findings(more, known, ties(*FROM_A))[0]["open_questions"] == ["staffing.days"]


SPEAKERS = [
    ("commissioner", {"commissioner": "not_met", "provider": "compliant"}, "agrees"),
    ("commissioner", {"commissioner": "compliant", "provider": "not_met"}, "differs"),
    ("commissioner", {"whole": "not_met"}, "agrees"),
    ("commissioner", {"provider": "not_met"}, "cannot_tell"),
    ("provider", {"commissioner": "not_met", "provider": "compliant"}, "differs"),
    ("provider", {"commissioner": "compliant", "provider": "not_met"}, "agrees"),
    ("provider", {"whole": "not_met"}, "agrees"),
    ("provider", {"commissioner": "not_met"}, "agrees"),
    ("same_lscb", {"commissioner": "not_met", "provider": "compliant"}, "agrees"),
    ("same_lscb", {"provider": "not_met"}, "agrees"),
    ("same_lscb", {"whole": "not_met"}, "agrees"),
    ("other_party", {"commissioner": "not_met", "provider": "compliant"}, "agrees"),
    ("other_party", {"provider": "not_met"}, "agrees"),
]


@pytest.mark.parametrize(("relation", "declared", "verdict"), SPEAKERS)
def test_the_declaration_of_the_part_that_it_plays_speaks_for_another(
    relation: str, declared: dict[str, str], verdict: str, findings: Find
) -> None:
    theirs = [{"org_code": "B", "function": part, "declared.status": status} for part, status in declared.items()]
    for known in ([{"org_code": "A"}, *theirs], [*reversed(theirs), {"org_code": "A"}]):
        found = findings(f'any({relation}.declared.status == "not_met")', known, ties(("A", relation, "B")))
        assert found[0]["verdict"] == verdict


def test_each_declaration_of_a_trust_is_held_against_the_same_others(findings: Find) -> None:
    known = [{"org_code": "A", "function": function} for function in ("commissioner", "provider")]
    found = findings(NONE_WITHOUT, [*known, {"org_code": "B", "staffing.policy": "no"}], ties(("A", "provider", "B")))
    assert verdicts(found) == ["differs", "differs", "not_applicable"]


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0, "provider: none of 7"),
        (1, "provider B: staffing.policy = no"),
        (2, "provider B: staffing.policy = no; provider C: staffing.policy = no"),
        (5, "; ".join(f"provider {code}: staffing.policy = no" for code in "BCDEF")),
        (7, "; ".join(f"provider {code}: staffing.policy = no" for code in "BCDEF") + "; and 2 more"),
    ],
)
def test_the_evidence_names_at_most_five_of_those_that_differ_and_how_many_more(
    number: int, told: str, findings: Find
) -> None:
    known = a_and(*({"staffing.policy": "no" if at < number else "yes"} for at in range(7)))
    found = findings(NONE_WITHOUT, known, ties(*(("A", "provider", code) for code in "HGFEDCB")))
    assert found[0]["evidence"] == told


def test_anothers_figures_come_with_their_unit(findings: Find) -> None:
    known = [{"org_code": "A", "staffing.days": 2.0}, {"org_code": "B", "staffing.days": 3.0}]
    found = findings("any(provider.staffing.days > staffing.days)", known, ties(("A", "provider", "B")))
    assert found[0]["evidence"] == (
        "staffing.days = 2 days per week; provider B: staffing.days = 3 days per week"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("expects", "verdict"),
    [
        ('share(provider.staffing.policy == "yes") >= 0.5', "agrees"),
        ('share(provider.staffing.policy == "yes") > 0.5', "cannot_tell"),
        ('share(provider.staffing.policy == "yes") < 0.5', "differs"),
        ('count(provider.staffing.policy == "yes") >= 2', "cannot_tell"),
        ('count(provider.staffing.policy == "yes") >= 3', "differs"),
        ('count(provider.staffing.policy == "yes") <= 2', "agrees"),
        ('count(provider.staffing.policy == "yes") != 4', "agrees"),
        ('1 <= count(provider.staffing.policy == "yes") < 3', "agrees"),
    ],
)
def test_a_share_of_others_is_of_those_to_whom_it_applies(expects: str, verdict: str, findings: Find) -> None:
    known = a_and({"staffing.policy": "yes"}, {"staffing.policy": "not_applicable"}, {}, {"staffing.policy": "no"})
    known[1] |= {"staffing.policy": "yes"}
    if "share" in expects:
        known = known[:4]  # one yes, one to whom it does not apply, one without an answer
    tied = ties(*(("A", "provider", case["org_code"]) for case in known[1:]))
    assert findings(expects, known, tied)[0]["verdict"] == verdict


@pytest.mark.parametrize(
    ("days", "verdict", "evidence"),
    [
        ((1.0, 2.5), "agrees", "sum(provider.staffing.days) = 3.5"),
        ((1.0, "no_answer"), "differs", "sum(provider.staffing.days) = 1"),
        (("no_answer", "not_applicable"), "cannot_tell", "sum(provider.staffing.days) = not known"),
        (("not_applicable", "not_applicable"), "not_applicable", ""),
        ((1.7e308, 1.7e308), "cannot_tell", "sum(provider.staffing.days) = not known"),
    ],
)
def test_a_sum_is_of_the_numbers_that_others_gave(
    days: tuple[object, object], verdict: str, evidence: str, findings: Find
) -> None:
    known = a_and(*({"staffing.days": number} for number in days))
    first = findings("sum(provider.staffing.days) > 3", known, ties(*FROM_A))[0]
    assert (first["verdict"], first["evidence"]) == (verdict, evidence)
    asked = ["provider.staffing.days"] if "no_answer" in days and verdict == "cannot_tell" else None
    assert first["open_questions"] == asked


def test_a_sum_over_nobody_does_not_apply_and_over_who_knows_whom_cannot_be_told(findings: Find) -> None:
    total = "sum(provider.staffing.days) > 3"
    assert verdicts(findings(total, [{"org_code": "A"}], ties())) == ["not_applicable"]
    (unknown,) = findings(total, [{"org_code": "A"}], None)
    assert (unknown["verdict"], unknown["open_questions"]) == ("cannot_tell", ["provider.staffing.days"])


def test_anothers_figure_that_is_no_finite_number_is_as_good_as_none(findings: Find) -> None:
    known = [{"org_code": "A"}, {"org_code": "B", "figures.turnover_pct": float("nan")}]
    tied = ties(("A", "provider", "B"))
    assert findings("any(provider.figures.turnover_pct > 80)", known, tied)[0]["verdict"] == "cannot_tell"
    assert findings("any(absent(provider.figures.turnover_pct))", known, tied)[0]["verdict"] == "agrees"


def test_others_and_answers_of_ones_own_decide_together(findings: Find) -> None:
    either = 'staffing.policy == "yes" or all(provider.staffing.policy == "yes")'
    tied = ties(*FROM_A)
    assert findings(either, [{"org_code": "A", "staffing.policy": "yes"}], tied)[0]["verdict"] == "agrees"
    assert findings(either, [{"org_code": "A", "staffing.policy": "no"}], tied)[0]["verdict"] == "cannot_tell"
    assert findings(either, [{"org_code": "A", "staffing.policy": "no"}], ties())[0]["verdict"] == "not_applicable"


def test_two_rules_may_ask_the_same_of_others_with_other_limits(
    cases: Callable[..., pl.DataFrame], rulebook_with: Load
) -> None:
    policy = 'count(provider.staffing.policy == "no")'
    both = f'{policy} <= 1 and any(provider.staffing.policy == "no") and sum(provider.staffing.days) > 1'
    rules = rulebook_with((EXPECTS, f"'{both} and sum(provider.staffing.days) < 4'"), EVERYBODY)
    theirs = {"staffing.policy": "no", "staffing.days": 3.0}
    found = evaluate(cases(*a_and(theirs, {"staffing.policy": "yes"})), rules, ties(*FROM_A))
    assert found["verdict"][0] == "agrees"
    assert found["evidence"][0] == "provider B: staffing.policy = no; sum(provider.staffing.days) = 3"


def test_cases_without_a_row_have_no_findings_on_others_either(
    cases: Callable[..., pl.DataFrame], rulebook_with: Load
) -> None:
    rules = rulebook_with((EXPECTS, f"'{NONE_WITHOUT} and {TWENTIETH}'"), EVERYBODY)
    for tied in (ties(), None):
        assert evaluate(cases({}).head(0), rules, tied).height == 0
