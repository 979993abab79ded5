"""Outcome forms as people live them: written, filled in, sent back by several, recorded once, corrected in the open."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import fastexcel
import polars as pl
import pytest
import xlsxwriter
from click.testing import CliRunner, Result

from crosscheck.cli import main
from crosscheck.collection.outcome_form import OUTCOME_FORM, Expected, read_outcomes
from crosscheck.collection.read import read_collection
from crosscheck.contract.inputs import INPUTS, SEEN
from crosscheck.questionnaire import Questionnaire
from crosscheck.report.visits.outcome_form import write_form as write_forms_of
from crosscheck.runs.run_folder import read_table
from crosscheck.store.audit import read_trail
from crosscheck.store.database import open_store
from crosscheck.store.records import list_visits
from tests.store.conftest import SmallRun

Form = list[dict[str, str]]
FINDING = {"visited_on": "2009-09-01", "assessor": "a117", "finding": "qualified"}


def crosscheck_(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def read_form(file: Path) -> Form:
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))


def write_form(form: Form, file: Path) -> Path:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, OUTCOME_FORM.schema.names())
        writer.writeheader()
        writer.writerows(form)
    return file


def fill(form: Form, finding: dict[str, str] = FINDING, seen: str = "seen", **more: str) -> Form:
    """Fill in all of a form: every declaration with the finding, every criterion with what was seen."""
    return [row | ({"seen": seen} if row["question_id"] else finding) | more for row in form]


@pytest.fixture(scope="session")
def sent(small_run: SmallRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sent") / "forms"
    result = crosscheck_("visits", "forms", "--run", small_run.folder, "--out", folder)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="session")
def codes(sent: Path) -> list[str]:
    """The organisations that have a form, those with two declarations first."""
    return sorted((file.stem for file in sent.glob("*.csv")), key=lambda code: (-len({
        row["function"] for row in read_form(sent / f"{code}.csv")}), code))  # fmt: skip


@pytest.fixture
def record(small_run: SmallRun, kept_url: str) -> Callable[..., Result]:
    """The command as it is given, on a store of each kind."""
    known = ("--run", small_run.folder, "--store", kept_url, "--by", "Ann Assessor")
    return lambda *arguments: crosscheck_("visits", "record", *arguments, *known)


def trail(url: str) -> list[str]:
    with open_store(url) as store, store.reading() as connection:
        return [row["what"] for row in read_trail(connection)]


def visits_of(url: str, run: SmallRun) -> list[tuple[str, str, str]]:
    with open_store(url) as store, store.reading() as connection:
        assert run.save(store)
        return [(row["org_code"], row["function"], row["finding"]) for row in list_visits(connection, 1)]


def test_every_declaration_of_compliance_to_visit_has_a_form_with_the_core_and_its_own_questions(
    sent: Path, small_run: SmallRun
) -> None:
    listed = read_table(small_run.folder, "visit_list").drop_nulls("selected_by")
    chosen = set(listed.select(pl.col("org_code", "function").cast(pl.String)).iter_rows())
    forms = [row for file in sent.glob("*.csv") for row in read_form(file)]
    assert {(row["org_code"], row["function"]) for row in forms} == chosen
    criteria = {
        key: {row["question_id"] for row in forms if (row["org_code"], row["function"]) == key} for key in chosen
    }
    core = set.intersection(*criteria.values()) - {""}
    assert {"human_resources.crb_checks", "governance.work_plan_approval", "policies.child_protection_policy"} <= core
    assert min(map(len, criteria.values())) >= 15


def test_the_workbook_offers_what_is_allowed_and_says_the_same_as_the_csv(sent: Path, codes: list[str]) -> None:
    book, form = sent / f"{codes[0]}.xlsx", read_form(sent / f"{codes[0]}.csv")
    with zipfile.ZipFile(book) as archive:
        offered = re.findall(r"<formula1>(.*?)</formula1>", archive.read("xl/worksheets/sheet1.xml").decode())
    assert set(offered) == {'"upheld,qualified"', f'"{",".join(SEEN)}"'}
    assert len(offered) == len(form), "one list of choices in each row"
    sheet = fastexcel.read_excel(book).load_sheet(OUTCOME_FORM.name, header_row=None, skip_rows=1, dtypes="string")
    assert [[cell or "" for cell in row] for row in sheet.to_polars().rows()] == [list(row.values()) for row in form]


def test_a_filled_workbook_and_a_csv_of_two_people_are_recorded_and_read_by_the_next_run(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path, small_run: SmallRun,
    questionnaire: Questionnaire,
) -> None:  # fmt: skip
    first, second = codes[:2]
    own = [{name: value or None for name, value in row.items()}
           for row in fill(read_form(sent / f"{first}.csv"), seen="not_offered")]  # fmt: skip
    write_forms_of(pl.DataFrame(own, dict.fromkeys(OUTCOME_FORM.schema.names(), pl.String)), tmp_path / "ann")
    write_form(fill(read_form(sent / f"{second}.csv"), seen="absent"), tmp_path / "bob.csv")
    result = record(tmp_path / "ann.xlsx", tmp_path / "bob.csv", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    filled = [row | {"seen": seen} for code, seen in ((first, "not_offered"), (second, "absent"))
              for row in read_form(sent / f"{code}.csv")]  # fmt: skip
    declarations = [row for row in filled if not row["question_id"]]
    assert f"RECORDED  {len(declarations)} visits, {len(filled) - len(declarations)} criteria" in result.output
    assert "heading" not in result.output, "the headings of our own workbook are no mistake"
    written = read_form(tmp_path / "out" / "visits.csv")
    arms = dict(read_table(small_run.folder, "visit_list").select("org_code", "selected_by").drop_nulls().iter_rows())
    assert list(written[0]) == INPUTS["visits"].schema.names()
    assert {(row["org_code"], row["function"], row["selected_by"], row["assessor"]) for row in written} == {
        (row["org_code"], row["function"], arms[row["org_code"]], "A117") for row in declarations
    }
    items = read_form(tmp_path / "out" / "visit_items.csv")
    said = ("org_code", "function", "question_id", "item", "seen")
    expected = sorted(tuple(row[name] for name in said) for row in filled if row["question_id"])
    assert sorted(tuple(row[name] for name in said) for row in items) == expected
    collection = tmp_path / "collection"
    collection.mkdir()
    for file in small_run.collection.glob("*.csv"):
        (collection / file.name).symlink_to(file)
    for name in ("visits", "visit_items"):
        (collection / f"{name}_wave_1.csv").unlink(missing_ok=True)
        (collection / f"{name}_wave_1.csv").write_bytes((tmp_path / "out" / f"{name}.csv").read_bytes())
    read = read_collection(collection, questionnaire, "2008/09", "C2")
    assert read.problems.filter(pl.col("file").str.contains("wave")).is_empty(), (
        "the collection's own reader takes them"
    )
    assert read.tables["visit_items_wave_1"].height == len(items)


def test_the_same_file_twice_changes_nothing_and_says_so(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path, kept_url: str
) -> None:
    file = write_form(fill(read_form(sent / f"{codes[0]}.csv")), tmp_path / "form.csv")
    assert record(file).exit_code == 0
    before = trail(kept_url)
    again = record(file, "--out", tmp_path / "out")
    assert again.exit_code == 0, again.output
    assert "RECORDED  0 visits, 0 criteria" in again.output
    assert "Nothing was changed." in again.output
    assert f"{len(read_form(file))} were recorded already" in again.output
    assert trail(kept_url) == before


def test_a_contradiction_is_refused_and_named_until_its_row_says_that_it_corrects(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path, kept_url: str, small_run: SmallRun
) -> None:
    form = read_form(sent / f"{codes[0]}.csv")
    record(write_form(fill(form), tmp_path / "first.csv"))
    other = fill(form, FINDING | {"finding": "upheld", "visited_on": "2009-08-01"})
    other[1] |= {"seen": "absent"}
    refused = record(write_form(other, tmp_path / "second.csv"))
    assert refused.exit_code == 20
    assert 'second.csv:2:finding "upheld": contradicts what Ann Assessor recorded at' in refused.output
    assert "qualified on 1 September 2009 by assessor A117" in refused.output
    assert 'second.csv:3:seen "absent": contradicts' in refused.output
    every = record(write_form(fill(form, FINDING, seen="absent"), tmp_path / "all.csv")).output
    rows = [int(row) for row in re.findall(r"all\.csv:(\d+):seen", every)]
    assert rows == sorted(rows)
    assert len(rows) == sum(bool(row["question_id"]) for row in form)
    assert visits_of(kept_url, small_run)[0] == (form[0]["org_code"], form[0]["function"], "qualified")
    corrected = [row | {"corrects": "The minute was found later."} for row in other]
    result = record(write_form(corrected, tmp_path / "third.csv"))
    assert result.exit_code == 0, result.output
    functions = {row["function"] for row in form}
    assert f"RECORDED  {len(functions)} visits, 1 criteria; {len(functions) + 1} of them corrections" in result.output
    standing = [row for row in visits_of(kept_url, small_run) if row[0] == form[0]["org_code"]]
    assert {finding for _, _, finding in standing} == {"upheld"}, "an earlier day corrects a later one, too"
    assert len(standing) == len(functions), "what was corrected counts no longer"
    assert trail(kept_url).count("visit recorded") == 2 * len(functions), "and is lost nowhere"
    assert "Nothing was changed." in record(tmp_path / "third.csv").output
    assert record(tmp_path / "first.csv").exit_code == 20, "what was corrected does not come back by itself"


def test_two_people_of_one_visit_add_to_each_other_and_contradict_each_other_by_name(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path
) -> None:
    form = read_form(sent / f"{codes[0]}.csv")
    findings = [row if row["question_id"] else row | FINDING for row in form]
    seen = [row | ({"seen": "seen"} if row["question_id"] else {}) for row in form]
    alone = record(write_form(seen, tmp_path / "colleague.csv"))
    assert alone.exit_code == 20
    assert "criteria of" in alone.output
    assert "no finding of the visit" in alone.output
    lead = write_form(findings, tmp_path / "lead.csv")
    result = record(tmp_path / "colleague.csv", lead)
    assert result.exit_code == 0, result.output
    otherwise = write_form(
        [row | {"seen": "absent"} if row["question_id"] else row for row in form], tmp_path / "third.csv"
    )
    together = record(tmp_path / "colleague.csv", otherwise)
    assert together.exit_code == 20
    assert 'third.csv:3:seen "absent": It contradicts colleague.csv, row 3 (seen)' in together.output


def test_no_remark_is_lost_where_two_people_say_the_same_and_sending_it_again_changes_nothing(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path, kept_url: str, small_run: SmallRun
) -> None:
    form = fill(read_form(sent / f"{codes[0]}.csv"))
    files = [
        write_form([row | {"remark": remark} if at < 2 else row for at, row in enumerate(form)], tmp_path / name)
        for name, remark in (("ann.csv", ""), ("ben.csv", "The minute is of June."), ("cy.csv", "=Seen, too"))
    ]
    record(files[0])
    for given in (files[1:2], files):
        result = record(*given)
        assert result.exit_code == 0, result.output
        assert "RECORDED  1 visits, 1 criteria; 0 of them corrections" in result.output
        assert "2 say what was recorded already and add a remark" in result.output
    before = trail(kept_url)
    for given in (files, files[:1], files[1:2], files[2:]):
        assert "Nothing was changed." in record(*given).output
    assert trail(kept_url) == before
    with open_store(kept_url) as store, store.reading() as connection:
        noted = [row["note"] for row in list_visits(connection, 1) if row["org_code"] == form[0]["org_code"]]
        seen = [row["details"] for row in read_trail(connection) if row["what"] == "criteria recorded"]
    assert "The minute is of June.; =Seen, too" in noted, "each stands in what is recorded"
    assert len(noted) == len({row["function"] for row in form}), "and no visit stands twice"
    assert "The minute is of June.; =Seen, too" in str(seen[-1])


def test_a_correction_keeps_its_remark_beside_its_reason(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path, kept_url: str
) -> None:
    form = fill(read_form(sent / f"{codes[0]}.csv"))
    record(write_form(form, tmp_path / "first.csv"))
    form[1] |= {"seen": "absent", "corrects": "Another policy was shown.", "remark": "Ask again in May."}
    assert record(write_form(form, tmp_path / "second.csv")).exit_code == 0
    with open_store(kept_url) as store, store.reading() as connection:
        last = [row["details"] for row in read_trail(connection) if row["what"] == "criteria recorded"][-1]
    assert "Another policy was shown.; Ask again in May." in str(last)


def test_all_that_is_wrong_is_said_at_once_with_file_row_column_and_what_is_allowed(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path, kept_url: str
) -> None:
    form = fill(read_form(sent / f"{codes[0]}.csv"))
    form[0] |= {"visited_on": "2012-09-01", "finding": "uphold it"}
    form[1] |= {"seen": "perhaps", "question_id": "human_resources.crb_check"}
    form[2] |= {"assessor": "A117"}
    form[3] |= {"function": "whole" if form[3]["function"] != "whole" else "provider"}
    form[4] |= {"seen": "", "remark": "=cmd|' /C calc'!A0"}
    form[5] |= {"run": "0123456789abcdef"}
    before = trail(kept_url)
    result = record(write_form(form, tmp_path / "form.csv"), tmp_path / "nowhere.csv")
    assert result.exit_code == 20
    for words in (
        'form.csv:2:visited_on "2012-09-01": The day is outside the season',
        "give a day from 2008-03-31 to 2011-03-31.",
        'form.csv:2:finding "uphold it":',
        "upheld, qualified",
        'form.csv:3:seen "perhaps":',
        "seen, not_offered, absent",
        'form.csv:3:question_id "human_resources.crb_check": There is no such question',
        "did you mean human_resources.crb_checks?",
        'form.csv:4:assessor "A117": The row is that of a criterion;',
        "form.csv:5:function",
        "The organisation has no such declaration in this run",
        "form.csv:6:seen: There is a remark or a correction, but not what was seen;",
        'form.csv:7:run "0123456789abcdef": The row belongs to the form of another run;',
        "nowhere.csv",
    ):
        assert words in result.output, words
    assert trail(kept_url) == before
    assert "Traceback" not in result.output


def test_a_column_filled_in_where_it_does_not_belong_is_one_problem_with_one_remedy(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path
) -> None:
    form = [row | FINDING | {"assessor": "zoë ł", "seen": "seen" if row["question_id"] else ""}
            for row in read_form(sent / f"{codes[0]}.csv")]  # fmt: skip
    criteria = [row for row in form if row["question_id"]]
    assert len(criteria) > 20, "more than are named one by one"
    refused = record(write_form(form, tmp_path / "form.csv"))
    assert refused.exit_code == 20
    of_assessor = [line for line in refused.output.splitlines() if ":assessor " in line]
    assert len(of_assessor) == 1, refused.output
    assert f"It stands so in {len(criteria) - 1} further rows" in " ".join(refused.output.split())
    assert "write ZOË Ł" not in refused.output


def test_every_row_is_in_exactly_one_of_the_counts(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path
) -> None:
    form = read_form(sent / f"{codes[0]}.csv")
    partly = [row if number % 3 == 2 else fill([row])[0] for number, row in enumerate(form)]
    partly += [
        row | FINDING for row in form if not row["question_id"] and not any(one == row | FINDING for one in partly)
    ]
    again = [fill([row], corrects="It was read anew.")[0] for row in form[:5]]
    files = [write_form(rows, tmp_path / f"{name}.csv") for name, rows in (("partly", partly), ("again", again))]
    result = record(*files, sent / f"{codes[1]}.xlsx")
    assert result.exit_code == 0, result.output
    counts = [
        int(found.replace(",", ""))
        for found in re.findall(r"^ +([\d,]+)  (?=findings|criteria|say|not)", result.output, re.M)
    ]
    rows = len(partly) + len(again) + len(read_form(sent / f"{codes[1]}.csv"))
    assert f"READ  {rows} rows of 3 forms" in result.output
    assert len(counts) == 4
    assert sum(counts) == rows


def test_a_form_that_nobody_filled_in_records_nothing(
    sent: Path, codes: list[str], record: Callable[..., Result], kept_url: str
) -> None:
    before, rows = trail(kept_url), len(read_form(sent / f"{codes[0]}.csv"))
    result = record(sent / f"{codes[0]}.xlsx")
    assert result.exit_code == 0, result.output
    assert f"READ  {rows} rows of 1 form" in result.output
    assert f"{rows:>6}  not filled in" in result.output
    assert trail(kept_url) == before


def test_forms_of_two_people_that_are_called_alike_are_told_apart_by_their_folders(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path
) -> None:
    form, name = read_form(sent / f"{codes[0]}.csv"), f"{codes[0]}.csv"
    for person, finding in (("ann", "upheld"), ("ben", "qualified")):
        (tmp_path / person).mkdir()
        write_form(fill(form, FINDING | {"finding": finding}), tmp_path / person / name)
    ann, ben = tmp_path / "ann" / name, tmp_path / "ben" / name
    refused = record(ann, ben)
    assert refused.exit_code == 20
    assert f'{ann}:2:finding "upheld": It contradicts {ben}, row 2 (qualified);' in refused.output
    assert f'{ben}:2:finding "qualified": It contradicts {ann}, row 2 (upheld);' in refused.output
    ben.write_text("", encoding="utf-8")
    assert f"{ben} is empty" in record(ann, ben).output


def test_each_form_of_a_workbook_is_read_and_a_sheet_that_is_none_is_named(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path
) -> None:
    filled = [fill(read_form(sent / f"{code}.csv")) for code in codes[:2]]
    book = tmp_path / "both.xlsx"
    with xlsxwriter.Workbook(book) as workbook:
        for form in filled:
            sheet = workbook.add_worksheet(form[0]["org_code"])
            for at, row in enumerate([dict(zip(form[0], form[0], strict=True)), *form]):
                sheet.write_row(at, 0, list(row.values()))
        workbook.add_worksheet("Notes").write(0, 0, "Ask for the minutes")
    result = record(book)
    assert result.exit_code == 0, result.output
    rows = sum(map(len, filled))
    visits = sum(not row["question_id"] for form in filled for row in form)
    assert f"READ  {rows} rows of 2 forms" in result.output
    assert f"RECORDED  {visits} visits, {rows - visits} criteria" in result.output
    assert "both.xlsx, sheet Notes: The sheet is not the one that is asked for; it was not read." in result.output


def test_an_unknown_code_is_named_and_what_concerns_a_whole_file_names_no_row(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path
) -> None:
    form = fill(read_form(sent / f"{codes[0]}.csv"))
    refused = record(write_form([form[0] | {"org_code": "ZZZ"}, *form[1:]], tmp_path / "form.csv"))
    assert 'form.csv:2:org_code "ZZZ": This run has no organisation with this code; ' in refused.output
    assert "no such declaration" not in refused.output
    other = tmp_path / "other.csv"
    write_form([row | {"remark": "café"} for row in form], other)
    other.write_bytes(other.read_text(encoding="utf-8").encode("cp1252", "replace"))
    result = record(other)
    assert result.exit_code == 0, result.output
    assert "other.csv: The file is not in UTF-8; it was read as Windows-1252." in result.output
    assert "None" not in result.output


def test_a_form_of_another_run_is_refused_whole(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path
) -> None:
    result = record(
        write_form(fill(read_form(sent / f"{codes[0]}.csv"), run="ffff000011112222"), tmp_path / "form.csv")
    )
    assert result.exit_code == 20
    assert "form.csv:run: The form does not belong to this run" in result.output
    assert "give the run that the form was written for with --run." in result.output


def test_a_code_that_a_spreadsheet_made_a_number_of_is_put_back(questionnaire: Questionnaire, tmp_path: Path) -> None:
    row = dict.fromkeys(OUTCOME_FORM.schema.names(), "") | FINDING
    file = write_form([row | {"org_code": "5.00E+00", "function": "provider", "run": "7bf1"}], tmp_path / "form.csv")
    declared = pl.DataFrame({"org_code": ["5E0"], "function": ["provider"]})
    read = read_outcomes([file], Expected("7bf1", "C2", declared, date(2009, 4, 1), date(2010, 3, 31)), questionnaire)
    assert read.visits["org_code"].to_list() == ["5E0"]
    assert "read as 5E0" in read.mended["problem"].str.join(" ").item()


def test_a_column_that_somebody_added_is_named_and_takes_nothing_from_the_others(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path
) -> None:
    form = pl.DataFrame(fill(read_form(sent / f"{codes[0]}.csv"))).with_columns(weather=pl.lit("rain"))
    form.write_csv(tmp_path / "form.csv")
    result = record(tmp_path / "form.csv")
    assert result.exit_code == 0, result.output
    assert "form.csv:1:weather: The table has no such column; its cells were not read" in result.output


def test_hostile_remarks_are_kept_as_text_and_never_run(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path, kept_url: str
) -> None:
    hostile = "=HYPERLINK(1); DROP TABLE visit_record; <script>'\"\x07"
    result = record(write_form(fill(read_form(sent / f"{codes[0]}.csv"), remark=hostile), tmp_path / "form.csv"))
    assert result.exit_code == 0, result.output
    with open_store(kept_url) as store, store.reading() as connection:
        notes = {row["note"] for row in list_visits(connection, 1)}
    assert notes == {"=HYPERLINK(1); DROP TABLE visit_record; <script>'\""}


def test_a_visit_recorded_without_a_form_is_completed_by_one_and_its_run_stays(
    sent: Path, codes: list[str], record: Callable[..., Result], tmp_path: Path, kept_url: str, small_run: SmallRun
) -> None:
    form = read_form(sent / f"{codes[0]}.csv")
    where = (form[0]["org_code"], "--run", form[0]["run"], "--function", form[0]["function"], "--store", kept_url)
    said = ("--on", "2009-09-01", "--found", "qualified", "--by", "Bob", "--because", "The policy was not there.")
    assert crosscheck_("visits", "record-one", *where, *said).exit_code == 0
    result = record(write_form(fill(form), tmp_path / "form.csv"))
    assert result.exit_code == 0, result.output
    standing = [row for row in visits_of(kept_url, small_run) if row[:2] == (form[0]["org_code"], form[0]["function"])]
    assert len(standing) == 1
    deleted = crosscheck_("runs", "delete", form[0]["run"], "--store", kept_url)
    assert deleted.exit_code != 0
