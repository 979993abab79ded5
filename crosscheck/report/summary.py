"""The summary of a run on the terminal: what was read, whom to visit first and why, what to do next."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.report.run_folder import MANIFEST, read_json, read_table
from crosscheck.vocabulary import COMPLIANT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_WIDTH: Final = 110


def summarise_reading(manifest: Mapping[str, Any], problems: pl.DataFrame) -> str:
    """What was read, what was set aside, which tables the collection lacks."""
    return "\n".join(_reading(manifest["inputs"], manifest["absent_tables"], problems))


def summarise_run(folder: Path, command: str) -> str:
    """The whole summary of a run, under 60 lines.

    Args:
        folder: where the run stands.
        command: how crosscheck was called, so that the next step can be typed.
    """
    manifest, problems = read_json(folder, MANIFEST), read_table(folder, "problems")
    visit_list = read_table(folder, "visit_list")
    lines = [
        *_reading(manifest["inputs"], manifest["absent_tables"], problems),
        "",
        *_reconciliation(manifest["reconciliation"]),
        *_cycles(manifest["cycles"]),
        *_left_open(manifest["silences"]),
        *_set_aside(manifest["waivers"]),
        *_out_of_force(manifest["rules"]["not_in_force"]),
        "",
        *_first_ten(visit_list),
        "",
        *_plan(visit_list),
        "",
        *_next_steps(visit_list, folder, command),
    ]
    return "\n".join(lines)


def _reading(inputs: list[dict[str, Any]], absent: list[str], problems: pl.DataFrame) -> Iterator[str]:
    yield "READ"
    for file in inputs:
        aside = file["rows"] - file["rows_used"]
        yield f"  {file['table']:<19}{file['rows']:>8,} rows" + (f", {aside:,} set aside" if aside else "")
    if absent:
        yield f"  not in the collection, so the checks and scores that need them are left open: {', '.join(absent)}"
    effects = dict(problems.group_by("effect").len().sort("effect").iter_rows())
    told = ", ".join(f"{count:,} {effect}" for effect, count in effects.items())
    yield f"  problems: {told or 'none'}" + (" (problems.csv names each)" if told else "")


def _reconciliation(counts: dict[str, Any]) -> Iterator[str]:
    yield (
        f"RECONCILED  {counts['organisations']} organisations, {counts['declarations']} declarations: "
        f"{counts['compliant']} compliant, {counts['not_compliant']} not"
    )
    if counts["without_declaration"]:
        missing = ", ".join(counts["without_declaration"])
        yield f"  NOT ON THE LIST, for want of a declaration that can be used: {missing}"
    for row in counts["by_category"]:
        yield f"  {row['category'].replace('_', ' '):<34}{row['declarations']:>5}, {row['compliant']:>4} compliant"


def _cycles(cycles: list[list[str]]) -> Iterator[str]:
    if cycles:
        told = "; ".join(", ".join(cycle) for cycle in cycles)
        yield f"  SUCCEED ONE ANOTHER IN A CIRCLE, so none of these ties was followed; see relationships: {told}"


def _left_open(silences: list[dict[str, Any]]) -> Iterator[str]:
    """Sources that said nothing at all, and what that cost."""
    if silences:
        checks = {check for silence in silences for check in silence["check_id"]}
        told = ", ".join(silence["source"] for silence in silences)
        yield from textwrap.wrap(
            f"{len(checks)} checks can't be told for anybody (manifest.json names each), since the collection holds "
            f"nothing of: {told}",
            _WIDTH,
            initial_indent="  ",
            subsequent_indent="    ",
        )


def _set_aside(waivers: list[dict[str, Any]]) -> Iterator[str]:
    """Waivers that count, and those that have ended, which somebody should renew or take out."""
    if count := sum(waiver["findings"] for waiver in waivers):
        yield f"  {count} findings are waived: shown, but without weight (findings.csv says by whom and why)"
    for waiver in waivers:
        if not waiver["in_force"]:
            yield f"  A WAIVER HAS ENDED on {waiver['until']}: {waiver['rule']} for {waiver['org_code']} weighs again"
        elif not waiver["findings"]:
            yield f"  a waiver meets no finding: {waiver['rule']} for {waiver['org_code']}"


def _out_of_force(rules: list[str]) -> Iterator[str]:
    if rules:
        yield f"  not in force in this year, for want of a threshold: {', '.join(rules)}"


def _first_ten(visit_list: pl.DataFrame) -> Iterator[str]:
    """The first ten that a visit would test: not a lapse that a board declared itself, nor whom somebody visited."""
    compliant, visited = pl.col("declared") == COMPLIANT, pl.col("visited").is_not_null()
    yield "VISIT FIRST (declared compliant, not visited yet; in brackets what to know more may lead to, in 90 of 100)"
    for row in visit_list.filter(compliant & ~visited).head(10).iter_rows(named=True):
        yield f"{row['rank']:>4}. {row['name']} ({row['org_code']}, {row['function']})"
        yield (
            f"      risk {row['risk']:.0%} ({row['risk_low']:.0%}-{row['risk_high']:.0%}), "
            f"{row['among_first']:.0%} likely among the first tenth (rank {row['rank_low']}-{row['rank_high']}), "
            f"{row['flags']} flags, {row['unknowns']} unknown"
        )
        yield "      " + textwrap.shorten(row["reason"], _WIDTH, placeholder=" …")
    declared = visit_list.filter(~compliant)
    if declared.height:
        yield f"  {declared.height} boards declared a lapse themselves: on the list too, to follow up, not to test."
    if count := visit_list.filter(visited).height:
        yield f"  {count} were visited this year: on the list too, with what was found."


def _plan(visit_list: pl.DataFrame) -> Iterator[str]:
    arms = dict(visit_list.drop_nulls("selected_by").group_by("selected_by").len().iter_rows())
    yield "PLAN  " + ", ".join(f"{arms.get(arm, 0)} {words}" for arm, words in _ARMS.items())


_ARMS = {"mandatory": "by duty", "risk": "by risk", "random": "by lot"}


def _next_steps(visit_list: pl.DataFrame, folder: Path, command: str) -> Iterator[str]:
    yield f"FILES  {folder}/visit_list.csv (.xlsx, .parquet), findings.csv, scores.csv, problems.csv, manifest.json"
    if (folder / "national.html").is_file():
        yield f"PAGES  {folder}/dossiers/index.html (the list, and a dossier each), national.html (.json, .xlsx)"
    testable = visit_list.filter(pl.col("declared") == COMPLIANT)
    if testable.height:
        first = testable.row(0, named=True)
        yield f"NEXT   {command} explain {first['org_code']} --function {first['function']} --run {folder}"
