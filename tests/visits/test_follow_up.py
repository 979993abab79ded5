from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from crosscheck import settings
from crosscheck.contract.outputs import OUTPUTS
from crosscheck.errors import ModelError
from crosscheck.questionnaire import Question, Questionnaire
from crosscheck.visits.follow_up import list_follow_up
from crosscheck.visits.model import Subject, read_visits_model
from crosscheck.vocabulary import ABSENCE, STATUS

YEAR_ENDS = date(2009, 3, 31)
SUBJECTS = (
    Subject(name="named doctor", words=("named doctor",), questions=("posts.doctor",)),
    Subject(name="training", words=("training",), questions=("training.",)),
)


def question(name: str, kind: str, levels: tuple[str, ...] = ()) -> Question:
    return Question(name, f"What of {name}?", kind, "", levels, "higher_better", ("acute",), (), "", "", "", False)  # type: ignore[arg-type]


QUESTIONNAIRE = Questionnaire(
    {
        "posts.doctor": question("posts.doctor", "ordinal", ("vacant", "long_term_locum")),
        "training.share": question("training.share", "percent"),
        "training.days": question("training.days", "number"),
    },
    "",
)


def lapse(**given: object) -> pl.DataFrame:
    usual: dict[str, object] = {
        "org_code": "R01", "function": "whole", "declared.status": "not_met", "declared.lapse_from": None,
        "declared.lapse_to": None, "declared.statement": None, "posts.doctor": None, "posts.doctor?": "no_answer",
        "training.share": None, "training.share?": "no_answer", "training.days": None, "training.days?": "no_answer",
    }  # fmt: skip
    types = {"declared.status": STATUS, "declared.lapse_from": pl.Date, "declared.lapse_to": pl.Date,
             "declared.statement": pl.String, "posts.doctor": QUESTIONNAIRE["posts.doctor"].dtype,
             "training.share": pl.Float64, "training.days": pl.Float64,
             **{f"{name}?": ABSENCE for name in QUESTIONNAIRE.questions}}  # fmt: skip
    return pl.DataFrame(
        [usual | {name.replace("__", "."): value for name, value in given.items()}], schema_overrides=types
    )


def followed(**given: object) -> dict[str, object]:
    table = list_follow_up(lapse(**given), SUBJECTS, QUESTIONNAIRE, YEAR_ENDS)
    assert table.schema == OUTPUTS["follow_up"].schema
    (row,) = table.to_dicts()
    return row


@pytest.mark.parametrize(
    ("lapse_to", "ended"),
    [(date(2008, 12, 18), "yes"), (date(2009, 3, 30), "yes"), (YEAR_ENDS, "no"), (date(2009, 9, 30), "no"),
     (None, None)],
)  # fmt: skip
def test_a_lapse_has_ended_if_its_last_day_is_before_the_last_day_of_the_year(
    lapse_to: date | None, ended: str | None
) -> None:
    assert followed(declared__lapse_to=lapse_to)["ended"] == ended


def test_the_answers_of_what_the_statement_names_stand_beside_it_with_each_absence_by_its_name() -> None:
    told = followed(
        declared__statement="Lapses. Action plan: appoint a NAMED DOCTOR; more training.",
        posts__doctor="long_term_locum",
        training__share=41.0,
    )
    assert told["subject"] == "named doctor | training"
    assert told["answers_show"] == (
        "named doctor: What of posts.doctor? long term locum | "
        "training: What of training.share? 41%; What of training.days? no answer"
    )


def test_what_does_not_apply_is_left_out_and_what_is_not_known_says_so() -> None:
    absences = {"training.share?": "not_known", "training.days?": "not_applicable"}
    told = followed(declared__statement="Training", **absences)
    assert told["answers_show"] == "training: What of training.share? not known"
    none = dict.fromkeys(absences, "not_applicable")
    assert (
        followed(declared__statement="Training", **none)["answers_show"] == "training: nothing was asked of it on this"
    )


def test_a_statement_that_names_nothing_known_shows_no_answers() -> None:
    told = followed(declared__statement="We are not sure.")
    assert (told["subject"], told["answers_show"]) == (None, None)
    assert (followed()["statement"], followed()["subject"]) == (None, None)


def test_each_promised_action_is_asked_for_and_the_end_where_it_is_open() -> None:
    told = followed(
        declared__statement="Found. Action plan: appoint a doctor; train all.", declared__lapse_to=YEAR_ENDS
    )
    assert told["ask"] == (
        "For each action, the proof that it is done and the day: appoint a doctor; train all | "
        "Whether the lapse has ended since, when, and what shows it"
    )
    assert str(followed()["ask"]).startswith(
        "The action plan: what is done, by whom, until when | When the lapse ended"
    )
    unsure = followed(declared__status="insufficient_assurance")
    assert str(unsure["ask"]).endswith("Which evidence was wanting, and whether the board holds it now")


def test_a_declaration_of_compliance_is_nothing_to_follow_up() -> None:
    assert list_follow_up(lapse(declared__status="compliant"), SUBJECTS, QUESTIONNAIRE, YEAR_ENDS).is_empty()


def test_the_embedded_run_follows_up_every_declared_lapse_and_each_names_a_subject(national_run: Path) -> None:
    told, listed = (pl.read_parquet(national_run / f"{name}.parquet") for name in ("follow_up", "visit_list"))
    keys = ["org_code", "function"]
    lapses = listed.filter(pl.col("pool") == "follow_up")
    assert told.select(keys).sort(keys).equals(lapses.select(keys).sort(keys))
    assert told.select("subject", "answers_show").null_count().row(0) == (0, 0)
    assert told["subject"].str.count_matches("|", literal=True).max() >= 1  # type: ignore[operator]


def test_a_subject_whose_questions_were_not_asked_is_refused_by_name(standard, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    stated = settings.model_file("C2", "visits").read_text(encoding="utf-8")
    file = tmp_path / "v9.toml"
    file.write_text(stated.replace('"policies.missed_appointments"', '"policies.no_such"'), encoding="utf-8")
    with pytest.raises(ModelError, match=r"subject missed appointments: no question is policies\.no_such"):
        read_visits_model(file, standard.questionnaire)
    file.write_text(stated + stated[stated.index("[[subject]]") :], encoding="utf-8")
    with pytest.raises(ModelError, match="stated twice"):
        read_visits_model(file, standard.questionnaire)


def test_where_no_subjects_are_stated_none_is_named() -> None:
    (row,) = list_follow_up(lapse(declared__statement="Training"), (), QUESTIONNAIRE, YEAR_ENDS).to_dicts()
    assert (row["subject"], row["answers_show"]) == (None, None)


def test_figures_are_told_to_three_places() -> None:
    told = followed(declared__statement="Training", training__share=41.23456, training__days=2.0)
    assert told["answers_show"] == "training: What of training.share? 41.235%; What of training.days? 2"
