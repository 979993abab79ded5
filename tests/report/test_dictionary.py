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
from crosscheck.errors import ModelError
from crosscheck.frames import FURTHER, INPUTS, KEPT, OUTPUTS
from crosscheck.report.dictionary import write_dictionary
from crosscheck.report.model_cards import CARD, read_cards
from crosscheck.report.statistics import STATISTICS
from crosscheck.standard import load_standard
from tests.conftest import COLLECTION, ROOT
from tests.looking import WIDTHS, open_page, overflow, violations

WORK = re.compile(r"[A-Z][\w\-]+(?: et al\.?)? (?:18|19|20)\d\d\b")  # the last author of a work and its year
ROOMS = ("scoring", "risk", "visits")


@pytest.fixture(scope="module")
def dictionary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "dictionary"
    write_dictionary(load_standard("C2"), folder)
    return folder


@pytest.fixture(scope="module")
def described(dictionary: Path) -> list[dict[str, str]]:
    with (dictionary / "data-dictionary.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def run_with_screens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("screened") / "run"
    asked = ["run", str(COLLECTION), "--year", "2008/09", "--screens", "--out", str(folder)]
    told = CliRunner().invoke(main, asked)
    assert told.exit_code == 0, told.output
    return folder


def columns_of(file: Path) -> list[str]:
    if file.suffix == ".json":
        content = json.loads(file.read_text(encoding="utf-8"))
        return list(content if isinstance(content, dict) else content[0])
    return list(pl.read_parquet_schema(file)) if file.suffix == ".parquet" else pl.read_csv(file, n_rows=0).columns


def test_every_column_of_every_file_of_a_run_is_described_and_none_that_is_not_there(described, run_with_screens):
    by_file: dict[str, set[str]] = {}
    for row in described:
        for file in row["files"].split():
            by_file.setdefault(file, set()).add(row["column"])
    pages = (".html", ".xlsx")
    files = [file for file in run_with_screens.rglob("*") if file.is_file() and file.suffix not in pages]
    files.remove(run_with_screens / "dossiers" / "dossiers.json")  # the mark of a folder of ours: no table
    only_there = {"findings.csv": {"open_questions"}}  # a list, which CSV does not have
    for file in files:
        name = file.relative_to(run_with_screens).as_posix()
        assert by_file[name] - only_there.get(name, set()) == set(columns_of(file)), name
    supplied = {f"{name}.csv" for name in INPUTS}
    written = {file.relative_to(run_with_screens).as_posix() for file in run_with_screens.rglob("*")}
    assert set(by_file) - supplied <= written


def test_a_cell_that_may_not_be_empty_never_is_in_a_real_run(described, run_with_screens) -> None:
    never = {(row["files"].split()[-1], row["column"]) for row in described if row["empty"] == "never empty"}
    for file in run_with_screens.rglob("*.parquet"):
        name = file.relative_to(run_with_screens).as_posix()
        table = pl.read_parquet(file)
        assert [column for column in table.columns if table[column].null_count() and (name, column) in never] == [], (
            name
        )


def test_a_column_holds_only_what_it_is_said_to_hold(described, run_with_screens) -> None:
    for row in described:
        file = run_with_screens / row["files"].split()[-1]
        if row["type"] == "one of" and file.is_file() and file.suffix in {".parquet", ".csv"}:
            table = pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file, infer_schema_length=None)
            held = set(table[row["column"]].drop_nulls().cast(pl.String))
            assert held <= set(row["allowed"].split(" | ")), (file.name, row["column"])


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
MORE = {"scoring.multivariate": {"Ledoit and Wolf 2004", "Wolf 2004"}}


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
        assert violations(page) == [], name
        assert overflow(page) == 0, name
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
