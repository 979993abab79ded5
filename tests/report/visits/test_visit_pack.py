"""The visit pack: two pages that say why and what to look at, and a version that says nothing of why."""

from __future__ import annotations

import re
import shutil
from html import unescape
from pathlib import Path

import pikepdf
import polars as pl
import pytest
from click.testing import CliRunner, Result
from playwright.sync_api import Browser

from crosscheck.cli import main
from crosscheck.report.visits.visit_criteria import list_blinded_criteria, list_criteria, list_visited
from crosscheck.report.visits.visit_evidence import Evidence, weigh_evidence
from crosscheck.runs.make_run import standard_of_run
from crosscheck.runs.run_folder import read_table
from crosscheck.standard import Standard
from tests.looking import WIDTHS, open_page, overflow, violations

HOSTILE = "<script>alert(1)</script> =cmd|' /C calc'!A0"
ARM_WORDS = ("mandatory", "random", "risk", "duty", "expected", "reply", "differ", "high", "decibans", "rank", "chosen")


def crosscheck_(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def packs_of(run: Path, folder: Path, *more: object) -> Path:
    result = crosscheck_("visits", "packs", "--run", run, "--out", folder, *more)
    assert result.exit_code == 0, result.output
    return folder


def text_of(file: Path) -> str:
    """The words of a page, without its style and its marks."""
    html = re.sub(r"<style>.*?</style>", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.fixture(scope="module")
def standard(national_run: Path) -> Standard:
    return standard_of_run(national_run)


@pytest.fixture(scope="module")
def evidence(national_run: Path, standard: Standard) -> Evidence:
    return weigh_evidence(national_run, standard)


@pytest.fixture(scope="module")
def packs(national_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packs_of(national_run, tmp_path_factory.mktemp("packs") / "packs")


@pytest.fixture(scope="module")
def blinded(national_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packs_of(national_run, tmp_path_factory.mktemp("blinded") / "packs", "--blinded")


@pytest.fixture(scope="module")
def chosen(national_run: Path) -> pl.DataFrame:
    return read_table(national_run, "visit_list").drop_nulls("selected_by").unique("org_code").sort("org_code")


def test_each_organisation_to_visit_has_a_pack_that_says_its_arm_and_its_declarations(
    packs: Path, chosen: pl.DataFrame, national_run: Path
) -> None:
    assert {file.stem for file in packs.glob("*.html")} == {"index", *chosen["org_code"]}
    words = {"mandatory": "a grave statutory duty is not met", "risk": "is among the highest", "random": "at random"}
    listed = read_table(national_run, "visit_list")
    for code, arm in chosen.select("org_code", "selected_by").iter_rows():
        text = text_of(packs / f"{code}.html")
        assert words[arm] in text
        for function, reason in listed.filter(pl.col("org_code") == code).select("function", "reason").iter_rows():
            assert f"{function.capitalize()} " in text
            assert " ".join(reason.split()) in text


def test_a_pack_lists_declarations_to_test_before_those_to_follow_up(
    packs: Path, chosen: pl.DataFrame, national_run: Path
) -> None:
    listed = read_table(national_run, "visit_list").filter(pl.col("org_code").is_in(chosen["org_code"].implode()))
    both = listed.filter(pl.col("pool").is_in(["to_visit", "follow_up"]).over("org_code"))
    mixed = both.filter(pl.col("pool").n_unique().over("org_code") == 2)
    assert mixed.height >= 2
    for code, function in mixed.filter(pl.col("pool") == "to_visit").select("org_code", "function").iter_rows():
        table = text_of(packs / f"{code}.html").split("What weighs most", 1)[1]
        assert table.startswith(f" {function.capitalize()} "), code


def test_the_points_are_parts_of_the_risk_counted_once_and_the_weightiest_come_first(
    evidence: Evidence, national_run: Path, packs: Path, chosen: pl.DataFrame
) -> None:
    enquired = ["checks", "silence", "answers", "figures", "facts"]
    worse = read_table(national_run, "parts").filter(pl.col("family").is_in(enquired) & (pl.col("decibans") > 0))
    of_parts = worse.group_by("org_code", "family", "part").agg(pl.col("decibans").max())
    expected = of_parts.group_by("org_code").agg(pl.col("decibans").sum()).sort("org_code")
    of_points = evidence.points.group_by("org_code").agg(pl.col("decibans").sum()).sort("org_code")
    both = expected.join(of_points, on="org_code", suffix="_of_points", validate="1:1")
    assert both.height == expected.height == of_points.height
    # A check that says something else of each function is two points, each with the weight of the check.
    assert (both["decibans_of_points"] >= both["decibans"] - 1e-9).all()
    equal = (both["decibans_of_points"] - both["decibans"]).abs() < 1e-6
    assert equal.mean() > 0.9  # type: ignore[operator]  # a mean of booleans is a float
    weights = evidence.points.filter(pl.col("org_code") == chosen["org_code"][0])["decibans"]
    assert weights.to_list() == sorted(weights, reverse=True)
    first = evidence.points.filter(pl.col("org_code") == chosen["org_code"][0]).row(0, named=True)
    text = text_of(packs / f"{chosen['org_code'][0]}.html")
    assert f"1. {first['finding']}" in text


def test_a_point_shows_both_accounts_its_explanations_and_its_lines_of_enquiry(
    packs: Path, evidence: Evidence, standard: Standard, chosen: pl.DataFrame
) -> None:
    between = [rule.id for rule in standard.rulebook if rule.kind == "declaration_vs_answer"]
    points = evidence.points.filter(
        pl.col("check_id").is_in(between) & pl.col("org_code").is_in(chosen["org_code"].to_list())
    )
    tried = 0
    for code, check_id, finding in points.select("org_code", "check_id", "finding").head(60).iter_rows():
        text = text_of(packs / f"{code}.html")
        if finding in text:
            rule = standard.rulebook[check_id]
            tried += 1
            assert "Its answer: " in text
            assert all(" ".join(words.split()) in text for words in (*rule.explanations, *rule.lines_of_enquiry))
    assert tried > 20


def test_no_pack_has_more_than_two_pages(national_run: Path, packs: Path, chosen: pl.DataFrame, tmp_path: Path) -> None:
    longest = sorted(chosen["org_code"], key=lambda code: -(packs / f"{code}.html").stat().st_size)[:3]
    only = [word for code in longest for word in ("--only", code)]
    for folder in (packs_of(national_run, tmp_path / "packs", "--pdf", *only),
                   packs_of(national_run, tmp_path / "blinded", "--pdf", "--blinded", *only)):  # fmt: skip
        papers = list(folder.glob("*.pdf"))
        assert len(papers) == 3
        for file in papers:
            with pikepdf.open(file) as paper:
                assert len(paper.pages) <= 2, file


def test_remarks_of_ten_pages_leave_a_pack_at_two(national_run: Path, chosen: pl.DataFrame, tmp_path: Path) -> None:
    run, long = tmp_path / "run", "A remark. " * 1_000
    shutil.copytree(national_run, run, ignore=shutil.ignore_patterns("dossiers", "*.xlsx"))
    for name, column in (("visit_list", "reason"), ("findings", "says"), ("parts", "reason"),
                         ("collection/comments", "text")):  # fmt: skip
        file = run / f"{name}.parquet"
        pl.read_parquet(file).with_columns(pl.lit(long).alias(column)).write_parquet(file)
    code = chosen.filter(pl.col("org_type").cast(pl.String) == "pct")["org_code"][0]
    folder = packs_of(run, tmp_path / "packs", "--only", code, "--pdf")
    assert "the dossier has all of it" in text_of(folder / f"{code}.html")
    with pikepdf.open(folder / f"{code}.pdf") as paper:
        assert len(paper.pages) <= 2


def test_blinded_forms_of_one_type_ask_the_same(national_run: Path, chosen: pl.DataFrame, tmp_path: Path) -> None:
    result = crosscheck_("visits", "forms", "--run", national_run, "--out", tmp_path / "forms", "--blinded")
    assert result.exit_code == 0, result.output
    acute = chosen.filter(pl.col("org_type").cast(pl.String) == "ambulance").vstack(
        chosen.filter(pl.col("org_type").cast(pl.String) == "acute")
    )
    services = dict(read_table(national_run, "collection/organisations").select(
        "org_code", pl.col("services").list.sort().list.join(" ")).iter_rows())  # fmt: skip
    asked: dict[tuple[str, str], set[str]] = {}
    for code, kind in acute.select("org_code", pl.col("org_type").cast(pl.String)).iter_rows():
        form = pl.read_csv(tmp_path / "forms" / f"{code}.csv", infer_schema=False).drop("org_code", "name")
        asked.setdefault((kind, services[code]), set()).add(form.write_csv())
    assert len(acute) > len(asked)
    assert all(len(forms) == 1 for forms in asked.values())


def test_blinded_packs_of_one_type_differ_in_nothing_but_who_it_is(
    blinded: Path, chosen: pl.DataFrame, national_run: Path
) -> None:
    """A visit for a duty, by risk and at random: whoever holds the packs can't tell which is which."""
    held = read_table(national_run, "collection/organisations").select("org_code", pl.col("services").list.sort())
    visited = list_visited(national_run).group_by("org_code").agg(functions=pl.col("function").sort())
    of_each = chosen.join(held, on="org_code").join(visited, on="org_code")
    arms = pl.col("selected_by").n_unique().alias("arms")
    like = of_each.group_by("org_type", "services", "functions").agg("org_code", "name", "region", arms)
    assert like["arms"].max() == 3, "some group has visits of every arm, so that this can fail"
    for group in like.to_dicts():
        texts = set()
        for code, name, region in zip(group["org_code"], group["name"], group["region"], strict=True):
            text = (blinded / f"{code}.html").read_text(encoding="utf-8")
            texts.add(unescape(text).replace(name, "").replace(f"({code})", "").replace(f"· {region}", ""))
        assert len(texts) == 1, group["org_code"]


def test_blinded_packs_say_nothing_of_why(blinded: Path, chosen: pl.DataFrame, national_run: Path) -> None:
    findings = read_table(national_run, "findings").drop_nulls("says")["says"].unique().to_list()
    for code in chosen["org_code"]:
        text = text_of(blinded / f"{code}.html")
        assert not [word for word in ARM_WORDS if re.search(rf"\b{word}", text.split("What to look at")[0])]
        assert not [said for said in findings if said in text]
    assert not re.search("mandatory|random|risk", text_of(blinded / "index.html"))
    order = re.findall(r'href="(\w+)\.html"', (blinded / "index.html").read_text(encoding="utf-8"))
    assert order == sorted(order), "the order of the list tells nothing either"


def test_blinded_criteria_do_not_change_with_the_arm_nor_with_the_organisations_own_evidence(
    national_run: Path, evidence: Evidence, standard: Standard
) -> None:
    visited = list_visited(national_run)
    code = visited["org_code"][0]
    before = list_blinded_criteria(national_run, visited, evidence, standard)
    alone = list_blinded_criteria(national_run, visited.filter(pl.col("org_code") == code), evidence, standard)
    assert alone.equals(before.filter(pl.col("org_code") == code)), "who else is visited changes nothing"
    own = list_criteria(national_run, visited, evidence, standard)
    assert not own.equals(before), "the unblinded ones do follow the evidence"


def test_a_pack_of_an_organisation_that_nothing_chose_says_so_and_an_unknown_one_is_refused(
    national_run: Path, chosen: pl.DataFrame, tmp_path: Path
) -> None:
    listed = read_table(national_run, "visit_list").filter(pl.col("declared").cast(pl.String) == "compliant")
    code = listed.filter(~pl.col("org_code").is_in(chosen["org_code"].to_list()))["org_code"][0]
    folder = packs_of(national_run, tmp_path / "packs", "--only", code.lower())
    assert "The plan did not choose it." in text_of(folder / f"{code}.html")
    refused = crosscheck_("visits", "packs", "--run", national_run, "--out", tmp_path / "none", "--only", "XXX")
    assert refused.exit_code == 7
    assert "No organisation XXX in this run." in refused.output


def test_the_same_run_gives_the_same_packs(national_run: Path, packs: Path, tmp_path: Path) -> None:
    again = packs_of(national_run, tmp_path / "packs")
    assert [(file.name, file.read_bytes()) for file in sorted(again.iterdir())] == [
        (file.name, file.read_bytes()) for file in sorted(packs.iterdir())
    ]


def test_text_of_a_collection_is_shown_and_never_run(national_run: Path, chosen: pl.DataFrame, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(national_run, run, ignore=shutil.ignore_patterns("dossiers", "*.xlsx"))
    for name, columns in (("visit_list", ["name", "reason"]), ("findings", ["says"]), ("parts", ["reason"])):
        file = run / f"{name}.parquet"
        pl.read_parquet(file).with_columns(pl.lit(HOSTILE).alias(column) for column in columns).write_parquet(file)
    code = chosen["org_code"][0]
    for more in ((), ("--blinded",)):
        folder = packs_of(run, tmp_path / f"packs{len(more)}", "--only", code, *more)
        html = (folder / f"{code}.html").read_text(encoding="utf-8")
        assert "<script" not in html
        assert "&lt;script&gt;" in html


@pytest.mark.parametrize("width", WIDTHS)
def test_packs_can_be_read_by_everybody(
    packs: Path, blinded: Path, chosen: pl.DataFrame, browser: Browser, width: int
) -> None:
    code = chosen.filter(pl.col("org_type").cast(pl.String) == "pct")["org_code"][0]
    for file in (packs / f"{code}.html", blinded / f"{code}.html", packs / "index.html"):
        page = open_page(browser, file, width)
        assert violations(page) == []
        assert overflow(page) == 0
        page.close()
