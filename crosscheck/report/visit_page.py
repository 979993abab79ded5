"""The visit list as a page: on screen the way into the dossiers, on paper a list to plan the visits with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from crosscheck.report.dossier import page_of
from crosscheck.report.page import environment
from crosscheck.report.run_folder import read_table
from crosscheck.report.shelves import read_basis

if TYPE_CHECKING:
    from pathlib import Path

    from crosscheck.report.shelves import Basis

_ARMS: Final = {"mandatory": "by duty", "risk": "by risk", "random": "by lot"}


def write_visit_page(run: Path, basis: Basis | None = None, *, with_dossiers: bool = False) -> str:
    """The page of a run's visit list: the visits planned, and after them every declaration, worst first.

    Args:
        run: a run's folder.
        basis: what the run rested on, where it has been read already.
        with_dossiers: whether the pages of the dossiers stand beside it, so that names lead to them.

    Raises:
        RunError: there is no such run.
    """
    basis = basis or read_basis(run)
    rows = read_table(run, "visit_list").sort("rank").to_dicts()
    template = environment("visit_list").get_template("index.html")
    environment("visit_list").filters["page"] = page_of
    return template.render(
        basis=basis,
        rows=rows,
        planned=[row for row in rows if row["selected_by"]],
        arms=_ARMS,
        chosen=_count_arms(rows),
        with_dossiers=with_dossiers,
        without_declaration=basis.manifest["reconciliation"]["without_declaration"],
    )


def _count_arms(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {arm: sum(row["selected_by"] == arm for row in rows) for arm in _ARMS}
