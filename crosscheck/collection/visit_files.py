"""Files of visits and of the criteria that they looked at, outside a collection: read as a collection's own tables are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.files import open_table
from crosscheck.collection.problems import CONVERTED, describe_problems, list_problems
from crosscheck.collection.read import conform, read_sheet
from crosscheck.errors import CollectionError
from crosscheck.contract.inputs import INPUTS

if TYPE_CHECKING:
    from pathlib import Path

    from crosscheck.contract.table import Table
    from crosscheck.questionnaire import Questionnaire

_NAMES: Final = {"visits": "visits", "visit_items": "visit_items"}


def read_visits_file(file: Path, questionnaire: Questionnaire, standard: str) -> pl.DataFrame:
    """Read what visits found.

    Args:
        file: CSV, Parquet or a workbook, in the columns of `visits`.
        questionnaire: what was asked.
        standard: that of the run.

    Returns:
        `inputs.INPUTS["visits"]`: columns that may be missing are empty where they are.

    Raises:
        CollectionError: the file or a needed column is missing, or with every row that can't be used, at once.
    """
    return _read_all([file], INPUTS["visits"], questionnaire, standard)


def read_visit_files(place: Path, questionnaire: Questionnaire, standard: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read what visits found and what they saw of criteria.

    Args:
        place: a file in the columns of `visits`, or a folder with `visits.csv` and, if criteria were recorded,
            `visit_items.csv`; files of single waves (`visits_wave_1.csv`) and those of visits that no arm chose
            (`other_visits.csv`, where `selected_by` may be empty) count as well.
        questionnaire: a criterion bears the name of one of its questions.
        standard: that of the run.

    Returns:
        `inputs.INPUTS["visits"]` and `frames.INPUTS["visit_items"]`, this one without a row where there is none.

    Raises:
        CollectionError: as `read_visits_file`.
    """
    if not place.is_dir():
        return read_visits_file(place, questionnaire, standard), INPUTS["visit_items"].empty()
    planned = [place / "visits.csv", *sorted(place.glob("visits_*.csv"))]
    made = _read_all(planned, INPUTS["visits"], questionnaire, standard)
    others = _read_all(sorted(place.glob("other_visits*.csv")), _without_arm(), questionnaire, standard)
    items = sorted([*place.glob("visit_items*.csv"), *place.glob("other_visit_items*.csv")])
    return pl.concat([made, others]), _read_all(items, INPUTS["visit_items"], questionnaire, standard)


def _without_arm() -> Table:
    """`visits`, its rows without the arm that chose them."""
    table = INPUTS["visits"]
    columns = (
        replace(one, required=False, may_be_empty=True) if one.name == "selected_by" else one for one in table.columns
    )
    return replace(table, columns=tuple(columns))


def _read_all(files: list[Path], table: Table, questionnaire: Questionnaire, standard: str) -> pl.DataFrame:
    """Every file that bears a table, or everything that is wrong with them."""
    wrong: list[str] = []
    tables = [table.empty()]
    for file in files:
        if not file.is_file():
            wrong.append(f"{file}: there is no such file. Give a file in the columns of {table.name}.")
            continue
        try:
            sheet, _ = open_table(file, table)
        except CollectionError as error:
            wrong += error.problems
            continue
        read = read_sheet(sheet, questionnaire, standard)
        problems = list_problems((read.place, problem) for problem in read.problems)
        wrong += describe_problems(problems.filter(pl.col("effect") != CONVERTED))
        tables.append(conform(read.used(), table))
    if wrong:
        raise CollectionError(wrong)
    return pl.concat(tables)
