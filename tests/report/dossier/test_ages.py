from __future__ import annotations

import pytest

from crosscheck.report.dossier.ages import Ages, describe_period

AGES = Ages("2008/09", "C2", {("R01", "staff_survey.trained_pct"): "2007", ("R01", "births.count"): "2008/09"})


@pytest.mark.parametrize(
    ("period", "words"),
    [
        ("2008/09", "2008/09"),
        ("2008", "2008, 3 months old at the end of 2008/09"),
        ("2007/08", "2007/08, 12 months old at the end of 2008/09"),
        ("2008-12-31", "31 December 2008, 3 months old at the end of 2008/09"),
        ("2009-03-31", "31 March 2009"),
        ("2008-13-40", "2008-13-40"),
        ("third quarter", "third quarter"),
    ],
)
def test_a_period_is_told_with_how_old_it_was_at_the_end_of_the_year(period: str, words: str) -> None:
    assert describe_period(period, "2008/09") == words


@pytest.mark.parametrize(
    ("evidence", "age"),
    [
        ("audit.documentation = no", "Answer as at 31 December 2008"),
        ("staff_survey.trained_pct = 23%", "Figure for 2007, 15 months old at the end of 2008/09"),
        ("births.count = 12; audit.documentation = no", "Answer as at 31 December 2008; Figure for 2008/09"),
        ("audit.documentation = no; provider R02: audit.documentation = yes", "Answer as at 31 December 2008"),
        ("comment.lscb = critical", ""),
        ("declared.previous = compliant; declared.status = not met", ""),
    ],
)
def test_evidence_has_the_age_of_its_answers_and_figures_and_remarks_have_none(evidence: str, age: str) -> None:
    assert AGES.of_evidence("R01", evidence) == age
