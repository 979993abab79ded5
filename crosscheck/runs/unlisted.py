"""Why an organisation is not on a run's list: set aside, not assessed, a former body, or nobody at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.near_names import suggest_code
from crosscheck.runs.run_folder import read_table

if TYPE_CHECKING:
    from pathlib import Path

_NAMED: Final = 3  # rows that name an organisation that is none


def read_names(run: Path) -> dict[str, str]:
    """The code and name of every organisation on the run's list, in its order."""
    return dict(read_table(run, "visit_list").select("org_code", "name").iter_rows())


def describe_unlisted(run: Path, code: str) -> str:
    """Why a code is not on the run's list, with the file and row that say so; of an unknown one, which are near.

    Raises:
        RunError: there is no such run.
    """
    wanted = code.strip().upper()
    not_assessed = read_table(run, "not_assessed").filter(pl.col("org_code") == wanted)
    for file, row, reason, successor in not_assessed.select("file", "row", "reason", "successor").iter_rows():
        then = f" See its successor: crosscheck explain {successor}" if successor else ""
        return f"{wanted} is not on the list of this run. {file}:{row}: {reason}{then}"
    refused, near = _describe_refused(run, wanted), suggest_code(code, read_names(run))
    return f"No organisation {code.strip()} in this run.{refused}{near}"


def _describe_refused(run: Path, code: str) -> str:
    """The first rows that were set aside because they name a code that is none."""
    problems = read_table(run, "problems")
    if "org_code" not in problems.columns:  # a run of a former release
        return ""
    rows = problems.filter((pl.col("org_code") == code) & (pl.col("column") == "org_code")).head(_NAMED)
    named = [f" {file}:{row}: {problem}" for file, row, problem in rows.select("file", "row", "problem").iter_rows()]
    return "".join(named)
