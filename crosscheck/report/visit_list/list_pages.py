"""The two lists beside the visit list as pages: duties unmet on the own word, and declared lapses to follow up."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.report.dossier.dossier_tables import read_basis
from crosscheck.report.output.file_names import page_of
from crosscheck.report.output.html import environment
from crosscheck.runs.run_folder import read_table
from crosscheck.visits.follow_up import split_cell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crosscheck.report.dossier.dossier_tables import Basis

DUTIES: Final = "duties.html"
FOLLOW_UP: Final = "follow_up.html"
_KEYS: Final = ("org_code", "function")


def write_list_pages(run: Path, dossiers: str) -> None:
    """Write `duties.html` and `follow_up.html` into a run's folder.

    Args:
        run: the run's folder.
        dossiers: where the dossiers stand, seen from there, so that names lead to them.

    Raises:
        RunError: there is no such run.
    """
    basis = read_basis(run)
    for name, table in ((DUTIES, "duties"), (FOLLOW_UP, "follow_up")):
        (run / name).write_text(_render(name, _read(run, table), basis, dossiers), encoding="utf-8")


def _read(run: Path, name: str) -> pl.DataFrame:
    """The rows with who each is of and its place, in the order of the visit list."""
    whose = read_table(run, "visit_list").select(*_KEYS, "rank", "name", "org_type", "region", "pool", "selected_by")
    rows = read_table(run, name)
    return rows.join(whose, on=_KEYS, how="left", maintain_order="left").sort("rank", maintain_order=True)


def _render(page: str, rows: pl.DataFrame, basis: Basis, dossiers: str) -> str:
    found = environment("visit_list")
    found.filters |= {"page": page_of, "parts": split_cell}
    of_organisations = list(_by_organisation(rows))
    return found.get_template(page).render(
        basis=basis, rows=rows.to_dicts(), organisations=of_organisations, dossiers=dossiers
    )


def _by_organisation(rows: pl.DataFrame) -> Iterator[dict[str, object]]:
    """Each organisation with its rows; what both functions of a trust say alike stands once, with both `functions`."""
    columns = [name for name in rows.columns if name not in {"function", "rank", "pool", "selected_by"}]
    first = rows.select("org_code", pl.col("rank").min().over("org_code").alias("first"))
    once = (
        rows.with_columns(first["first"])
        .group_by("first", *columns, maintain_order=True)
        .agg(functions=pl.col("function").sort(), selected_by=pl.col("selected_by").first())
        .sort("first", maintain_order=True)
    )
    for code, of_it in groupby(once.to_dicts(), key=lambda row: row["org_code"]):
        rows_of_it = list(of_it)
        yield {**{name: rows_of_it[0][name] for name in ("name", "org_type", "region", "first", "selected_by")},
               "org_code": code, "rows": rows_of_it}  # fmt: skip
