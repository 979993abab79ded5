"""The benchmark pack of an organisation: its answers beside those of similar organisations and what guidance asks for.

It goes to the organisation. It rests on what was asked and answered alone: no check, figure of another source, visit or
weight is read for it, and of other organisations only what `similar` lets pass.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl
from markupsafe import Markup

from crosscheck import settings
from crosscheck.cases.cases import catalogue
from crosscheck.errors import UnknownNameError
from crosscheck.questionnaire import read_questionnaire
from crosscheck.report.benchmark.benchmark_paper import set_pack
from crosscheck.report.benchmark.expectations import read_expectations
from crosscheck.report.benchmark.pack import PLACES, Answered, Pack, QuestionPut, Section
from crosscheck.report.benchmark.similar import EVERYBODY, Group, gather_answers, group_answers
from crosscheck.report.output.folder import refuse_foreign, replace_file
from crosscheck.report.output.html import environment, render
from crosscheck.report.output.pdf import write_papers
from crosscheck.report.output.workbook import new_workbook, write_sheet
from crosscheck.rulebook.to_english import in_words
from crosscheck.runs.run_folder import read_manifest, read_table
from crosscheck.runs.unlisted import describe_unlisted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from crosscheck.questionnaire import Questionnaire
    from crosscheck.report.benchmark.expectations import Expectation
    from crosscheck.report.output.pdf import Extent

MARK: Final = "benchmarks.json"
_KIND: Final = "folder of benchmark packs"
_FOLDER: Final = "benchmark"

_HOW_TO_READ: Final = (
    "Similar organisations are all organisations of your type that were asked the same question, yours among them. The "
    "figures are the same in every pack of your type.",
    "So that nobody can find out what one organisation answered, shares are rounded to the nearest 5% in groups of 100 "
    "or more, 10% from 50, 25% from 20. 0% can be a few organisations and 100% need not be all. In groups of 10 to 19 "
    "only an answer of more than half is named; in smaller ones nothing is shown.",
    "Half of the figures lie between the two quartiles; they need 20 figures, a median 10. The lowest and the highest "
    "are not shown.",
    "No answer, not known and not applicable are three things. None of them counts as the lowest answer.",
    "The best answer is the one that the law, guidance or good practice comes nearest to; where nobody asks for "
    "anything, no answer is called best. There may be good reasons for another answer.",
    "Your answers are shown as you returned them; nothing else that is known of your organisation is in this pack.",
)


@dataclass(frozen=True)
class _Desk:
    """Where packs are put together: what was asked and answered by all, and blocks of pages that are alike for many."""

    year: str
    standard: str
    names: Mapping[str, str]
    types: Mapping[str, str]
    answers: Mapping[str, list[Answered]]
    blocks: dict[tuple[str, str, int, str, float | None], Markup] = field(default_factory=dict)

    def pack(self, code: str) -> Pack:
        """The pack of one organisation."""
        sections: dict[str, list[Answered]] = {}
        for answered in self.answers.get(code, ()):
            sections.setdefault(answered.asked.question.section, []).append(answered)
        own_sections = tuple(Section(name, tuple(answers)) for name, answers in sections.items())
        return Pack(code, self.names[code], self.types[code], own_sections, self.year)

    def page(self, pack: Pack) -> str:
        """The pack as a page; a question that others of the type answered alike is set once."""
        fields = {"pack": pack, "standard": self.standard, "places": PLACES, "how_to_read": _HOW_TO_READ}
        return render(_FOLDER, "pack.html", fields | {"block": lambda answered: self._block(pack.org_type, answered)})

    def _block(self, org_type: str, answered: Answered) -> Markup:
        key = (org_type, answered.asked.question.question_id, answered.item, answered.answer, answered.number)
        if key not in self.blocks:
            template = environment(_FOLDER).get_template("question.html")
            self.blocks[key] = Markup(template.render(one=answered, org_type=org_type, x=_across))  # noqa: S704  # escaped by the template
        return self.blocks[key]


def write_benchmarks(
    run: Path,
    folder: Path,
    only: Sequence[str] = (),
    *,
    paper: Extent | None = None,
    workbook: bool = False,
    step: Callable[[str], AbstractContextManager[object]] = lambda _: nullcontext(),
) -> tuple[int, int]:
    """Write the pack of each organisation of a run as `CODE.html`, and as PDF and XLSX where asked for.

    A file takes the place of a former one when it is whole. A pack that was left behind by a run with other
    organisations goes, unless only some were asked for.

    Args:
        run: a run's folder.
        folder: where to; missing, empty, or a folder of packs.
        only: codes of organisations; all if none is named.
        paper: write each as PDF too; those that are still right are left, so a job that was stopped is taken up. The
            annex has every question.
        workbook: write each as XLSX too.
        step: is entered around each step with its name, to time it or to show progress.

    Returns:
        How many packs were written, and how many PDFs were set. The same run gives the same bytes.

    Raises:
        RunError: there is no such run, or the place holds something else.
        UnknownNameError: an organisation that the run does not have; the message names all of these.
    """
    refuse_foreign(folder, MARK, _KIND)
    desk = _read_desk(run, only)
    codes = _chosen(run, only, desk.names)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text(json.dumps({"year": desk.year, "organisations": len(desk.names)}) + "\n", "utf-8")
    papers = {}
    for done, code in enumerate(codes):
        with step(f"{done} of {len(codes)} packs"):
            pack = desk.pack(code)
            _write_pack(desk, pack, folder, workbook=workbook)
            if paper:
                papers[code] = set_pack(pack, desk.standard, _HOW_TO_READ, annex=paper == "with annex")
    if not only:
        _sweep(folder, codes)
    return len(codes), write_papers(papers, folder, step)


def _write_pack(desk: _Desk, pack: Pack, folder: Path, *, workbook: bool) -> None:
    page, code = desk.page(pack), pack.code
    replace_file(folder / f"{code}.html", lambda beside: beside.write_text(page, encoding="utf-8"))
    if workbook:
        replace_file(folder / f"{code}.xlsx", lambda beside: _write_workbook(pack, beside))


def _chosen(run: Path, only: Sequence[str], known: Mapping[str, str]) -> list[str]:
    codes = [code.upper() for code in only] or list(known)
    if missing := [code for code in codes if code not in known]:
        raise UnknownNameError(describe_unlisted(run, code) for code in missing)
    return list(dict.fromkeys(codes))


def _read_desk(run: Path, only: Sequence[str]) -> _Desk:
    """Everything that packs need, worked out once for all organisations."""
    options = read_manifest(run).options
    questionnaire = read_questionnaire(settings.questionnaire_file(options.standard))
    tables = {name: read_table(run, f"collection/{name}") for name in ("organisations", "answers")}
    answers = gather_answers(tables, questionnaire)
    expectations = read_expectations(settings.expectations_file(options.standard))
    questions = _questions_by_type(group_answers(answers, questionnaire), questionnaire, expectations)
    given: dict[str, list[Answered]] = {}
    wanted = answers.filter(pl.col("org_code").is_in([code.upper() for code in only])) if only else answers
    for code, question_id, item, org_type, number, answer in wanted.iter_rows():
        given.setdefault(code, []).append(Answered(questions[org_type, question_id], item, answer, number))
    organisations = tables["organisations"].sort("org_code")
    names, types = (dict(zip(organisations["org_code"], organisations[of], strict=True)) for of in ("name", "org_type"))
    return _Desk(options.year, options.standard, names, types, given)


def _questions_by_type(
    groups: Mapping[tuple[str, str], Group], questionnaire: Questionnaire, expectations: Sequence[Expectation]
) -> dict[tuple[str, str], QuestionPut]:
    """Each question as it is put to each type; all types are shown beside it where it is put to more than one."""
    names = catalogue(questionnaire, ())
    types = Counter(question_id for _, question_id in groups)
    return {
        (org_type, question_id): QuestionPut(
            question=(question := questionnaire[question_id]),
            name=names[question.columns[0]],
            similar=similar,
            # All together are a group as well, so more than two groups mean more than one type.
            everybody=groups[EVERYBODY, question_id] if types[question_id] > 2 else None,
            expectations=tuple(
                one for one in expectations if question_id in one.questions and org_type in one.org_types
            ),
        )
        for (org_type, question_id), similar in groups.items()
        if org_type != EVERYBODY
    }


def _across(share: float) -> float:
    """Where a share of the scale lies in the picture of a figure."""
    return round(20 + 280 * share, 1)


def _sweep(folder: Path, codes: Sequence[str]) -> None:
    """Take away the packs of organisations that the run does not have."""
    for file in folder.iterdir():
        if file.suffix in {".html", ".pdf", ".xlsx"} and file.stem not in codes:
            file.unlink()


_COLUMNS: Final = {
    "Section": 18, "Question": 46, "Your answer": 24, "Best answer": 22, "Asked for by": 16, "What is asked": 50,
    "Organisations of your type": 40, "All that were asked": 40, "Lower quartile": 10, "Median": 10,
    "Upper quartile": 10, "Unit": 14, "Source": 40,
}  # fmt: skip


def _write_workbook(pack: Pack, file: Path) -> None:
    """The same as a workbook: the answers, the counts of each section, and how to read them."""
    with new_workbook(file, f"Benchmark pack: {pack.name}") as workbook:
        answers = [_row(section, answered) for section in pack.sections for answered in section.answers]
        write_sheet(workbook, "Answers", _COLUMNS, answers, frozen=2)
        counts = [[section.title, *(section.counts[place] for place in PLACES)] for section in pack.sections]
        headings = {"Section": 32} | dict.fromkeys(PLACES.values(), 12)
        write_sheet(workbook, "Sections", headings, counts, frozen=1)
        write_sheet(workbook, "How to read it", {"How to read it": 100}, [[line] for line in _HOW_TO_READ], frozen=0)


def _row(section: Section, answered: Answered) -> list[object]:
    put = answered.asked
    lower, upper = put.similar.quartiles or (None, None)
    item = {1: "First review: ", 2: "Second review: "}.get(answered.item, "")
    return [
        section.title,
        item + put.question.text,
        answered.said,
        in_words(put.best),
        put.asked_by or "no norm stated",
        "; ".join(expectation.words for expectation in put.expectations),
        _spread(put, put.similar),
        _spread(put, put.everybody) if put.everybody else "",
        lower,
        put.similar.median,
        upper,
        put.question.unit,
        put.question.basis,
    ]


def _spread(put: QuestionPut, group: Group) -> str:
    """What a group answered, in words."""
    if group.shares is None:
        return f"more than half: {put.says(group.majority)}" if group.majority else "too few to tell"
    return "; ".join(f"{put.says(answer)} {share}%" for answer, share in group.shares.items() if share)
