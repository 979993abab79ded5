"""The visit list as a page: on screen the way into the dossiers, on paper a list to plan the visits with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crosscheck.report.dossier.dossier_tables import read_basis
from crosscheck.report.output.file_names import page_of
from crosscheck.report.output.html import environment
from crosscheck.report.output.rank_bands import describe_assumed, describe_assumption, find_like_ranks
from crosscheck.runs.run_folder import read_table
from crosscheck.visits.plan import count_arms
from crosscheck.vocabulary import ARMS_IN_WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

    from crosscheck.report.dossier.dossier_tables import Basis
    from crosscheck.runs.manifest import Manifest

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
    rows, capacity = listed.to_dicts(), basis.manifest.options.capacity
    template = environment("visit_list").get_template("index.html")
    environment("visit_list").filters["page"] = page_of
    return template.render(
        basis=basis,
        rows=rows,
        planned=[row for row in rows if row["selected_by"]],
        added=[row for row in rows if row["added"]],
        arms=ARMS_IN_WORDS,
        pools=POOLS_IN_WORDS,
        chosen=count_arms(listed),
        laws=_name_laws(read_table(run, "duties"), {(row["org_code"], row["function"]): row["reason"] for row in rows}),
        like=find_like_ranks(listed, capacity),
        assumption=_describe_assumptions(basis.manifest, listed, capacity),
        beside=beside,
        with_dossiers=with_dossiers,
        not_assessed=read_table(run, "not_assessed").to_dicts(),
        doubts=read_table(run, "doubts").to_dicts(),
    )


def _describe_assumptions(manifest: Manifest, listed: pl.DataFrame, capacity: int) -> str:
    """What every risk starts from, and what another start would give; empty for a run that does not say it."""
    if manifest.risk is None:
        return ""
    start = describe_assumption(manifest.risk.prevalence)
    return f"{start} {describe_assumed(manifest.risk.assumed, listed, capacity)}".strip()


def _name_laws(duties: pl.DataFrame, reasons: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], list[str]]:
    """What each declaration with an unmet duty admits beside its reason, and the law, the gravest first."""
    laws: dict[tuple[str, str], list[str]] = {}
    for org_code, function, finding, basis in duties.select("org_code", "function", "finding", "basis").iter_rows():
        said = f"{finding.removesuffix('.')} ({basis})."
        if said != reasons.get((org_code, function)):
            laws.setdefault((org_code, function), []).append(said)
    return laws
