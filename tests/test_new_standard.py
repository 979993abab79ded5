"""A standard that is not C2: begun with one command, with its own words, read and ranked without any of C2's."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from crosscheck.errors import ModelError
from crosscheck.settings import at_home
from crosscheck.standard_file import read_standard_file

PANEL = Path(__file__).parent / "data/real/dspt_trust_panel.csv"

# What each of the panel's six statuses is called in its tables, and what it means.
STATUSES = {
    "Standards Exceeded": ("standards_exceeded", "met"),
    "Standards Met": ("standards_met", "met"),
    "Approaching Standards": ("approaching_standards", "not_met"),
    "Standards not fully met (plan agreed)": ("not_fully_met", "not_met"),
    "Standards Not Met": ("standards_not_met", "not_met"),
    "Not Published": ("not_published", "not_sure"),
}
YEARS = {"s1819": "2018/19", "s2021": "2020/21", "s2122": "2021/22", "s2223_nov": "2022/23"}


def crosscheck(home: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    named = {} if home is None else {"CROSSCHECK_HOME": str(home)}
    command = [sys.executable, "-m", "crosscheck", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | named)


@pytest.fixture(scope="module")
def toolkit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a standard DSPT, begun with the command, with its own statuses and no questions answered."""
    home = tmp_path_factory.mktemp("standard") / "dspt"
    assert crosscheck(None, "standard", "new", "DSPT", "--out", str(home)).returncode == 0
    _give_own_words(home)
    _write_panel(home / "panel")
    return home


def _give_own_words(home: Path) -> None:
    words = home / "data/dspt/standard.toml"
    text = words.read_text()
    stated = text[text.index("[statuses]") : text.index("[categories]")]
    own = "".join(f'{word} = {{ means = "{means}" }}\n' for word, means in STATUSES.values())
    text = text.replace(stated, f"[statuses]\n{own}\n").replace(', "declarations", "answers"', ', "declarations"')
    words.write_text(text.replace('hospital = "hospital"\n', 'trust = "trust"\nhospital = "hospital"\n'))
    lapses = [word for word, means in STATUSES.values() if means != "met"]
    risk = home / "models/dspt/visit_risk/v1.toml"
    start, rest = risk.read_text().split("[declared.not_met]")
    after = rest[rest.index("# How far not meeting") :]
    weights = "".join(f'[declared.{word}]\ndecibans = 21.0\nsd = 3.0\nreason = "Its own word"\n\n' for word in lapses)
    risk.write_text(start + weights + after)
    effects = home / "models/dspt/assessment/v1.toml"
    told = effects.read_text().replace('["met"]', '["standards_met", "standards_exceeded"]')
    effects.write_text(told.replace('["not_met", "not_sure"]', str(lapses).replace("'", '"')))
    for rule in (home / "rules/dspt").rglob("*.toml"):
        rule.write_text(
            rule.read_text().replace('["met"]', '["standards_met"]').replace('"not_met"', '"not_published"')
        )


def _write_panel(folder: Path) -> None:
    folder.mkdir()
    with PANEL.open() as file:
        rows = list(csv.DictReader(file))
    organisations = [f"{row['']},Trust {row['']},trust,England" for row in rows]
    declarations = [
        f"{row['']},{year},whole,hospital,DSPT,{STATUSES[row[snapshot]][0]}"
        for row in rows
        for snapshot, year in YEARS.items()
        if row[snapshot]
    ]
    for name, headings, lines in (
        ("organisations", "org_code,name,org_type,region", organisations),
        ("declarations", "org_code,year,function,category,standard,status", declarations),
    ):
        (folder / f"{name}.csv").write_text("\n".join([headings, *lines]) + "\n")


@pytest.fixture(scope="module")
def toolkit_run(toolkit: Path) -> Path:
    out = toolkit / "run"
    made = crosscheck(toolkit, "run", str(toolkit / "panel"), "--year", "2022/23", "--out", str(out))
    assert made.returncode == 0, made.stdout + made.stderr
    return out


def test_a_panel_with_six_statuses_of_its_own_is_read_with_no_row_set_aside(toolkit_run: Path) -> None:
    problems = pl.read_csv(toolkit_run / "problems.csv", infer_schema=False)
    assert problems.filter(pl.col("column").is_in(["status", "org_type", "category", "function"])).is_empty()


def test_a_standard_that_is_exceeded_is_no_lapse(toolkit_run: Path) -> None:
    listed = pl.read_csv(toolkit_run / "visit_list.csv")
    pools = dict(listed.group_by("declared").agg(pl.col("pool").unique().sort()).iter_rows())
    assert pools["standards_exceeded"] == pools["standards_met"] == ["to_visit"]
    assert pools["approaching_standards"] == ["follow_up"]


def test_each_of_the_panel_has_a_dossier(toolkit_run: Path) -> None:
    listed = pl.read_csv(toolkit_run / "visit_list.csv")
    assert all((toolkit_run / "dossiers" / f"{code}.html").is_file() for code in listed["org_code"])


def test_a_new_standard_proves_its_rules_and_makes_a_list_before_anything_is_changed(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    assert crosscheck(None, "standard", "new", "demo", "--out", str(home)).returncode == 0
    assert "3 rules: 0 errors" in crosscheck(home, "rules", "check").stdout
    made = crosscheck(home, "run", str(home / "collection"), "--year", "2008/09", "--out", str(tmp_path / "run"))
    assert made.returncode == 0, made.stdout + made.stderr
    assert pl.read_csv(tmp_path / "run/problems.csv").is_empty()
    assert pl.read_csv(tmp_path / "run/visit_list.csv")["flags"].sum() > 0


def test_a_new_standard_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    refused = crosscheck(None, "standard", "new", "demo", "--out", str(tmp_path))
    assert (refused.returncode, [file.name for file in tmp_path.iterdir()]) == (6, ["mine.txt"])


def test_a_model_of_another_standard_is_refused_with_words(toolkit: Path) -> None:
    model = toolkit / "models/dspt/screens/v1.toml"
    stated = model.read_text()
    model.write_text(stated.replace('standard = "DSPT"', 'standard = "C2"'))
    refused = crosscheck(toolkit, "run", str(toolkit / "panel"), "--year", "2022/23", "--out", str(toolkit / "none"))
    model.write_text(stated)
    assert refused.returncode == 5
    assert "is a model of C2, and the standard is DSPT" in refused.stdout + refused.stderr


@pytest.mark.parametrize(
    ("stated", "instead", "told"),
    [
        ('means = "met"', 'means = "not_met"', "statuses: none means that the standard is met"),
        ("whole = {}", 'whole = { other = "part" }', "functions: whole names part as its other"),
        ("census_month = 12", "census_month = 13", "calendar.census_month: should be less than or equal to 12"),
        ('["organisations", "declarations"]', "[]", "compulsory: organisations and declarations is missing"),
        ("[calendar]", "[kalendar]", "kalendar: is not known here"),
    ],
)
def test_what_is_wrong_with_the_words_of_a_standard_is_told_by_file_and_entry(
    toolkit: Path, tmp_path: Path, stated: str, instead: str, told: str
) -> None:
    file = tmp_path / "data/dspt/standard.toml"
    file.parent.mkdir(parents=True)
    file.write_text((toolkit / "data/dspt/standard.toml").read_text().replace(stated, instead))
    with at_home(tmp_path), pytest.raises(ModelError) as refused:
        read_standard_file("DSPT")
    assert f"{file}, {told}" in str(refused.value)
