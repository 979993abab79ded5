"""The visit list as a page: on screen the way into the dossiers, on paper a list to plan the visits with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crosscheck.report.dossier import page_of
from crosscheck.report.page import environment
from crosscheck.report.run_folder import read_table
from crosscheck.report.shelves import read_basis
from crosscheck.visits.plan import PRACTICE, count_arms

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from crosscheck.report.shelves import Basis

ARMS: Final = {
    "mandatory": "for an unmet statutory duty",
    "risk": "for the highest risk",
    "random": "at random",
}
POOLS_IN_WORDS: Final = {"to_visit": "To visit", "visited": "Visited this year", "follow_up": "To follow up"}


def write_visit_page(
    run: Path, basis: Basis | None = None, *, with_dossiers: bool = False, beside: str | None = None
) -> str:
    """The page of a run's visit list: the visits planned, and after them every declaration, worst first.

    Args:
        run: a run's folder.
        basis: what the run rested on, where it has been read already.
        with_dossiers: whether the pages of the dossiers stand beside it, so that names lead to them.
        beside: where the pages of duties and follow-up stand, seen from this one; None where they do not.

    Raises:
        RunError: there is no such run.
    """
    basis = basis or read_basis(run)
    listed = read_table(run, "visit_list").sort("rank")
    rows = listed.to_dicts()
    template = environment("visit_list").get_template("index.html")
    environment("visit_list").filters["page"] = page_of
    return template.render(
        basis=basis,
        rows=rows,
        planned=[row for row in rows if row["selected_by"]],
        arms=ARMS,
        pools=POOLS_IN_WORDS,
        practice=PRACTICE,
        chosen=count_arms(listed),
        laws=_name_laws(read_table(run, "duties")),
        beside=beside,
        with_dossiers=with_dossiers,
        without_declaration=basis.manifest["reconciliation"]["without_declaration"],
    )


def _name_laws(duties: pl.DataFrame) -> dict[tuple[str, str], list[str]]:
    """What each declaration with an unmet duty admits, and the law, the gravest first."""
    laws: dict[tuple[str, str], list[str]] = {}
    for org_code, function, finding, basis in duties.select("org_code", "function", "finding", "basis").iter_rows():
        laws.setdefault((org_code, function), []).append(f"{finding} ({basis})")
    return laws
