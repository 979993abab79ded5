"""Files of visits outside a collection: read as its own tables are, and refused where a row can't be used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from crosscheck.collection.conventions import read_conventions
from crosscheck.collection.files import open_table
from crosscheck.collection.problems import CONVERTED, describe_problems, list_problems
from crosscheck.collection.read import conform_table, read_sheet
from crosscheck.contract.inputs import INPUTS
from crosscheck.errors import CollectionError

if TYPE_CHECKING:
    from pathlib import Path

    from crosscheck.contract.table import Table
    from crosscheck.questionnaire import Questionnaire


def read_visits_file(file: Path, questionnaire: Questionnaire, standard: str) -> pl.DataFrame:
    """Read what visits found. Further columns are left alone.

    Args:
        file: CSV, Parquet or a workbook, in the columns of `visits`.
        questionnaire: what was asked.
        standard: that of the run.

    Returns:
        `inputs.INPUTS["visits"]`: columns that may be missing are empty where they are.

    Raises:
        CollectionError: the file or a needed column is missing, or rows can't be used: all of them, at once.
    """
    return _read_all([file], INPUTS["visits"], questionnaire, standard)


def read_visit_files(place: Path, questionnaire: Questionnaire, standard: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read what visits found, and what they saw of criteria.

    Args:
        place: a file in the columns of `visits`, or a folder with `visits.csv` and, if criteria were recorded,
            `visit_items.csv`; files of single waves (`visits_wave_1.csv`) and those of visits that no arm chose
            (`other_visits.csv`, where `selected_by` may be empty) count as well.
        questionnaire: a criterion bears the name of one of its questions.
        standard: that of the run.

    Returns:
        `inputs.INPUTS["visits"]` and `inputs.INPUTS["visit_items"]`, this one without a row where there is none.

    Raises:
        CollectionError: as `read_visits_file`.
    """
    if not place.is_dir():
        return read_visits_file(place, questionnaire, standard), INPUTS["visit_items"].empty()
    planned = [place / "visits.csv", *sorted(place.glob("visits_*.csv"))]
    by_arm = _read_all(planned, INPUTS["visits"], questionnaire, standard)
    others = _read_all(sorted(place.glob("other_visits*.csv")), _without_arm(), questionnaire, standard)
    items = sorted([*place.glob("visit_items*.csv"), *place.glob("other_visit_items*.csv")])
    return pl.concat([by_arm, others]), _read_all(items, INPUTS["visit_items"], questionnaire, standard)


def _without_arm() -> Table:
    """`visits`, whose rows need not say which arm chose them."""
    table = INPUTS["visits"]
    columns = (
        replace(column, required=False, may_be_empty=True) if column.name == "selected_by" else column
        for column in table.columns
    )
    return replace(table, columns=tuple(columns))


def _read_all(files: list[Path], table: Table, questionnaire: Questionnaire, standard: str) -> pl.DataFrame:
    """Every file that holds a table, or everything that is wrong with them."""
    wrong: list[str] = []
    tables = [table.empty()]
    for file in files:
        if not file.is_file():
            what = "is a folder, and no file" if file.is_dir() else "there is no such file"
            wrong.append(f"{file}: {what}. Give a file in the columns of {table.name}.")
            continue
        try:
            opened, _ = open_table(file, table)
        except CollectionError as error:
            wrong += error.problems
            continue
        sheet = read_sheet(opened, questionnaire, standard, read_conventions(standard))
        problems = list_problems((sheet.place, problem) for problem in sheet.problems)
        # Row 1 has the headings; a column that somebody added takes nothing from the others.
        unusable = (pl.col("effect") != CONVERTED) & pl.col("row").ne_missing(1)
        wrong += describe_problems(problems.filter(unusable))
        tables.append(conform_table(sheet.used(), table))
    if wrong:
        raise CollectionError(wrong)
    return pl.concat(tables)
