"""Filled outcome forms of a run: read by what the run knows, and told in some lines."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck import settings
from crosscheck.cases.history import last_day
from crosscheck.collection.outcome_form import Expected, Outcomes, read_outcomes
from crosscheck.collection.visit_files import read_visit_files
from crosscheck.questionnaire import read_questionnaire
from crosscheck.report.visits.outcome_form import key_of_run
from crosscheck.runs.run_folder import read_manifest, read_table
from crosscheck.visits.listing import of_standard

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Visits are made in the year that is declared on, or in the two after it (choice: longer than any season).
_YEAR: Final = timedelta(days=365)


def read_forms(run: Path, files: Sequence[Path]) -> tuple[str, Outcomes]:
    """Read the outcome forms of a run.

    Returns:
        What the run is called in a store, and what the forms say.

    Raises:
        RunError: there is no such run.
        OutcomeError: as `collection.outcome_form.read_outcomes`.
    """
    options = read_manifest(run).options
    declarations = read_table(run, "visit_list").select(pl.col("org_code", "function").cast(pl.String))
    ends = last_day(options.year)
    key = key_of_run(run)
    # Wide on both sides: visits may come early or late, and only a slip of the year lies outside.
    expected = Expected(key, options.standard, declarations, ends - _YEAR, ends + 2 * _YEAR)
    return key, read_outcomes(files, expected, read_questionnaire(settings.questionnaire_file(options.standard)))


def read_visits(run: Path, place: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What was recorded of a run's season outside a store: visits and criteria of its year and standard.

    Args:
        run: the run's folder.
        place: as `collection.visit_files.read_visit_files`.

    Raises:
        RunError: there is no such run.
        CollectionError: a file can't be used.
    """
    options = read_manifest(run).options
    questionnaire = read_questionnaire(settings.questionnaire_file(options.standard))
    visits, criteria = (
        of_standard(rows, options.standard).filter(pl.col("year") == options.year)
        for rows in read_visit_files(place, questionnaire, options.standard)
    )
    return visits, criteria


def describe_outcomes(outcomes: Outcomes) -> str:
    """How many rows were read, and what became of each: every row is in exactly one of the counts."""
    forms = "1 form" if outcomes.forms == 1 else f"{outcomes.forms} forms"
    lines = [
        f"READ  {outcomes.rows:,} rows of {forms}",
        f"  {outcomes.visits.height:>6,}  findings of visits",
        f"  {outcomes.criteria.height:>6,}  criteria",
        f"  {outcomes.repeated:>6,}  say what another row says, or were corrected by one",
        f"  {outcomes.empty:>6,}  not filled in",
    ]
    mended = [
        f"  {file}{f':{row}' if row else ''}{f':{column}' if column else ''}: {problem}"
        for file, row, column, problem in outcomes.mended.select("file", "row", "column", "problem").iter_rows()
    ]
    return "\n".join(lines + mended)
