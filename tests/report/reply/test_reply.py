"""The right of reply as people live it: a letter and a form go out, replies come back, corrections are accepted."""

from __future__ import annotations

import csv
import hashlib
import html
import io
import json
import re
import shutil
import tomllib
from datetime import date
from pathlib import Path

import fastexcel
import pikepdf
import polars as pl
import pytest
from click.testing import CliRunner, Result
from playwright.sync_api import Browser

from crosscheck.cli import main
from crosscheck.cli.terminal import Steps
from crosscheck.collection.corrections import Decision, choose_accepted
from crosscheck.contract.reply_form import CORRECTION, REPLY_FORM
from crosscheck.errors import ReplyError
from crosscheck.questionnaire import Questionnaire
from crosscheck.report.output.html import sentence
from crosscheck.report.reply.corrected_run import make_corrected_run
from crosscheck.report.reply.replies import propose_waivers, read_decisions
from crosscheck.report.reply.reply_form import _cite, write_form
from crosscheck.report.write_pages import write_pages
from crosscheck.risk.items import VERIFIED
from crosscheck.rulebook.waivers import Waiver
from crosscheck.runs.make_run import standard_of_run
from crosscheck.runs.reply_items import list_reply_items
from crosscheck.runs.run_folder import read_json, read_table
from crosscheck.standard import Standard
from tests.conftest import make_run
from tests.few import cut_collection, each_tenth
from tests.looking import WIDTHS, open_page, overflow, thin_out, violations

ORG, OTHER = "5ZA", "R3G"
QUESTION, CHECK = "human_resources.safe_recruitment_training", "C2-HR-02"
ITEM = f"{ORG}/{CHECK}/both"
EXPLAINED = f"{ORG}/C2-TRN-18/both"
DECISION = ("--by", "A. Assessor", "--on", "2009-06-02", "--because", 'The "certificates" were seen')
THEIRS = (pl.col("org_code") == ORG) & (pl.col("check_id") == CHECK)

Form = list[dict[str, str]]


# The two, one that was visited and a party of its case review, among some others.
AMONG = (ORG, OTHER, "5E0", "R96")


def crosscheck_(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def read_form(file: Path) -> Form:
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))


def digests(folder: Path, *but: str) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name not in but)
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def told_without_seconds(run: Path) -> dict[str, object]:
    return {name: value for name, value in read_json(run, "manifest.json").items() if name != "seconds"}


def altered(run: Path, folder: Path, **files: bytes) -> Path:
    """A run that is the same but for some files; nobody writes into the one that all share."""
    shutil.copytree(run, folder, copy_function=lambda source, to: Path(to).symlink_to(source))
    for name, content in files.items():
        file = folder / name.replace("_json", ".json").replace("_parquet", ".parquet")
        file.unlink()
        file.write_bytes(content)
    return folder


def as_parquet(table: pl.DataFrame) -> bytes:
    held = io.BytesIO()
    table.write_parquet(held)
    return held.getvalue()


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part of the embedded collection."""
    return cut_collection(tmp_path_factory.mktemp("part") / "collection", [*AMONG, *each_tenth()])


@pytest.fixture(scope="module")
def made_run(part: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of it; nobody may write into it."""
    folder = tmp_path_factory.mktemp("made") / "run"
    make_run(part, folder)
    return folder


@pytest.fixture(scope="module")
def forms(made_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sent") / "forms"
    only = ("--only", ORG.lower(), "--only", OTHER, "--reply-by", "31 May 2009", "--reply-to", "the <review> team")
    told = crosscheck_("reply", "form", "--run", made_run, "--out", folder, *only, "--pdf")
    assert told.exit_code == 0, told.output
    return folder


@pytest.fixture(scope="module")
def filled(forms: Path, questionnaire: Questionnaire, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbook of one organisation, filled in: one answer corrected, one finding explained, one agreed with."""
    replies = {
        ITEM: {"reply": "correct", "corrected_answer": "most", "evidence": "certificates", "signed_by": "J. Smith"},
        EXPLAINED: {"reply": "explain", "remark": "=HYPERLINK(1)"},
        f"{ORG}/C2-GOV-02/both": {"reply": "agree"},
    }
    rows = [row | replies.get(row["item"], {}) for row in read_form(forms / f"{ORG}.csv")]
    form = pl.DataFrame(
        [{name: value or None for name, value in row.items()} for row in rows], infer_schema_length=None
    )
    stem = tmp_path_factory.mktemp("came back") / "form"
    write_form(form.cast(dict(REPLY_FORM.schema)), questionnaire, stem)  # type: ignore[arg-type]
    return stem.with_suffix(".xlsx")


@pytest.fixture(scope="module")
def replies(filled: Path, made_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("read") / "replies"
    before = digests(made_run)
    told = crosscheck_("reply", "read", filled, "--run", made_run, "--out", folder)
    assert told.exit_code == 0, told.output
    assert "3 with a reply" in told.output
    assert digests(made_run) == before, "a reply changes nothing by itself"
    return folder


@pytest.fixture(scope="module")
def known(replies: Path, made_run: Path) -> pl.DataFrame:
    return read_decisions(made_run, [replies])


@pytest.fixture(scope="module")
def corrected(replies: Path, made_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corrected") / "run"
    before = digests(made_run)
    accept = ("reply", "accept", replies, "--run", made_run, "--out", folder, *DECISION)
    told = crosscheck_(*accept, "--item", ITEM.lower(), "--item", EXPLAINED)
    assert told.exit_code == 0, told.output
    assert digests(made_run) == before, "both versions are kept"
    (folder.parent / "told.txt").write_text(told.output, encoding="utf-8")
    return folder


def test_every_finding_that_differs_and_only_such_a_one_is_an_item(made_run: Path, forms: Path) -> None:
    findings = read_table(made_run, "findings").filter(pl.col("verdict") == "differs")
    for org_code in (ORG, OTHER):
        theirs = findings.filter(pl.col("org_code") == org_code)
        told = {
            (row["check_id"], function)
            for row in read_form(forms / f"{org_code}.csv")
            for function in row["functions"].split(" and ")
            if row["check_id"]
        }
        assert told == set(theirs.select("check_id", "function").iter_rows())
        letter = (forms / f"{org_code}.html").read_text(encoding="utf-8")
        for says in theirs["says"]:
            assert says.split("&")[0].split("'")[0][:60] in letter


def test_a_letter_lists_whatever_else_counts_against_a_declaration(made_run: Path, forms: Path) -> None:
    parts = read_table(made_run, "parts").filter(pl.col("decibans") > 0)
    for org_code in (ORG, OTHER):
        letter = html.unescape((forms / f"{org_code}.html").read_text(encoding="utf-8"))
        theirs = parts.filter(pl.col("org_code") == org_code)
        for family, mark in (("figures", ": "), ("answers", " Answer: "), ("facts", " Answer: "), ("history", "\n")):
            for reason in theirs.filter(pl.col("family") == family)["reason"]:
                assert reason.split(mark)[0] in letter, (org_code, reason)
        listed = {row["item"].split("/")[1] for row in read_form(forms / f"{org_code}.csv")}
        alone = theirs.filter(pl.col("family").is_in(["history", "silence"]))
        assert set(alone["part"]) <= listed


def test_each_item_is_headed_by_the_finding_and_never_by_what_we_expected(made_run: Path, forms: Path) -> None:
    letter = html.unescape((forms / f"{ORG}.html").read_text(encoding="utf-8"))
    headings = [re.sub(r"^\d+\. ", "", heading) for heading in re.findall(r"<h3[^>]*>(.*?)</h3>", letter)]
    links = re.findall(r'<a href="#item-\d+">(.*?)</a>', letter)
    form = [row for row in read_form(forms / f"{ORG}.csv") if row["check_id"]]
    assert links
    assert set(links) <= set(headings) == {row["what_we_intend_to_rely_on"] for row in form}
    assert not set(headings) & {row["expected"] for row in form}
    answered = "Are the competencies|Which staff|How many|Is there|Does"
    assert re.search(rf"<dt>Your return says</dt>\s*<dd>(?:{answered})", letter)
    assert letter.count("We expected: ") == len(headings)


def test_an_explained_figure_is_kept_and_offers_no_waiver(made_run: Path, forms: Path, tmp_path: Path) -> None:
    rows = read_form(forms / f"{ORG}.csv")
    figure = next(row for row in rows if row["item"].startswith(f"{ORG}/staff_survey."))
    assert (figure["check_id"], figure["question"], figure["expected"]) == ("", "", "")
    figure |= {"reply": "explain", "remark": "The survey was of another site", "signed_by": "C. Chief"}
    with (tmp_path / "form.csv").open("w", encoding="utf-8", newline="") as written:
        writer = csv.DictWriter(written, list(figure))
        writer.writeheader()
        writer.writerow(figure)
    told = crosscheck_("reply", "read", tmp_path / "form.csv", "--run", made_run, "--out", tmp_path / "replies")
    assert told.exit_code == 0, told.output
    replies = read_decisions(made_run, [tmp_path / "replies"])
    accepted = choose_accepted(replies, [figure["item"]], Decision("A. Assessor", date(2009, 6, 2), "It was seen"))
    assert propose_waivers(made_run, accepted).splitlines() == [
        f"# {figure['item']}: no rule differs here, so there is nothing to waive; take it into the decision."
    ]


def test_the_letter_names_the_rows_of_the_form_that_hold_an_item(forms: Path) -> None:
    says = [row["what_we_intend_to_rely_on"] for row in read_form(forms / f"{ORG}.csv")]
    page = html.unescape((forms / f"{ORG}.html").read_text(encoding="utf-8"))
    named = re.findall(
        r'<h3 id="item-\d+">\d+\. (.+?)</h3>.*?<dt>In the form</dt>\n<dd>Rows? ([\d, and]+)', page, re.DOTALL
    )
    assert len(named) > 5
    for item, rows in named:
        assert {says[int(number) - 2] for number in re.findall(r"\d+", rows)} == {item}


def test_json_of_replies_is_one_document_and_what_was_set_aside_is_said_beside_it(
    filled: Path, made_run: Path, tmp_path: Path
) -> None:
    form = pl.read_excel(filled, infer_schema_length=None)
    beyond = form.head(1).with_columns(item=pl.lit("ZZZ/C2-HR-02/both"))
    beyond.write_csv(tmp_path / "beyond.csv")
    out = ("--run", made_run, "--out", tmp_path / "replies")
    told = crosscheck_("reply", "read", tmp_path / "beyond.csv", *out, "--format", "json")
    assert told.exit_code == 1
    assert isinstance(json.loads(told.stdout), list)
    assert "beyond.csv:2:item" in told.stderr


def test_the_form_is_the_same_as_csv_and_as_workbook(forms: Path) -> None:
    for org_code in (ORG, OTHER):
        sheet = fastexcel.read_excel(forms / f"{org_code}.xlsx").load_sheet(0, dtypes="string").to_polars()
        rows = [{key.replace(" ", "_"): cell or "" for key, cell in row.items()} for row in sheet.to_dicts()]
        assert rows == read_form(forms / f"{org_code}.csv")


def test_neither_letter_nor_form_says_anything_of_risk_rank_or_who_is_visited(made_run: Path, forms: Path) -> None:
    listed = read_table(made_run, "visit_list").filter(pl.col("org_code").is_in([ORG, OTHER]))
    for file in (*forms.glob("*.html"), *forms.glob("*.csv")):
        text = file.read_text(encoding="utf-8").lower()
        assert not re.search(r"deciban|\brank\b|\bdb\b|probab|severity|chosen for|visit list", text), file
        for risk in listed["risk"]:
            assert f"{risk:.1%}" not in text


def test_a_letter_names_whose_account_it_is_and_tells_the_words_of_a_remark(made_run: Path, tmp_path: Path) -> None:
    told = crosscheck_("reply", "form", "--run", made_run, "--out", tmp_path / "forms", "--only", "5E0")
    assert told.exit_code == 0, told.output
    letter = (tmp_path / "forms" / "5E0.html").read_text(encoding="utf-8")
    names = dict(read_table(made_run, "names").select("code", "name").iter_rows())
    assert f"{names['R96']} (R96), another party of the same case review" in letter.replace("&#39;", "'")
    comments = read_table(made_run, "collection/comments")
    theirs = comments.filter(org_code="5E0", author="lscb", year="2008/09", standard="C2")
    assert f"“{theirs['text'][0]}”" in html.unescape(letter)
    strangers = set(names) - {"5E0"} - set(re.findall(r"\((\w+)\), a", letter))
    assert not strangers & set(re.findall(r"\b(?:5|R)\w\w\b", letter)), "nobody's account but what an item rests on"


def test_the_same_run_gives_the_same_bytes(made_run: Path, forms: Path, tmp_path: Path) -> None:
    only = ("--only", OTHER, "--only", ORG, "--reply-by", "31 May 2009", "--reply-to", "the <review> team")
    assert crosscheck_("reply", "form", "--run", made_run, "--out", tmp_path / "again", *only, "--pdf").exit_code == 0
    assert digests(tmp_path / "again", "forms.json") == digests(forms, "forms.json")


def test_hostile_text_is_shown_as_text(made_run: Path, tmp_path: Path) -> None:
    bad, formula = "<script>alert(1)</script>", "=cmd|' /C calc'!A0"
    listed = read_table(made_run, "names").with_columns(name=pl.lit(bad))
    findings = read_table(made_run, "findings").with_columns(
        says=pl.when(pl.col("verdict") == "differs").then(pl.lit(formula))
    )
    run = altered(made_run, tmp_path / "run", names_parquet=as_parquet(listed), findings_parquet=as_parquet(findings))
    assert crosscheck_("reply", "form", "--run", run, "--out", tmp_path / "forms", "--only", ORG).exit_code == 0
    letter = (tmp_path / "forms" / f"{ORG}.html").read_text(encoding="utf-8")
    assert bad not in letter
    assert "&lt;script&gt;" in letter
    rows = read_form(tmp_path / "forms" / f"{ORG}.csv")
    assert {row["what_we_intend_to_rely_on"] for row in rows if row["check_id"]} == {f"'{formula}"}


def test_what_is_waived_is_no_item(made_run: Path, tmp_path: Path) -> None:
    waived = read_table(made_run, "findings").with_columns(waived=pl.when(THEIRS).then(pl.lit("Waived by …")))
    run = altered(made_run, tmp_path / "run", findings_parquet=as_parquet(waived))
    assert crosscheck_("reply", "form", "--run", run, "--out", tmp_path / "forms", "--only", ORG).exit_code == 0
    items = {row["item"] for row in read_form(tmp_path / "forms" / f"{ORG}.csv")}
    assert ITEM not in items
    assert EXPLAINED in items


def test_an_organisation_that_is_not_there_is_told(made_run: Path, tmp_path: Path) -> None:
    told = crosscheck_("reply", "form", "--run", made_run, "--out", tmp_path / "forms", "--only", "ZZZ")
    assert told.exit_code == 7
    assert "ZZZ" in told.output


def test_what_was_said_is_kept_as_given_and_as_understood(replies: Path, made_run: Path) -> None:
    kept = pl.read_csv(replies / "replies.csv", infer_schema=False)
    of_item = kept.filter(pl.col("item") == ITEM).to_dicts()
    assert [(row["question"], row["your_answer"], row["corrected_answer"]) for row in of_item] == [
        (QUESTION, "none", "most")
    ]
    assert kept["signed_by"].unique().to_list() == ["J. Smith"]
    explained = kept.filter(pl.col("item") == EXPLAINED)
    assert explained["remark"].to_list() == ["'=HYPERLINK(1)"], "no spreadsheet runs it"


def test_a_form_of_another_run_is_refused(filled: Path, made_run: Path, tmp_path: Path) -> None:
    other = altered(made_run, tmp_path / "other", rulebook_json=b"[]")
    told = crosscheck_("reply", "read", filled, "--run", other, "--out", tmp_path / "replies")
    assert told.exit_code == 9
    assert "is not a form of this run" in told.output
    assert not (tmp_path / "replies").exists()


def test_an_accepted_correction_changes_the_verdict_and_lowers_its_part(corrected: Path, made_run: Path) -> None:
    verdicts = [
        read_table(run, "findings").filter(THEIRS)["verdict"].cast(pl.String).to_list() for run in (made_run, corrected)
    ]
    assert verdicts == [["differs"] * 2, ["agrees"] * 2]
    of_answer = (pl.col("org_code") == ORG) & pl.col("part").is_in([QUESTION, CHECK, VERIFIED])
    before, after = (read_table(run, "parts").filter(of_answer) for run in (made_run, corrected))
    for function in before["function"].unique():
        sums = [parts.filter(pl.col("function") == function)["decibans"].sum() for parts in (before, after)]
        assert sums[1] < sums[0], function
    risks = [
        read_table(run, "visit_list").filter(pl.col("org_code") == ORG).sort("function")["risk"]
        for run in (made_run, corrected)
    ]
    assert (risks[1] < risks[0]).all()


def test_nothing_else_of_the_collection_changes(corrected: Path, made_run: Path) -> None:
    for file in sorted((made_run / "collection").iterdir()):
        before, after = (pl.read_parquet(run / "collection" / file.name) for run in (made_run, corrected))
        if file.stem != "answers":
            assert after.equals(before), file.stem
            continue
        assert after.schema == before.schema
        answer = (pl.col("org_code") == ORG) & (pl.col("question_id") == QUESTION)
        assert after.filter(~answer).equals(before.filter(~answer))
        assert after.filter(answer)["level"].to_list() == ["most"]
    told, was = (read_json(run, "manifest.json") for run in (corrected, made_run))
    assert {name: told[name] for name in ("options", "inputs", "rules", "models", "seed")} == {
        name: was[name] for name in ("options", "inputs", "rules", "models", "seed")
    }


def test_but_for_whose_account_it_is_the_corrected_run_is_that_of_a_collection_right_from_the_beginning(
    corrected: Path, part: Path, tmp_path: Path
) -> None:
    """An accepted reply is a fact and no own account: no part of the risk rests on the answer as returned."""
    right = shutil.copytree(part, tmp_path / "right")
    answers = (right / "answers.csv").read_text(encoding="utf-8")
    changed, count = re.subn(rf"(?m)^({ORG},{re.escape(QUESTION)},,)none$", r"\1most", answers)
    assert count == 1
    (right / "answers.csv").write_text(changed, encoding="utf-8")
    make_run(right, tmp_path / "run")
    for name in ("cases", "scores", "pooled", "ties", "duties"):
        assert read_table(tmp_path / "run", name).equals(read_table(corrected, name)), name
    verdicts = [read_table(run, "findings").drop("weight", "could_add") for run in (tmp_path / "run", corrected)]
    assert verdicts[0].equals(verdicts[1])
    parts = {
        run: read_table(run, "parts").filter(pl.col("org_code") == ORG)["part"] for run in (tmp_path / "run", corrected)
    }
    assert VERIFIED not in parts[tmp_path / "run"]
    assert QUESTION not in parts[corrected]


def test_accepting_the_same_in_the_file_gives_the_same_bytes(
    corrected: Path, replies: Path, made_run: Path, tmp_path: Path
) -> None:
    decision = {"accepted": "Yes", "decided_by": "A. Assessor", "decided_on": "02/06/2009"}
    folder = decided(replies, tmp_path / "replies", **decision, because='The "certificates" were seen')
    told = crosscheck_("reply", "accept", folder, "--run", made_run, "--out", tmp_path / "run")
    assert told.exit_code == 0, told.output
    assert digests(tmp_path / "run", "manifest.json") == digests(corrected, "manifest.json")
    assert told_without_seconds(tmp_path / "run") == told_without_seconds(corrected)


def test_a_corrected_run_says_what_it_corrects_and_who_accepted_what(corrected: Path, forms: Path) -> None:
    parent = json.loads((forms / "forms.json").read_text(encoding="utf-8"))["run"]
    assert read_json(corrected, "manifest.json")["corrects"]["run"] == parent
    listed = pl.read_csv(corrected / "corrections.csv", infer_schema=False)
    assert listed.columns == CORRECTION.schema.names()
    assert listed.to_dicts() == [
        {
            "org_code": ORG, "question": QUESTION, "item": ITEM, "before": "none", "after": "most",
            "evidence": "certificates", "remark": None, "signed_by": "J. Smith", "replied_on": None,
            "accepted_by": "A. Assessor", "accepted_on": "2009-06-02", "because": 'The "certificates" were seen',
        }
    ]  # fmt: skip


def test_before_and_after_tells_every_verdict_that_changed_and_how_many_others_moved(
    corrected: Path, made_run: Path
) -> None:
    long = pl.read_csv(corrected / "before_and_after.csv", infer_schema=False)
    keys = ["org_code", "function", "check_id"]
    before, after = (
        {row[:3]: row[3] for row in read_table(run, "findings").select(*keys, pl.col("verdict").cast(pl.String)).rows()}
        for run in (made_run, corrected)
    )
    changed = {(*key, verdict, after[key]) for key, verdict in before.items() if after[key] != verdict}
    told = long.filter(pl.col("kind") == "finding").drop("kind")
    assert set(told.iter_rows()) == changed
    ranks = [
        {row[:2]: row[2] for row in read_table(run, "visit_list").select("org_code", "function", "rank").rows()}
        for run in (made_run, corrected)
    ]
    places = [abs(ranks[1][key] - rank) for key, rank in ranks[0].items() if key[0] != ORG]
    moved = sum(one >= 5 for one in places)
    sentence = f"Of {len(places)} other declarations, {moved} moved by 5 places or more; the farthest by {max(places)}."
    assert sentence in (corrected / "before_and_after.html").read_text(encoding="utf-8")
    assert sentence in (corrected.parent / "told.txt").read_text(encoding="utf-8")


def test_an_explanation_changes_no_answer_and_is_offered_as_a_waiver(
    corrected: Path, known: pl.DataFrame, made_run: Path, tmp_path: Path
) -> None:
    explained = choose_accepted(known, [EXPLAINED], Decision("A. Assessor", date(2009, 6, 2), 'It "was" \\ seen'))
    text = propose_waivers(made_run, explained)
    waivers = [Waiver.model_validate(entry) for entry in tomllib.loads(text)["waiver"]]
    assert [(one.rule, one.org_code, one.function, one.why) for one in waivers] == [
        ("C2-TRN-18", ORG, function, 'It "was" \\ seen') for function in ("commissioner", "provider")
    ]
    assert all(one.until >= one.decided_on for one in waivers)
    assert "[[waiver]]" in (corrected.parent / "told.txt").read_text(encoding="utf-8")
    assert make_corrected_run(made_run, explained, tmp_path / "run", Steps(), write_pages) is None
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("items", "decision", "words"),
    [
        ([f"{ORG}/C2-GOV-02/both"], Decision("A", date(2009, 6, 2), "seen"), "nothing to accept"),
        ([f"{ORG}/C2-XX-99/both"], Decision("A", date(2009, 6, 2), "seen"), "there is no reply to it"),
        ([ITEM], Decision("A", date(2009, 6, 2), " "), "--because"),
        ([ITEM], Decision("A", None, "seen"), "--on"),
        ([], Decision("A", date(2009, 6, 2), "seen"), "No reply is accepted"),
    ],
)
def test_what_can_not_be_accepted_is_told(
    items: list[str], decision: Decision, words: str, known: pl.DataFrame
) -> None:
    with pytest.raises(ReplyError) as refused:
        choose_accepted(known, items, decision)
    assert words in str(refused.value)


def decided(replies: Path, folder: Path, **decision: str) -> Path:
    """The replies with a decision on the correction, as an assessor writes it into the file."""
    shutil.copytree(replies, folder)
    kept = read_form(folder / "replies.csv")
    rows = [row | (decision if row["item"] == ITEM else {}) for row in kept]
    with (folder / "replies.csv").open("w", encoding="cp1252", newline="") as lines:
        writer = csv.DictWriter(lines, list(kept[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_decisions_in_the_file_are_never_written_over_and_need_every_part(
    replies: Path, filled: Path, made_run: Path, tmp_path: Path
) -> None:
    folder = decided(replies, tmp_path / "replies", accepted="Yes", decided_by="A. Assessor", because="Seen")
    told = crosscheck_("reply", "accept", folder, "--run", made_run, "--out", tmp_path / "run")
    assert told.exit_code == 9
    assert "decided_on" in told.output
    before = digests(folder)
    again = crosscheck_("reply", "read", filled, "--run", made_run, "--out", folder)
    assert again.exit_code == 9
    assert "would be lost" in again.output
    assert digests(folder) == before


def test_a_file_of_decisions_that_is_not_understood_whole_is_refused(
    replies: Path, made_run: Path, tmp_path: Path
) -> None:
    folder = decided(replies, tmp_path / "replies", accepted="perhaps", corrected_answer="everybody")
    told = crosscheck_("reply", "accept", folder, "--run", made_run, "--item", ITEM, *DECISION)
    assert told.exit_code == 9
    assert "Neither yes nor no" in told.output
    assert "Not an answer" in told.output


def test_no_version_is_ever_replaced_but_a_former_correction_of_the_same_run(
    replies: Path, corrected: Path, made_run: Path, tmp_path: Path
) -> None:
    accept = ("reply", "accept", replies, "--run", made_run, "--item", ITEM, *DECISION)
    for place in (made_run, altered(made_run, tmp_path / "other")):
        told = crosscheck_(*accept, "--out", place)
        assert told.exit_code == 6
        assert "all versions are kept" in told.output


def test_rules_other_than_those_of_the_run_are_refused(replies: Path, made_run: Path, tmp_path: Path) -> None:
    manifest = read_json(made_run, "manifest.json")
    manifest["rules"]["sha256"] = "0" * 64
    manifest["models"]["visit_risk"]["sha256"] = "0" * 64
    run = altered(made_run, tmp_path / "run", manifest_json=json.dumps(manifest).encode())
    accept = ("reply", "accept", replies, "--run", run, "--item", ITEM, *DECISION, "--out", tmp_path / "corrected")
    told = crosscheck_(*accept)
    assert told.exit_code == 6
    assert "The rules here are not those of the run." in told.output
    assert "The model visit_risk here" in told.output


def test_letter_and_comparison_can_be_read_by_everybody(forms: Path, corrected: Path, browser: Browser) -> None:
    duties = sorted(forms.glob("*-duties.html"))
    assert duties
    for file in (*duties, forms / f"{OTHER}.html", corrected / "before_and_after.html"):
        for width in WIDTHS:
            page = open_page(browser, file, width)
            assert overflow(page) <= 0, file
            thin_out(page)
            assert violations(page) == [], file
            page.close()


def test_who_answers_that_a_duty_is_unmet_gets_a_letter_on_that_first(made_run: Path, forms: Path) -> None:
    duties = read_table(made_run, "duties")
    admitting = set(duties["org_code"]) & {ORG, OTHER}
    assert admitting
    assert {file.name for file in forms.glob("*-duties.html")} == {f"{code}-duties.html" for code in admitting}
    assert set(read_json(forms, "forms.json")["duties"]) == admitting
    for code in admitting:
        letter = html.unescape((forms / f"{code}-duties.html").read_text(encoding="utf-8"))
        theirs = duties.filter(pl.col("org_code") == code)
        for row in theirs.to_dicts():
            assert row["finding"] in letter
            assert sentence(row["basis"]) in letter
            assert all(f"<li>{reply}</li>" in letter for reply in row["explanations"].split(" | "))
        assert f'<a href="{code}.xlsx">' in letter
        assert f'<a href="{code}-duties.html">' in (forms / f"{code}.html").read_text(encoding="utf-8")
        first = list(dict.fromkeys(row["check_id"] for row in read_form(forms / f"{code}.csv")))
        assert set(first[: theirs["check_id"].n_unique()]) == set(theirs["check_id"])


def test_letters_say_what_the_review_is_and_cite_what_can_be_looked_up_in_print(forms: Path) -> None:
    letters = sorted(forms.glob("*.html"))
    assert letters
    for letter in letters:
        said = html.unescape(letter.read_text(encoding="utf-8"))
        assert "A source that is called “review” is the regulator's review of 2009" in said
        assert "It is not law" in said
        assert "Source: review, section" in said
        assert not re.search(r"\blines? \d", said), letter


def test_no_source_of_any_rule_cites_a_line_in_a_letter(standard: Standard) -> None:
    cited = {rule.id: _cite(rule.source) for rule in standard.rulebook}
    assert {name for name, source in cited.items() if re.search(r"\blines? \d|\( |  |\(\)| ,", source)} == set()
    assert cited["C2-DEC-09"] == "review, section 7, What should be in place? (Table 12)"


def test_a_letter_states_a_share_of_a_return_as_a_percentage(made_run: Path) -> None:
    _, grounds = list_reply_items(made_run, standard_of_run(made_run))
    shares = grounds.filter(pl.col("name").str.starts_with("returned."))["statement"].unique()
    assert shares.len() > 1
    assert [share for share in shares if not re.fullmatch(r"[\d.]+%|not known", share)] == []


def test_one_letter_on_a_duty_is_counted_as_one(made_run: Path, tmp_path: Path) -> None:
    code = read_table(made_run, "duties")["org_code"][0]
    written = crosscheck_("reply", "form", "--run", made_run, "--out", tmp_path / "forms", "--only", code)
    assert "Send first: 1 letter on a statutory duty unmet by the trust's own answers" in written.output


def test_who_admits_no_duty_gets_no_letter_on_one(made_run: Path, tmp_path: Path) -> None:
    admitting = read_table(made_run, "duties")["org_code"]
    findings = read_table(made_run, "findings").filter((pl.col("verdict") == "differs") & pl.col("waived").is_null())
    code = sorted(set(findings["org_code"]) - set(admitting))[0]
    told = crosscheck_("reply", "form", "--run", made_run, "--out", tmp_path / "forms", "--only", code)
    assert told.exit_code == 0
    assert "Send first" not in told.output
    assert not list((tmp_path / "forms").glob("*-duties.html"))
    assert "-duties.html" not in (tmp_path / "forms" / f"{code}.html").read_text(encoding="utf-8")


def test_a_letter_on_duties_asks_for_documents_and_never_for_records_of_children(forms: Path) -> None:
    letters = [file.read_text(encoding="utf-8") for file in forms.glob("*-duties.html")]
    assert letters
    for letter in letters:
        assert "Do not send records of children" in letter
        for item in letter.split("<dt>What would show it</dt>")[1:]:
            assert "<li>" in item.split("</dd>")[0]
            assert "<li>Ask " not in item.split("</dd>")[0]


def test_each_letter_is_on_paper_too_and_a_screen_reader_can_follow_it(forms: Path) -> None:
    letters = {file.stem for file in forms.glob("*.html")}
    assert {file.stem for file in forms.glob("*.pdf")} == letters
    for stem in letters:
        with pikepdf.open(forms / f"{stem}.pdf") as letter:
            assert letter.Root.MarkInfo.Marked
            assert stem.removesuffix("-duties") in str(letter.open_metadata()["dc:title"])
