"""The visit list as a page: on screen the way into the dossiers, on paper a list to plan the visits with."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.cases.history import last_day
from crosscheck.report.dossier.dossier_tables import read_basis
from crosscheck.report.output.file_names import page_of
from crosscheck.report.output.html import TEMPLATES, environment, name_type, percent, sentence
from crosscheck.report.output.pdf import Paper
from crosscheck.report.output.rank_bands import (
    BANDS,
    describe_assumed,
    describe_assumption,
    describe_place,
    find_like_ranks,
)
from crosscheck.report.visit_list.list_rows import list_entries, with_duties
from crosscheck.rulebook.to_english import in_words
from crosscheck.runs.run_folder import MENTIONS, read_table
from crosscheck.visits.follow_up import split_cell
from crosscheck.visits.not_assessed import list_lost_declarations
from crosscheck.visits.plan import count_arms
from crosscheck.vocabulary import ARMS_IN_WORDS, POOLS_IN_WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from jinja2 import Environment

    from crosscheck.report.dossier.dossier_tables import Basis
    from crosscheck.runs.manifest import Manifest

SCRIPT: Final = "visit_list.js"


def write_visit_page(
    run: Path, basis: Basis | None = None, *, with_dossiers: bool = False, beside: str | None = None
) -> str:
    """The page of a run's visit list in parts: to visit, visited, follow-up, duties, not assessed.

    Beside the dossiers a script (`SCRIPT`) shows one part at a time and searches, filters and sorts it.

    Args:
        run: a run's folder.
        basis: what the run rested on, where it has been read already.
        with_dossiers: whether the pages of the dossiers stand beside it, so that names lead to them.
        beside: where the pages of duties and follow-up stand, seen from this one; None where they do not.

    Raises:
        RunError: there is no such run.
    """
    basis = basis or read_basis(run)
    listed, duties = read_table(run, "visit_list").sort("rank"), read_table(run, "duties")
    capacity = basis.manifest.options.capacity
    return (
        _templates()
        .get_template("index.html")
        .render(
            basis=basis,
            declarations=listed.height,
            planned=listed["selected_by"].drop_nulls().len(),
            added=listed.filter(pl.col("added").is_not_null()).to_dicts(),
            arms=ARMS_IN_WORDS,
            chosen=count_arms(listed),
            parts=list_entries(listed, duties, read_table(run, "follow_up")),
            with_duties=with_duties(listed, duties),
            types=sorted(map(name_type, listed["org_type"].unique())),
            regions=listed["region"].unique().sort().to_list(),
            script=SCRIPT,
            like=find_like_ranks(listed, capacity),
            assumption=_describe_assumptions(basis.manifest, listed, capacity),
            beside=beside,
            with_dossiers=with_dossiers,
            not_assessed=read_table(run, "not_assessed").to_dicts(),
            lost=list_lost_declarations(read_table(run, MENTIONS), listed).to_dicts(),
            doubts=read_table(run, "doubts").to_dicts(),
        )
    )


def read_script() -> str:
    """The script of the page, which stands beside it as `SCRIPT`."""
    return (TEMPLATES / "visit_list" / SCRIPT).read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    found = environment("visit_list")
    found.filters |= {"page": page_of, "parts": split_cell}
    found.globals |= {"bands": BANDS}
    return found


def set_visit_list(run: Path, basis: Basis | None = None) -> Paper:
    """The same on paper: the visits planned with room for notes, and after them every declaration.

    Raises:
        RunError: there is no such run.
    """
    basis = basis or read_basis(run)
    listed = read_table(run, "visit_list").sort("rank")
    rows = listed.to_dicts()
    manifest, capacity = basis.manifest, basis.manifest.options.capacity
    laws = _name_laws(read_table(run, "duties"), {(row["org_code"], row["function"]): row["reason"] for row in rows})
    planned = [row for row in rows if row["selected_by"]]
    like = find_like_ranks(listed, capacity)
    fields = {
        "site": f"Visit list for {basis.year}, core standard {basis.standard}",
        "foot": f"Run {basis.fingerprint} of crosscheck {manifest.crosscheck}, seed {manifest.options.seed}.",
        "name": f"Visit list for {basis.year}",
        "lead": _count_visits(listed, len(planned)),
        "draw": f"The random sample is a {manifest.draw.note}." if manifest.draw else "",
        "added": [f"{_name(row)}; {row['added']}" for row in rows if row["added"]],
        "like": f"Ranks {like[0]} to {like[1]} are not reliably different." if like else "",
        "assumption": _describe_assumptions(manifest, listed, capacity),
        "planned": [_set_planned(row, laws) for row in planned],
        "pools": _set_pools(rows),
        "missing": ", ".join(manifest.reconciliation.without_declaration),
    }
    return Paper("visit_list", f"Visit list for {basis.year}, standard {basis.standard}", last_day(basis.year), fields)


def _count_visits(listed: pl.DataFrame, planned: int) -> str:
    chosen = count_arms(listed)
    number = sum(chosen.values())
    arms = ", ".join(f"{count} {words}" for arm, words in ARMS_IN_WORDS.items() if (count := chosen.get(arm)))
    visits = f"{number} {'organisation' if number == 1 else 'organisations'} to visit"
    return f"{listed.height} declarations; {visits}, with {planned} declarations to test: {arms}."


def _set_planned(row: Mapping[str, Any], laws: Mapping[tuple[str, str], Sequence[str]]) -> list[str]:
    """One row of the visits planned; the last column is left free for notes."""
    duties = laws.get((row["org_code"], row["function"]), ()) if row["selected_by"] == "mandatory" else ()
    place = row["among_capacity"]
    chosen = sentence(ARMS_IN_WORDS[row["selected_by"]]) + ("" if place is None else f"; {describe_place(place)}")
    return [
        str(row["rank"]),
        row["name"],
        f"{_name_declaration(row)} · {name_type(row['org_type'])} · {row['region']}",
        chosen,
        percent(row["risk"]),
        f"{percent(row['risk_low'])}–{percent(row['risk_high'])}",
        " ".join((row["reason"], *duties)),
    ]


def _set_pools(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every declaration, the pools apart."""
    return [
        {"heading": sentence(words), "rows": [_set_row(row) for row in rows if row["pool"] == pool]}
        for pool, words in POOLS_IN_WORDS.items()
        if any(row["pool"] == pool for row in rows)
    ]


def _set_row(row: Mapping[str, Any]) -> list[str]:
    visit = sentence(ARMS_IN_WORDS[row["selected_by"]]) if row["selected_by"] else ""
    found = f"Found {in_words(row['visited'])}" if row["visited"] else ""
    return [
        str(row["rank"]),
        _name(row),
        sentence(in_words(row["declared"])),
        percent(row["risk"]),
        f"{percent(row['risk_low'])}–{percent(row['risk_high'])}",
        f"{row['rank_low']}–{row['rank_high']}",
        visit or found,
        str(row["flags"]),
        str(row["unknowns"]),
    ]


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['name']} ({_name_declaration(row)})"


def _name_declaration(row: Mapping[str, Any]) -> str:
    return str(row["org_code"]) + ("" if row["function"] == "whole" else f", {row['function']}")


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
