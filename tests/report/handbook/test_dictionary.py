"""The dictionary says what there is: every column of every file of a real run, every statistic, every model."""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import re
import tomllib
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck.cli import main
from crosscheck.collection.read import OTHER_YEARS
from crosscheck.collection.set_aside import SET_ASIDE
from crosscheck.contract.inputs import INPUTS
from crosscheck.contract.kept import KEPT
from crosscheck.contract.outputs import FINDINGS_IN_PARQUET, FURTHER, OUTPUTS
from crosscheck.errors import ModelError
from crosscheck.report.handbook.dictionary import write_dictionary
from crosscheck.report.handbook.model_cards import CARD, read_cards
from crosscheck.report.handbook.statistics import STATISTICS
from crosscheck.standard import Standard, load_standard
from tests.conftest import ROOT
from tests.looking import WIDTHS, open_page, overflow, thin_out, violations

WORK = re.compile(r"[A-Z][\w\-]+(?: et al\.?)? (?:18|19|20)\d\d\b")  # the last author of a work and its year
ROOMS = ("figures", "scoring", "risk", "visits")


@pytest.fixture(scope="module")
def dictionary(standard: Standard, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "dictionary"
    write_dictionary(standard, folder)
    return folder


@pytest.fixture(scope="module")
def described(dictionary: Path) -> list[dict[str, str]]:
    with (dictionary / "data-dictionary.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def written(national_run: Path, screened_run: Path) -> dict[str, Path]:
    """Every file that a run can write, by its name: those of a run with pages and those of one with screens."""
    files = [(run, file) for run in (national_run, screened_run) for file in run.rglob("*") if file.is_file()]
    return {file.relative_to(run).as_posix(): file for run, file in files}


def columns_of(file: Path) -> list[str]:
    if file.suffix == ".json":
        content = json.loads(file.read_text(encoding="utf-8"))
        return list(content if isinstance(content, dict) else content[0])
    return list(pl.read_parquet_schema(file)) if file.suffix == ".parquet" else pl.read_csv(file, n_rows=0).columns


def test_every_column_of_every_file_of_a_run_is_described_and_none_that_is_not_there(described, written):
    by_file: dict[str, set[str]] = {}
    for row in described:
        for file in row["files"].split():
            by_file.setdefault(file, set()).add(row["column"])
    mark = "dossiers/dossiers.json"  # of a folder of ours: no table
    only_there = {"findings.csv": set(FINDINGS_IN_PARQUET)}
    for name, file in written.items():
        if file.suffix not in (".html", ".js", ".xlsx") and name != mark:
            assert by_file[name] - only_there.get(name, set()) == set(columns_of(file)), name
    supplied = {f"{name}.csv" for name in INPUTS}
    # The embedded collection has answers of one year, and no row of it is set aside.
    only_of_some = {f"collection/{name}.parquet" for name in (OTHER_YEARS, *SET_ASIDE.values())}
    assert set(by_file) - supplied - only_of_some <= set(written)


def test_a_cell_that_may_not_be_empty_never_is_in_a_real_run(described, written) -> None:
    never = {(row["files"].split()[-1], row["column"]) for row in described if row["empty"] == "never empty"}
    for name, file in written.items():
        if file.suffix == ".parquet":
            empty = {column for column, nulls in pl.read_parquet(file).null_count().to_dicts()[0].items() if nulls}
            assert [column for column in empty if (name, column) in never] == [], name


def test_a_column_holds_only_what_it_is_said_to_hold(described, written) -> None:
    for row in described:
        name = row["files"].split()[-1]
        if row["type"] == "one of" and name in written and name.endswith((".parquet", ".csv")):
            held = {str(value) for value in values_of(written[name], row["column"])}
            assert held <= set(row["allowed"].split(" | ")), (name, row["column"])


def values_of(file: Path, column: str) -> pl.Series:
    """All that a column holds, each once."""
    if file.suffix == ".parquet":
        return pl.read_parquet(file, columns=[column])[column].drop_nulls().unique().cast(pl.String)
    return pl.read_csv(file, columns=[column], infer_schema=False)[column].drop_nulls().unique()


def test_every_number_has_a_unit_and_every_column_a_meaning(described) -> None:
    assert [row for row in described if row["type"] == "number" and not row["unit"]] == []
    assert [row for row in described if len(row["meaning"]) < 4 or not row["empty"]] == []
    tables = [*INPUTS.values(), *OUTPUTS.values(), *KEPT.values()]
    assert all(set(table.key) <= set(table.schema) for table in tables)
    assert set(FURTHER) <= set(OUTPUTS)


def docstrings(room: str) -> dict[str, str]:
    """The text of every docstring of a room, by module."""
    found = {}
    for file in sorted((ROOT / "crosscheck" / room).glob("*.py")):
        nodes = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if hasattr(node, "body")]
        named = [node for node in nodes if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)]
        found[f"{room}.{file.stem}"] = " ".join(" ".join((ast.get_docstring(node) or "").split()) for node in named)
    return found


def test_every_statistic_is_computed_by_a_function_that_is_there_and_says_what_it_does() -> None:
    for one in STATISTICS:
        assert len(one.promise) > 30, one.function
        assert "Args:" not in one.promise
        assert "Returns:" not in one.promise
        assert one.source
        assert one.formula
    assert len({one.function for one in STATISTICS}) == len(STATISTICS)


def test_a_work_named_on_the_page_is_named_in_the_code_and_the_other_way_round() -> None:
    said = {module: text for room in ROOMS for module, text in docstrings(room).items()}
    shown: dict[str, set[str]] = {}
    for one in STATISTICS:
        module = one.function.rsplit(".", 1)[0]
        works = set(WORK.findall(one.source))
        assert works <= set(WORK.findall(said[module])), one.function
        shown.setdefault(module, set()).update(works)
    rankings = {"visits.rankings"}  # what a list has to beat, not what is computed for it
    for module in set(said) - rankings:
        here = set(WORK.findall(said[module]))
        everywhere = set().union(*shown.values())
        assert {work for work in here if work not in everywhere} <= MORE.get(module, set()), module


# Named beside the main source, for a step of it.
MORE = {"scoring.outliers": {"Ledoit and Wolf 2004", "Wolf 2004"}}


def test_a_card_shows_the_released_file_as_it_is(dictionary) -> None:
    text = (dictionary / "model-cards.html").read_text(encoding="utf-8")
    for file in sorted((ROOT / "models" / "c2").glob("*/v*.toml")):
        assert hashlib.sha256(file.read_bytes()).hexdigest() in text, file


def test_every_section_and_entry_of_a_model_is_on_its_card() -> None:
    for card in read_cards(ROOT / "models" / "c2"):
        for version in card.versions:
            stated = tomllib.loads((ROOT / "models" / "c2" / card.name / f"{version.name}.toml").read_text())
            sections = {choice.section.split(".")[0] for choice in version.choices}
            assert {key for key, value in stated.items() if isinstance(value, dict)} <= sections, card.name
            told = sum(len(choice.stated) + len(choice.why) for choice in version.choices)
            assert told >= sum(len(value) if isinstance(value, dict) else 0 for value in stated.values())
            assert version.purpose


def test_every_card_says_what_it_is_for_and_not_for_and_who_approves() -> None:
    for card in read_cards(ROOT / "models" / "c2"):
        headings = re.findall(r"^### (.+)$", card.words, re.MULTILINE)
        assert headings == ["For", "Not for", "Approved by", "What is known of its worth", "Limits"], card.name


def test_models_without_cards_are_all_named(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with pytest.raises(ModelError) as raised:
        read_cards(tmp_path)
    assert str(raised.value).count(CARD) == 2


def test_the_same_standard_gives_the_same_bytes(dictionary: Path, tmp_path: Path) -> None:
    write_dictionary(load_standard("C2"), tmp_path / "again")
    for file in dictionary.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes(), file.name


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_can_be_read_by_everybody(dictionary: Path, browser, width: int) -> None:
    for name in ("index", "data-dictionary", "method", "model-cards"):
        page = open_page(browser, dictionary / f"{name}.html", width)
        assert overflow(page) == 0, name
        thin_out(page)
        assert violations(page) == [], name
        page.close()


def test_every_link_leads_to_a_place_that_is_there(dictionary: Path) -> None:
    pages = {file.name: file.read_text(encoding="utf-8") for file in dictionary.glob("*.html")}
    for name, text in pages.items():
        for target in re.findall(r'href="([^"]+)"', text):
            file, _, place = target.partition("#")
            assert (dictionary / (file or name)).is_file(), target
            assert not place or f'id="{place}"' in pages[file or name], target


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert CliRunner().invoke(main, ["dictionary", "--out", str(tmp_path)]).exit_code == 6
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
