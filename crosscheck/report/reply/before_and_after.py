"""Before and after: two versions of a case, side by side, and what else moved; both are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.report.output.file_names import file_stem
from crosscheck.report.output.html import render
from crosscheck.report.output.tables import write_csv
from crosscheck.runs.run_folder import read_manifest, read_table
from crosscheck.vocabulary import VERDICTS_IN_WORDS

if TYPE_CHECKING:
    from pathlib import Path

PAGE: Final = "before_and_after.html"
_KEYS: Final = ("org_code", "function")
_STANDING: Final = ("rank", "rank_low", "rank_high", "risk", "risk_low", "risk_high", "decibans", "flags", "unknowns")

# Places by which another declaration has to move to be counted (choice: a visit more or less in a list of some sixty
# is planned in fewer places than intervals of rank are wide).
PLACES: Final = 5

# Decibans by which a part has to change to be shown: less than that rounds to nothing in what readers see.
_VISIBLE: Final = 0.05


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side.

    `standings` has one row a declaration of an organisation that corrected something, with every figure `…_before` and
    `…_after`. `findings` has one row a check whose verdict changed, whosever: an answer is also one of two accounts of
    others. `parts` has one row a part of the risk of those declarations that changed visibly, the largest change first;
    a part that is not there is null. Positive is worse. `others` are the declarations of everybody else, `moved` those
    of them whose rank changed by at least `PLACES`, `farthest` the most places; `chosen` are visits planned or dropped.
    """

    standings: pl.DataFrame
    findings: pl.DataFrame
    parts: pl.DataFrame
    chosen: pl.DataFrame
    others: int
    moved: int
    farthest: int


def compare_corrected(before: Path, after: Path, org_codes: pl.Series) -> Comparison:
    """Compare a run with one that was made of the same collection but for corrections.

    Args:
        before: the run as it was.
        after: the corrected run.
        org_codes: whose answers were corrected.
    """
    listed = _side_by_side("visit_list", before, after, _KEYS)
    theirs = pl.col("org_code").is_in(org_codes.implode())
    moves = listed.filter(~theirs).select((pl.col("rank_after") - pl.col("rank_before")).abs().alias("places"))[
        "places"
    ]
    return Comparison(
        standings=listed.filter(theirs).select(*_KEYS, *_both(_STANDING), name="name_after"),
        findings=_changed_findings(before, after),
        parts=_changed_parts(before, after, org_codes),
        chosen=_changed_plan(listed),
        others=moves.len(),
        moved=int((moves >= PLACES).sum()),
        farthest=int(moves.max() or 0),  # type: ignore[arg-type]  # places are whole numbers
    )


def write_comparison(comparison: Comparison, corrections: pl.DataFrame, before: Path, folder: Path) -> None:
    """Write `before_and_after.csv`, one row a thing that changed, `before_and_after.html` and `corrections.csv`."""
    write_csv(corrections, folder / "corrections.csv")
    write_csv(_long(comparison), folder / "before_and_after.csv")
    options = read_manifest(before).options
    fields: dict[str, object] = {
        "year": options.year,
        "standard": options.standard,
        "corrections": corrections.to_dicts(),
        "comparison": comparison,
        "cases": [_case(standing, comparison) for standing in comparison.standings.to_dicts()],
        "elsewhere": _elsewhere(comparison).to_dicts(),
        "chosen": comparison.chosen.to_dicts(),
        "PLACES": PLACES,
        "VERDICTS": VERDICTS_IN_WORDS,
    }
    (folder / PAGE).write_text(render("reply", "before_and_after.html", fields), encoding="utf-8")


def summarise_comparison(comparison: Comparison, folder: Path) -> str:
    """What an accepted correction changed, in some lines."""
    standings = (
        f"{row['name']} ({row['org_code']}, {row['function']}): risk {row['risk_before']:.1%} before, "
        f"{row['risk_after']:.1%} after; rank {row['rank_before']} before, {row['rank_after']} after"
        for row in comparison.standings.to_dicts()
    )
    findings = (
        f"  {row['check_id']} {row['org_code']} {row['function']}: {VERDICTS_IN_WORDS[row['verdict_before']]} before, "
        f"{VERDICTS_IN_WORDS[row['verdict_after']]} after"
        for row in comparison.findings.to_dicts()
    )
    others = (
        f"Of {comparison.others} other declarations, {comparison.moved} moved by {PLACES} places or more; "
        f"the farthest by {comparison.farthest}. {comparison.chosen.height} declarations are planned otherwise."
    )
    files = f"{folder / PAGE} shows both versions; {folder / 'corrections.csv'} says who accepted what and why."
    return "\n".join((*standings, *findings, others, files))


def _both(names: tuple[str, ...]) -> list[str]:
    return [f"{name}_{side}" for name in names for side in ("before", "after")]


def _side_by_side(table: str, before: Path, after: Path, keys: tuple[str, ...]) -> pl.DataFrame:
    """One row a key of either run, each other column twice: `…_before` and `…_after`."""
    sides = [
        read_table(run, table).select(*keys, pl.exclude(keys).name.suffix(f"_{side}"))
        for run, side in ((before, "before"), (after, "after"))
    ]
    return sides[0].join(sides[1], on=keys, how="full", coalesce=True).sort(keys)


def _changed_findings(before: Path, after: Path) -> pl.DataFrame:
    keys = ("org_code", "function", "check_id")
    compared = ("verdict", "weight", "evidence")
    both = _side_by_side("findings", before, after, keys)
    changed = both.filter(pl.col("verdict_before") != pl.col("verdict_after"))
    return changed.select(
        *keys, *_both(compared), expected=pl.coalesce("expected_before", "expected_after")
    ).with_columns(pl.selectors.starts_with("verdict").cast(pl.String))


def _changed_parts(before: Path, after: Path, org_codes: pl.Series) -> pl.DataFrame:
    keys = (*_KEYS, "family", "part")
    both = _side_by_side("parts", before, after, keys).filter(pl.col("org_code").is_in(org_codes.implode()))
    change = pl.col("decibans_after").fill_null(0) - pl.col("decibans_before").fill_null(0)
    changed = both.with_columns(change=change).filter(pl.col("change").abs() >= _VISIBLE)
    reason = pl.coalesce("reason_after", "reason_before")
    ordered = changed.sort(*_KEYS, pl.col("change").abs(), "part", descending=[False, False, True, False])
    return ordered.select(*keys, "decibans_before", "decibans_after", "change", reason=reason)


def _changed_plan(listed: pl.DataFrame) -> pl.DataFrame:
    chosen = listed.filter(pl.col("selected_by_before").ne_missing(pl.col("selected_by_after")))
    return chosen.select(*_KEYS, "selected_by_before", "selected_by_after", name="name_after")


def _case(standing: dict[str, Any], comparison: Comparison) -> dict[str, object]:
    """One declaration of whom the correction is, with what changed of it."""
    of_this = (pl.col("org_code") == standing["org_code"]) & (pl.col("function") == standing["function"])
    return {
        **standing,
        "stem": file_stem(standing["org_code"]),
        "findings": comparison.findings.filter(of_this).to_dicts(),
        "parts": comparison.parts.filter(of_this).to_dicts(),
    }


def _elsewhere(comparison: Comparison) -> pl.DataFrame:
    """Findings on others that changed: the corrected answer is one of two accounts there."""
    theirs = comparison.standings.select("org_code").unique()
    return comparison.findings.join(theirs, on="org_code", how="anti", maintain_order="left")


def _long(comparison: Comparison) -> pl.DataFrame:
    """One row a thing that changed: whose, what kind of thing, which, and how it was and is, as text."""
    changes = []
    for name in _STANDING:
        changed = comparison.standings.filter(pl.col(f"{name}_before").ne_missing(pl.col(f"{name}_after")))
        changes.append(_rows(changed, "standing", pl.lit(name), name))
    changes.append(_rows(comparison.findings, "finding", pl.col("check_id"), "verdict"))
    changes.append(_rows(comparison.parts, "part", pl.col("part"), "decibans"))
    changes.append(_rows(comparison.chosen, "plan", pl.lit("selected_by"), "selected_by"))
    return pl.concat(changes)


def _rows(changed: pl.DataFrame, kind: str, which: pl.Expr, name: str) -> pl.DataFrame:
    sides = {side: pl.col(f"{name}_{side}").cast(pl.String) for side in ("before", "after")}
    return changed.select(*_KEYS, kind=pl.lit(kind), which=which, **sides)
