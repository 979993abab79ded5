"""The right of reply: for each organisation a letter of what the regulator intends to rely on, and a form to reply on.

Neither says anything of risk, rank or who is chosen for a visit: a reply is to the facts.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.contract.reply_form import REPLIES, REPLY_FORM
from crosscheck.errors import UnknownNameError
from crosscheck.report.output.file_names import file_stem
from crosscheck.report.output.folder import written_whole
from crosscheck.report.output.html import render
from crosscheck.report.output.pdf import write_papers
from crosscheck.report.output.tables import guard_formulas
from crosscheck.report.output.workbook import new_workbook
from crosscheck.report.reply.further_items import group_further
from crosscheck.report.reply.letter_paper import set_letter
from crosscheck.runs.finding_items import ASKED_ONLY, items_to_reply, other_accounts
from crosscheck.runs.make_run import reply_key, standard_of_run
from crosscheck.runs.reply_items import list_reply_items
from crosscheck.runs.run_folder import read_manifest, read_table
from crosscheck.runs.unlisted import describe_unlisted, read_names
from crosscheck.vocabulary import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import xlsxwriter

    from crosscheck.questionnaire import Question, Questionnaire
    from crosscheck.report.output.pdf import Paper
    from crosscheck.rulebook.rule import Rule
    from crosscheck.standard import Standard

FORMS_MARK: Final = "forms.json"

_FILLED_IN: Final = ("reply", "corrected_answer", "evidence", "remark", "signed_by", "date")
_WIDTHS: Final = {
    "item": 26, "check_id": 12, "functions": 14, "what_we_intend_to_rely_on": 60, "expected": 40, "question": 26,
    "asked": 44, "your_answer": 18, "allowed_answers": 34, "reply": 12, "corrected_answer": 20, "evidence": 30,
    "remark": 44, "signed_by": 22, "date": 12, "run": 18,
}  # fmt: skip
_LETTERS: Final = {"letter": "", "duty_letter": "-duties"}  # by template, what the name of its file ends with
_YOURS: Final = {"your answer": "your return says"}
_SEE: Final = "See "
_BY_VISITORS: Final = re.compile(r",? and (?:pick|ask|take|look|follow) ")  # what only a visit can do
_NUMBERS: Final = r"lines? \d+(?:(?:,| and| to) \d+)*(?: of the text)?"
_LINES: Final = re.compile(rf" \({_NUMBERS}\)|{_NUMBERS}, and ")
_ANY_EVIDENCE: Final = "Whatever shows, with its date, that the duty was met"
_LONGEST_LIST: Final = 255  # characters, which the file format allows for a list of choices
_HELP: Final = {
    "reply": "agree: what we intend to rely on is right. correct: the answer is wrong; enter the right one. explain: "
    "it stands, and there is a reason; write it in the remark. Leave empty for no reply.",
    "corrected_answer": "Only with the reply: correct. Write it as the allowed answers are written.",
    "evidence": "What you enclose, and where in it we should look.",
    "remark": "Anything else that we should know.",
    "signed_by": "Name and post. Once is enough.",
    "date": "As 2009-05-31. Once is enough.",
}
_FIGURES: Final = {
    "percent": "a percentage from 0 to 100",
    "count": "a whole number of 0 or more",
    "number": "a number of 0 or more",
    "signed_number": "a number",
    "text": "a text",
}


def write_forms(
    run: Path,
    folder: Path,
    only: Sequence[str],
    reply_by: str | None,
    reply_to: str | None,
    *,
    paper: bool = False,
) -> tuple[int, int]:
    """Write letter and form for every organisation with at least one item, and one on its duties to who has some.

    Who answers that a statutory duty is unmet gets a letter on that first (`…-duties.html`), and its rows come first in
    the form.

    Args:
        run: the run.
        folder: where to; missing, empty, or forms, which are replaced whole.
        only: codes of organisations; all if empty.
        reply_by: the last day for a reply, as the letter says it; it says none if None.
        reply_to: whom to send the reply to, in words.
        paper: also set each letter as PDF.

    Returns:
        For how many organisations, and for how many of them a letter on duties. The same run and words give the same
        bytes.

    Raises:
        RunError: there is no such run, the rules here are others, or the place can't be written.
        UnknownNameError: an organisation of `only` is not in the run, or has no item.
    """
    standard = standard_of_run(run)
    items, grounds = list_reply_items(run, standard)
    chosen = _choose(run, items, only)
    rows = fill_forms(run, items, grounds, standard.questionnaire)
    options = read_manifest(run).options
    fields = {"run": reply_key(run), "year": options.year, "standard": options.standard}
    names = dict(read_table(run, "names").drop_nulls("name").select("code", "name").iter_rows())
    of_organisation = [_by_organisation(frame, chosen) for frame in (items, grounds, rows)]
    papers: dict[str, Paper] = {}
    with written_whole(folder, FORMS_MARK, "set of reply forms") as whole:
        for code in chosen:
            listed, rests, form = (frames[code] for frames in of_organisation)
            stem = file_stem(code)
            letter = {**fields, "code": code, "name": names.get(code, code), "stem": stem}
            letter |= {"reply_by": reply_by, "reply_to": reply_to}
            letter |= _letter_fields(listed, rests, standard, names, _name_rows(form))
            for name in _letters(letter):
                page = render("reply", f"{name}.html", letter)
                (whole / f"{stem}{_LETTERS[name]}.html").write_text(page, encoding="utf-8")
                if paper:
                    papers[f"{stem}{_LETTERS[name]}"] = set_letter(name, letter)
            write_form(form.select(REPLY_FORM.schema.names()), standard.questionnaire, whole / stem)
        write_papers(papers, whole)
        admitting = items.filter(pl.col("is_duty"))["org_code"].unique()
        with_duties = [code for code in chosen if code in admitting]
        mark = json.dumps({**fields, "organisations": list(chosen), "duties": with_duties}, indent=1)
        (whole / FORMS_MARK).write_text(mark + "\n", encoding="utf-8")
    return len(chosen), len(with_duties)


def fill_forms(run: Path, items: pl.DataFrame, grounds: pl.DataFrame, questionnaire: Questionnaire) -> pl.DataFrame:
    """The rows of all forms, in the columns of `reply_form.REPLY_FORM`, those that the organisation fills in empty.

    Beside them are `org_code`, `question_id` and `review`, by which replies are read.
    """
    allowed = {column: _allowed(question) for question in questionnaire for column in question.columns}
    words = items.select("item", "expected", what_we_intend_to_rely_on="says")
    empty = [pl.lit(None, dtype=REPLY_FORM.schema[name]).alias(name) for name in _FILLED_IN]
    return (
        items_to_reply(grounds, items)
        .join(words, on="item", how="left", maintain_order="left")
        .with_columns(
            empty,
            asked="about",
            allowed_answers=pl.col("question").replace_strict(allowed, default=None, return_dtype=pl.String),
            run=pl.lit(reply_key(run)),
        )
        .select(*REPLY_FORM.schema.names(), "org_code", "question_id", "review")
    )


def write_form(form: pl.DataFrame, questionnaire: Questionnaire, stem: Path) -> None:
    """Write one form as XLSX and CSV, which can be read back alike (`reply_form.REPLY_FORM`)."""
    shown_form = form.with_columns(
        pl.when(pl.col("question").is_not_null()).then(pl.col("your_answer").fill_null("no answer"))
    )
    guard_formulas(shown_form).write_csv(
        stem.with_name(f"{stem.name}.csv"), include_bom=True
    )  # else Excel takes it for Windows-1252
    _write_workbook(shown_form, questionnaire, stem.with_name(f"{stem.name}.xlsx"))


def _choose(run: Path, items: pl.DataFrame, only: Sequence[str]) -> list[str]:
    having = items["org_code"].unique().sort().to_list()
    wanted = list(dict.fromkeys(code.strip().upper() for code in only)) or having
    if strangers := [code for code in wanted if code not in having]:
        listed = read_names(run)
        raise UnknownNameError(
            f"{code} ({listed[code]}): nothing of it differs, so there is nothing to reply to."
            if code in listed
            else describe_unlisted(run, code)
            for code in strangers
        )
    return wanted


def _by_organisation(frame: pl.DataFrame, chosen: Iterable[str]) -> Mapping[str, pl.DataFrame]:
    """The frame taken apart by organisation, in its order; empty for one that has no row."""
    parts = frame.partition_by("org_code", as_dict=True, maintain_order=True)
    return {code: parts.get((code,), frame.clear()) for code in chosen}


def _allowed(question: Question) -> str:
    answers = question.levels if question.has_levels else (_FIGURES[question.answer_type],)
    return ", ".join((*answers, "n/a", "not known"))


def _letter_fields(
    items: pl.DataFrame,
    grounds: pl.DataFrame,
    standard: Standard,
    names: Mapping[str, str],
    form_rows: Mapping[str, str],
) -> dict[str, object]:
    """What the letter of one organisation says of its items, those that only ask apart, with its rows in the form."""
    parts = grounds.partition_by("item", as_dict=True, maintain_order=True)
    rests = {item: parts.get((item,), grounds.clear()).to_dicts() for item in items["item"]}
    rulebook = standard.rulebook
    findings = [
        {
            **item,
            "rows": form_rows[item["item"]],
            "rule": rulebook[item["check_id"]],
            "source": _cite(rulebook[item["check_id"]].source),
            "grounds": [{**row, "whose": _YOURS.get(row["whose"], row["whose"])} for row in rests[item["item"]]],
            "others": list(other_accounts(item["evidence"], rulebook[item["check_id"]], names)),
            "evidence_to_send": _show_evidence(rulebook[item["check_id"]]) if item["is_duty"] else [],
        }
        for item in items.filter(pl.col("check_id").is_not_null()).to_dicts()
    ]
    asked = [item for item in findings if item["kind"] in ASKED_ONLY]
    return {
        "sources": _name_sources(words_of(standard.name).sources, findings),
        "relied": [item for item in findings if item not in asked],
        "further": group_further(items, rests, form_rows),
        "asked": asked,
        "duties": [item for item in findings if item["is_duty"]],
    }


def _cite(source: str) -> str:
    """A source as it can be looked up in print: its lines are those of the text that the rules were made from."""
    return _LINES.sub("", source)


def _name_sources(sources: Mapping[str, str], items: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """What the sources are, in full, that the items of a letter name in short."""
    named = {str(item["source"]).split(",")[0] for item in items}
    return {short: full for short, full in sources.items() if short in named}


def _name_rows(form: pl.DataFrame) -> Mapping[str, str]:
    """The rows of each item in the form, as a spreadsheet numbers them below its headings: `row 2`, `rows 5 and 6`."""
    numbers: dict[str, list[str]] = {}
    for number, item in enumerate(form["item"], start=2):
        numbers.setdefault(item, []).append(str(number))
    return {
        item: f"row {rows[0]}" if len(rows) == 1 else f"rows {', '.join(rows[:-1])} and {rows[-1]}"
        for item, rows in numbers.items()
    }


def _letters(letter: Mapping[str, object]) -> Iterable[str]:
    return _LETTERS if letter["duties"] else ("letter",)


def _show_evidence(rule: Rule) -> list[str]:
    """What an assessor would ask to see, as what an organisation may send: lines of enquiry that begin with See."""
    seen = [_BY_VISITORS.split(line.removeprefix(_SEE))[0] for line in rule.lines_of_enquiry if line.startswith(_SEE)]
    return [line[:1].upper() + line[1:] for line in seen] or [_ANY_EVIDENCE]


def _write_workbook(form: pl.DataFrame, questionnaire: Questionnaire, file: Path) -> None:
    """The form as a workbook: what is to be filled in stands open, all else is kept from slips (without a password)."""
    with new_workbook(file, "Reply form") as workbook:
        sheet = workbook.add_worksheet(REPLY_FORM.name)
        heading = workbook.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        fixed = workbook.add_format({"text_wrap": True, "valign": "top"})
        # Formatted as text, so that Excel turns no answer into a date or a number.
        open_cell = workbook.add_format(
            {"text_wrap": True, "valign": "top", "locked": False, "bg_color": "#FFF8DC", "border": 4, "num_format": "@"}
        )
        for index, name in enumerate(form.columns):
            sheet.set_column(index, index, _WIDTHS[name], open_cell if name in _FILLED_IN else fixed)
            sheet.write_string(0, index, name.replace("_", " "), heading)
            for row, cell in enumerate(form[name].cast(pl.String).to_list(), start=1):
                if name in _FILLED_IN and cell is None:
                    sheet.write_blank(row, index, None, open_cell)
                else:
                    sheet.write_string(row, index, cell or "", open_cell if name in _FILLED_IN else fixed)
        _help(sheet, form, questionnaire)
        sheet.freeze_panes(1, 1)
        sheet.protect("", {"format_columns": True, "format_rows": True, "autofilter": True, "sort": True})
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)


def _help(sheet: xlsxwriter.worksheet.Worksheet, form: pl.DataFrame, questionnaire: Questionnaire) -> None:
    """Say beside each cell that is to be filled in what belongs there, and offer the choices."""
    last, place = form.height, {name: index for index, name in enumerate(form.columns)}
    for name, words in _HELP.items():
        validation: dict[str, object] = {
            "validate": "any",
            "input_title": name.replace("_", " "),
            "input_message": words,
        }
        if name == "reply":
            validation |= {
                "validate": "list",
                "source": list(REPLIES),
                "error_message": "Choose one of the list, or leave it empty.",
            }
        if name != "corrected_answer":
            sheet.data_validation(1, place[name], last, place[name], validation)
    choices = {column: question.levels for question in questionnaire for column in question.columns}
    for row, question in enumerate(form["question"], start=1):
        validation = {"validate": "any", "input_title": "corrected answer", "input_message": _HELP["corrected_answer"]}
        levels = [*choices.get(question, ()), "n/a", "not known"]
        # Excel refuses longer lists; the allowed answers stand in a column of their own as well.
        if choices.get(question) and len(",".join(levels)) <= _LONGEST_LIST:
            validation |= {"validate": "list", "source": levels, "error_message": "Choose one of the allowed answers."}
        sheet.data_validation(row, place["corrected_answer"], row, place["corrected_answer"], validation)
