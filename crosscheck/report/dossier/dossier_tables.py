"""The tables of a run that dossiers are told from, each read once and parted by organisation.

So four hundred dossiers take little longer than one; for a few, only their rows are read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import polars as pl
import polars.selectors as cs

from crosscheck import settings
from crosscheck.collection.doubts import list_as_problems
from crosscheck.contract.typed_rows import typed_rows_by
from crosscheck.errors import RunError, UnknownNameError
from crosscheck.network.graph import list_neighbours
from crosscheck.report.dossier.ages import Ages
from crosscheck.report.dossier.case import HISTORY_COLUMNS, assemble_cases, read_rules_used
from crosscheck.report.dossier.evidence import read_labels
from crosscheck.report.dossier.facts import FigureEnquiry, read_figure_enquiries
from crosscheck.report.dossier.peer_position import spread_scores
from crosscheck.report.dossier.rows import (
    CommentRow,
    FigureRow,
    NeighbourRow,
    OrganisationRow,
    PlaceRow,
    ProblemRow,
    SectionRow,
    VerdictCounts,
    VisitRow,
)
from crosscheck.report.output.rank_bands import TO_VISIT, reach_of_capacity
from crosscheck.runs.run_folder import digest_collection, read_manifest, read_table, scan_table
from crosscheck.runs.unlisted import describe_unlisted
from crosscheck.visits.listing import all_visits
from crosscheck.vocabulary import VERDICTS, WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from crosscheck.report.dossier.rows import Case, RuleUsed
    from crosscheck.runs.manifest import Manifest

_KEYS: Final = ("org_code", "function")


@dataclass(frozen=True)
class Basis:
    """What the dossiers of a run rest on: its year and standard, and its fingerprint with what that is made of.

    `tables` has the SHA-256 of each table as it was understood, which does not hang on the order of rows in its file.
    """

    year: str
    standard: str
    declarations: int
    fingerprint: str
    manifest: Manifest
    tables: Mapping[str, str]


def read_basis(run: Path) -> Basis:
    """Read what a run rested on. Two runs of the same inputs, rules, models and options have the same fingerprint.

    Raises:
        RunError: there is no such run.
    """
    manifest = read_manifest(run)
    tables, rests_on = digest_collection(run), manifest.as_json()
    identity = {name: rests_on[name] for name in ("crosscheck", "seed", "rules", "models", "waivers")}
    identity |= {"tables": tables, "options": {**manifest.options.as_json(), "collection": ""}}
    return Basis(
        year=manifest.options.year,
        standard=manifest.options.standard,
        declarations=manifest.reconciliation.declarations,
        fingerprint=hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:12],
        manifest=manifest,
        tables=tables,
    )


def read_cases(run: Path, only: Iterable[str]) -> tuple[dict[str, list[Case]], DossierTables]:
    """Read the cases of some organisations or of all, worst first, and what there is beside them.

    Raises:
        RunError: there is no such run.
        UnknownNameError: no such organisation has a declaration in it; the message names those nearest.
    """
    listed = read_table(run, "visit_list")
    codes = _choose(run, listed, only)
    rules = read_rules_used(run)
    chosen = listed.filter(pl.col("org_code").is_in(codes))
    cases: dict[str, list[Case]] = {}
    for case in assemble_cases(chosen, _read_decided(run, codes), rules, listed.height):
        cases.setdefault(case.listed.org_code, []).append(case)
    return cases, _read_dossier_tables(run, codes, listed, rules)


def _choose(run: Path, listed: pl.DataFrame, only: Iterable[str]) -> list[str]:
    known = listed["org_code"].unique(maintain_order=True).to_list()
    asked = list(dict.fromkeys(code.strip().upper() for code in only))
    if unknown := [code for code in asked if code not in set(known)]:
        raise UnknownNameError(describe_unlisted(run, code) for code in unknown)
    return asked or known


def _read_decided(run: Path, codes: Sequence[str]) -> dict[str, pl.DataFrame]:
    """Cases, findings that differ or are open, and parts, of these organisations; what no page shows is not read."""
    wanted, keys = pl.col("org_code").is_in(codes), pl.col(_KEYS).cast(pl.String)
    wanted_verdict = pl.col("verdict").cast(pl.String).is_in(["differs", "cannot_tell"])
    findings = scan_table(run, "findings").filter(wanted & wanted_verdict).drop("expected", "basis", "group", "kind")
    cases = scan_table(run, "cases").filter(wanted).select(keys, *HISTORY_COLUMNS)
    parts = scan_table(run, "parts").filter(wanted).drop("group", "source", "sd")
    return {
        "cases": cases.collect(),
        "findings": findings.with_columns(keys).collect(),
        "parts": parts.with_columns(keys).collect(),
        "duties": scan_table(run, "duties").filter(wanted).collect(),
    }


_Row = TypeVar("_Row")
_By = Mapping[tuple[str, ...], Sequence[_Row]]


@dataclass(frozen=True)
class DossierTables:
    """What there is beside the cases: by organisation, by declaration, or by name.

    `ages` says of when each figure is, `enquiries` what to ask about it. `reach` is the last rank that the visits
    reach, `last` the last of the declarations to visit.
    """

    organisations: _By[OrganisationRow]
    rules: Mapping[str, RuleUsed]
    labels: Mapping[str, str]
    ages: Ages
    enquiries: Mapping[str, FigureEnquiry]
    absences: Mapping[tuple[str, str], Mapping[str, str | None]]
    verdicts: _By[VerdictCounts]
    sections: _By[SectionRow]
    figures: _By[FigureRow]
    comments: _By[CommentRow]
    neighbours: _By[NeighbourRow]
    visits: _By[VisitRow]
    problems: _By[ProblemRow]
    places: _By[PlaceRow]
    reach: int
    last: int


def _read_dossier_tables(
    run: Path, codes: Sequence[str], listed: pl.DataFrame, rules: Mapping[str, RuleUsed]
) -> DossierTables:
    wanted = pl.col("org_code").is_in(codes)
    types = listed.select("org_code", "org_type").unique()
    scores = read_table(run, "scores").filter(pl.col("relevance").cast(pl.String) != "answer")
    comments = scan_table(run, "collection/comments").filter(wanted).collect()
    organisations = scan_table(run, "collection/organisations").filter(wanted).collect()
    # The spread is that of all peers, so it is taken before these organisations are picked out.
    sections = _spread(read_table(run, "pooled"), types, "section").filter(wanted)
    figures = _spread(scores.drop_nulls("z"), types, "indicator").filter(wanted)
    latest = comments.sort("year", "author", "text", descending=[True, False, False])
    return DossierTables(
        organisations=typed_rows_by(organisations, OrganisationRow, "org_code"),
        rules=rules,
        labels=read_labels(run, scores),
        ages=_read_ages(run, codes),
        enquiries=read_figure_enquiries(settings.figure_enquiries_file(read_manifest(run).options.standard)),
        absences=_read_absences(run, codes),
        verdicts=typed_rows_by(_count_verdicts(run, codes), VerdictCounts, *_KEYS),
        sections=typed_rows_by(sections, SectionRow, "org_code"),
        figures=typed_rows_by(figures, FigureRow, "org_code"),
        comments=typed_rows_by(latest, CommentRow, "org_code"),
        neighbours=typed_rows_by(_read_neighbours(run, codes, listed), NeighbourRow, "org_code"),
        visits=typed_rows_by(_read_visits(run, codes), VisitRow, "org_code"),
        problems=typed_rows_by(_read_problems(run, codes), ProblemRow, "org_code"),
        places=typed_rows_by(read_table(run, "places").filter(wanted), PlaceRow, *_KEYS),
        reach=reach_of_capacity(listed, read_manifest(run).options.capacity),
        last=listed.filter(pl.col("pool") == TO_VISIT).height,
    )


def _read_ages(run: Path, codes: Sequence[str]) -> Ages:
    """The latest period of each figure of these organisations, which is the one that a case has."""
    figures = scan_table(run, "collection/indicators").filter(pl.col("org_code").is_in(codes))
    name = pl.format("{}.{}", "source", "indicator").alias("name")
    latest = figures.group_by("org_code", name).agg(pl.col("period").max()).collect()
    options = read_manifest(run).options
    return Ages(options.year, options.standard, {(code, name): period for code, name, period in latest.iter_rows()})


def _read_absences(run: Path, codes: Sequence[str]) -> dict[tuple[str, str], dict[str, str | None]]:
    """Of each declaration, why each answer is absent, by the column that says so; null where there is an answer."""
    of_these = scan_table(run, "cases").filter(pl.col("org_code").is_in(codes))
    rows = of_these.select(pl.col(_KEYS).cast(pl.String), cs.ends_with(WHY_ABSENT)).collect()
    return {(row["org_code"], row["function"]): row for row in rows.iter_rows(named=True)}


def _count_verdicts(run: Path, codes: Sequence[str]) -> pl.DataFrame:
    """One row a declaration: how many checks came to each verdict, and which agree."""
    verdict = pl.col("verdict").cast(pl.String)
    findings = scan_table(run, "findings").filter(pl.col("org_code").is_in(codes))
    counts = {name: (verdict == name).sum() for name in VERDICTS}
    agreeing = pl.col("check_id").filter(verdict == "agrees").sort()
    return findings.group_by(pl.col(_KEYS).cast(pl.String)).agg(**counts, agreeing=agreeing).sort(_KEYS).collect()


def _spread(scores: pl.DataFrame, types: pl.DataFrame, by: str) -> pl.DataFrame:
    return spread_scores(scores.join(types, on="org_code"), by).sort("org_code", by)


def _read_neighbours(run: Path, codes: Sequence[str], listed: pl.DataFrame) -> pl.DataFrame:
    """As the network lists them, each with its best rank where it is on the list."""
    ties, predecessors, names = (read_table(run, name) for name in ("ties", "predecessors", "names"))
    of_these = ties.filter(pl.col("org_code").is_in(codes))
    best = listed.group_by(code=pl.col("org_code")).agg(pl.col("rank").min())
    all_of_them = list_neighbours(of_these, predecessors, names).filter(pl.col("org_code").is_in(codes))
    return all_of_them.with_columns(pl.col("relation").cast(pl.String)).join(
        best, on="code", how="left", maintain_order="left"
    )


def _read_visits(run: Path, codes: Sequence[str]) -> pl.DataFrame:
    """Visits to the organisation or to a predecessor, whose code is `to`; the latest first."""
    files = {"visits": read_table(run, "collection/visits")}
    if (run / "collection" / "visits_wave_1.parquet").is_file():
        files["visits_wave_1"] = read_table(run, "collection/visits_wave_1")
    standard = read_manifest(run).options.standard
    visits = all_visits(files, standard).rename({"org_code": "to"})
    former = read_table(run, "predecessors").select("org_code", to="predecessor")
    own = pl.DataFrame({"org_code": codes, "to": codes}, schema={"org_code": pl.String, "to": pl.String})
    return (
        pl.concat([own, former.filter(pl.col("org_code").is_in(codes))])
        .join(visits, on="to")
        .sort("org_code", "visited_on", "to", "function", descending=[False, True, False, False])
    )


def _read_problems(run: Path, codes: Sequence[str]) -> pl.DataFrame:
    """What was wrong, or is in doubt, in rows that name the organisation."""
    problems = read_table(run, "problems")
    if "org_code" not in problems.columns:
        raise RunError(
            f"{run}: was made by an earlier version, which did not keep whose each problem is. Make it again."
        )
    doubts = list_as_problems(read_table(run, "doubts"))
    together = pl.concat([problems, doubts], how="diagonal_relaxed")
    return together.filter(pl.col("org_code").cast(pl.String).is_in(codes)).with_columns(pl.col("row").cast(pl.Float64))
