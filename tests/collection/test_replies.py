"""Reply forms as they come back: understood, left without a reply, or reported; nothing in between."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosscheck.collection.replies import Replies, read_replies
from crosscheck.contract.reply_form import REPLIES, REPLY, REPLY_FORM
from crosscheck.errors import ReplyError
from crosscheck.questionnaire import Questionnaire

RUN = "0123456789abcdef"
CRB, LEVEL1, NOTIFIED = "human_resources.crb_checks", "training.level1_pct", "review1.case_reviews.sha_notified"
HR, HR_TOO, TRN, CR, DEC = (
    f"R01/{check}/whole" for check in ("C2-HR-01", "C2-HR-09", "C2-TRN-01", "C2-CR-60", "C2-DEC-12")
)
ITEMS = pl.DataFrame(
    [
        (HR, CRB, CRB, 0, "not_all_since_2002"),
        (HR_TOO, CRB, CRB, 0, "not_all_since_2002"),
        (TRN, LEVEL1, LEVEL1, 0, "54"),
        (CR, NOTIFIED, "case_reviews.sha_notified", 1, "no"),
        (DEC, None, None, None, None),
    ],
    schema={"item": str, "question": str, "question_id": str, "review": pl.UInt8, "your_answer": str},
    orient="row",
).with_columns(org_code=pl.lit("R01"), check_id=pl.col("item").str.split("/").list.get(1), functions=pl.lit("whole"))
FILLED_IN = ("reply", "corrected_answer", "evidence", "remark", "signed_by", "date")
HEADINGS = ("item", "question", *FILLED_IN, "run")

Cells = dict[str, str]


def rows(**said: Cells) -> list[Cells]:
    """All rows of the form; what is said by the item's check, as `C2_HR_01`."""
    told = []
    for item, question in ITEMS.select("item", "question").iter_rows():
        filled = said.get(item.split("/")[1].replace("-", "_"), {})
        told.append({"item": item, "question": question or "", "run": RUN, **filled})
    return told


def as_csv(form: list[Cells], headings: tuple[str, ...] = HEADINGS, separator: str = ",") -> str:
    lines = io.StringIO(newline="")
    writer = csv.DictWriter(lines, headings, delimiter=separator, restval="")
    writer.writeheader()
    writer.writerows(form)
    return lines.getvalue()


def read(folder: Path, questionnaire: Questionnaire, *forms: list[Cells] | str | bytes) -> Replies:
    files = []
    for number, form in enumerate(forms, start=1):
        files.append(folder / f"form-{number}.csv")
        text = as_csv(form) if isinstance(form, list) else form
        files[-1].write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_replies(files, ITEMS, RUN, questionnaire)


def said(replies: Replies) -> list[tuple[str, str, str | None]]:
    return replies.replies.select("item", "reply", "corrected_answer").rows()


def set_aside(replies: Replies) -> list[tuple[int, str, str]]:
    aside = replies.problems.filter(pl.col("effect") == "row set aside")
    return aside.select("row", "column", pl.format("{} {}", "problem", "remedy")).rows()


CORRECTS = {"reply": "correct", "corrected_answer": "all_staff", "signed_by": "J. Muñoz", "date": "2009-05-29"}
CORRECTED = [(HR, "correct", "all_staff")]


def test_a_form_that_comes_back_as_it_went_says_nothing(tmp_path: Path, questionnaire: Questionnaire) -> None:
    replies = read(tmp_path, questionnaire, rows())
    assert said(replies) == []
    assert replies.unanswered == ITEMS.height
    assert replies.problems.is_empty()


def test_every_kind_of_reply_is_understood(tmp_path: Path, questionnaire: Questionnaire) -> None:
    form = rows(
        C2_HR_01=CORRECTS,
        C2_TRN_01={"reply": "agree"},
        C2_CR_60={"reply": "correct", "corrected_answer": "n/a"},
        C2_DEC_12={"reply": "explain", "remark": "The remark was withdrawn on 3 May."},
        C2_HR_09={"reply": "no_reply"},
    )
    replies = read(tmp_path, questionnaire, form)
    assert said(replies) == [
        (CR, "correct", "n/a"), (DEC, "explain", None), (HR, "correct", "all_staff"), (TRN, "agree", None)
    ]  # fmt: skip
    assert replies.unanswered == 1
    assert replies.replies.schema.names()[: len(REPLY.columns)] == REPLY.schema.names()
    assert replies.replies["signed_by"].to_list() == ["J. Muñoz"] * 4, "who signs once signs the form"


FORM = rows(C2_HR_01=CORRECTS)
LOUD = [{**row, "item": f" {row['item'].upper()} ", "question": row["question"].upper()} for row in FORM]
LOUD[0] |= {"reply": " CORRECT", "corrected_answer": "All staff ", "date": "29/05/2009"}
MANGLED = {
    "semicolons, marked, as Excel writes them": as_csv(FORM, separator=";").encode("utf-8-sig"),
    "tabs": as_csv(FORM, separator="\t").encode(),
    "Windows-1252": as_csv(FORM).encode("cp1252"),
    "UTF-16": as_csv(FORM).encode("utf-16"),
    "columns in another order": as_csv(FORM, HEADINGS[::-1]).encode(),
    "headings in words": as_csv(FORM).replace("corrected_answer", " Corrected Answer ").encode(),
    "blank rows between": as_csv([cells for row in FORM for cells in ({}, row)]).encode(),
    "columns of their own": as_csv([{**row, "notes": "x"} for row in FORM], (*HEADINGS, "notes")).encode(),
    "capitals and spaces": as_csv(LOUD).encode(),
    "rows in another order": as_csv(FORM[::-1]).encode(),
}


@pytest.mark.parametrize("how", MANGLED)
def test_a_form_is_understood_however_people_mangle_it(how: str, tmp_path: Path, questionnaire: Questionnaire) -> None:
    replies = read(tmp_path, questionnaire, MANGLED[how])
    assert said(replies) == CORRECTED
    assert str(replies.replies["date"][0]) == "2009-05-29"
    assert replies.replies["signed_by"][0] == "J. Muñoz"
    assert replies.unanswered == ITEMS.height - 1


def test_an_answer_that_the_question_does_not_have_is_set_aside_with_those_that_it_has(
    tmp_path: Path, questionnaire: Questionnaire
) -> None:
    replies = read(tmp_path, questionnaire, rows(C2_HR_01={**CORRECTS, "corrected_answer": "everybody"}))
    assert said(replies) == []
    [(row, column, told)] = set_aside(replies)
    assert (row, column) == (2, "corrected_answer")
    assert "not_all_since_2002, all_since_2002, all_staff, n/a, not known" in told


@pytest.mark.parametrize(
    ("check", "cells", "column", "words"),
    [
        ("C2_HR_01", {"reply": "perhaps"}, "reply", "agree, correct, explain, no_reply"),
        ("C2_HR_01", {"reply": "correct"}, "corrected_answer", "There is no corrected answer"),
        ("C2_HR_01", {"reply": "correct", "corrected_answer": "not_all_since_2002"}, "corrected_answer", "as it was"),
        ("C2_HR_01", {"reply": "agree", "corrected_answer": "all_staff"}, "reply", "does not ask for a correction"),
        ("C2_TRN_01", {"reply": "correct", "corrected_answer": "540"}, "corrected_answer", "from 0 to 100"),
        ("C2_TRN_01", {"reply": "correct", "corrected_answer": "54.0 %"}, "corrected_answer", "nothing would change"),
        ("C2_DEC_12", {"reply": "correct", "corrected_answer": "praising"}, "reply", "no answer of the organisation"),
        ("C2_DEC_12", {"reply": "explain"}, "remark", "There is no explanation"),
        ("C2_HR_01", {"reply": "agree", "item": "R01/C2-HR-02/whole"}, "item", "Did you mean"),
        ("C2_HR_01", {"reply": "agree", "question": LEVEL1}, "question", "does not rest on this question"),
        ("C2_HR_01", {"reply": "agree", "run": "fedcba9876543210"}, "run", "another run"),
        ("C2_HR_01", {"reply": "agree", "item": ""}, "item", "empty"),
    ],
)
def test_what_does_not_go_together_is_set_aside_with_a_remedy(
    check: str, cells: Cells, column: str, words: str, tmp_path: Path, questionnaire: Questionnaire
) -> None:
    replies = read(tmp_path, questionnaire, rows(**{check: cells}))
    assert said(replies) == []
    [(_, where, told)] = set_aside(replies)
    assert where == column
    assert words in told


@pytest.mark.parametrize(
    ("cells", "reply"),
    [({"corrected_answer": "all_staff"}, "correct"), ({"remark": "See the minutes"}, "explain")],
)
def test_a_reply_that_is_plainly_meant_is_understood_and_reported(
    cells: Cells, reply: str, tmp_path: Path, questionnaire: Questionnaire
) -> None:
    replies = read(tmp_path, questionnaire, rows(C2_HR_01=cells))
    assert [told for _, told, _ in said(replies)] == [reply]
    reported = replies.problems.filter(pl.col("column") == "reply")
    assert f"read as {reply}" in reported["problem"][0]


def test_a_form_of_another_run_is_refused_and_all_such_forms_are_named(
    tmp_path: Path, questionnaire: Questionnaire
) -> None:
    other = [{**row, "run": "fedcba9876543210"} for row in rows(C2_HR_01=CORRECTS)]
    with pytest.raises(ReplyError) as refused:
        read(tmp_path, questionnaire, other, rows(), other)
    assert refused.value.exit_code == 9
    assert len(refused.value.problems) == 2
    assert "fedcba9876543210" in str(refused.value)
    assert "form-3.csv" in str(refused.value)


def test_whatever_can_not_be_opened_is_named_at_once(tmp_path: Path, questionnaire: Questionnaire) -> None:
    lacking = "item,question,run\r\n"
    with pytest.raises(ReplyError) as refused:
        read(tmp_path, questionnaire, lacking, b"", b'item,"reply')
    assert len(refused.value.problems) == 3
    assert "the column reply is missing" in str(refused.value)


def test_nobody_accepts_a_reply_of_his_own(tmp_path: Path, questionnaire: Questionnaire) -> None:
    form = [{**row, "accepted": "yes", "decided_by": "me"} for row in rows(C2_HR_01=CORRECTS)]
    replies = read(tmp_path, questionnaire, as_csv(form, (*HEADINGS, "accepted", "decided_by")))
    assert said(replies) == CORRECTED
    assert replies.replies["accepted"].to_list() == [None]
    assert replies.replies["decided_by"].to_list() == [None]


def test_one_question_has_one_answer_whatever_items_and_forms_speak_of_it(
    tmp_path: Path, questionnaire: Questionnaire
) -> None:
    other = {**CORRECTS, "corrected_answer": "all_since_2002"}
    replies = read(tmp_path, questionnaire, rows(C2_HR_01=CORRECTS), rows(C2_HR_09=other))
    assert said(replies) == []
    assert [told.split(" Ask")[0] for _, _, told in set_aside(replies)] == [
        "It contradicts form-2.csv, row 3.", "It contradicts form-1.csv, row 2."
    ]  # fmt: skip
    alike = read(tmp_path, questionnaire, rows(C2_HR_01=CORRECTS, C2_HR_09=CORRECTS))
    assert said(alike) == [*CORRECTED, (HR_TOO, "correct", "all_staff")]


def test_a_form_that_comes_back_twice_counts_once(tmp_path: Path, questionnaire: Questionnaire) -> None:
    replies = read(tmp_path, questionnaire, rows(C2_HR_01=CORRECTS), rows(C2_HR_01=CORRECTS))
    assert said(replies) == CORRECTED
    [(row, _, told)] = set_aside(replies)
    assert row == 2
    assert "given twice: form-1.csv, row 2 says the same" in told
    contrary = read(tmp_path, questionnaire, rows(C2_HR_01=CORRECTS), rows(C2_HR_01={"reply": "agree"}))
    assert said(contrary) == []
    assert len(set_aside(contrary)) == 2


WORDS = (
    "correct", " Agree", "explain", "no reply", "all_staff", "ALL STAFF", "54", "99%", "1e3", "n/a", "not known", "yes",
    "#REF!", "=1+1", "-5", "2009-05-29", "31/12/2008", "\u200b", "no",
)  # fmt: skip
typed = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(WORDS)


@settings(max_examples=25, deadline=None)
@given(form=st.lists(st.fixed_dictionaries(dict.fromkeys(FILLED_IN, typed)), min_size=5, max_size=5))
def test_whatever_is_typed_into_a_form_is_understood_left_or_reported(
    form: list[Cells], questionnaire: Questionnaire
) -> None:
    filled = [row | cells for row, cells in zip(rows(), form, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        replies = read(Path(folder), questionnaire, filled)
    aside = {row for row, _, _ in set_aside(replies)}
    assert replies.replies.height + replies.unanswered + len(aside) == len(form)
    assert aside.isdisjoint(replies.replies["form_row"])
    assert set(replies.replies["reply"]) <= set(REPLIES) - {"no_reply"}
    corrected = replies.replies.filter(pl.col("reply") == "correct")
    assert not corrected["corrected_answer"].is_null().any()
    for row in corrected.to_dicts():
        assert row["question"] is not None
        assert row["corrected_answer"] != row["your_answer"]
        if row["question"] == CRB:
            assert row["corrected_answer"] in {*questionnaire[CRB].levels, "n/a", "not known"}
    silent = [number for number, cells in enumerate(form, start=2) if not any(cell.strip() for cell in cells.values())]
    assert aside.isdisjoint(silent)


def test_the_form_and_the_replies_promise_the_same_columns_where_they_share_them() -> None:
    shared = set(REPLY_FORM.schema) & set(REPLY.schema)
    assert {"item", "question", "reply", "corrected_answer", "run"} <= shared
    assert {name: REPLY_FORM.schema[name] for name in shared} == {name: REPLY.schema[name] for name in shared}
