"""The summary of a run on the terminal: what was read, whom to visit first and why, what to do next."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.doubts import list_as_problems
from crosscheck.collection.problems import EFFECTS_IN_WORDS, count_effect
from crosscheck.report.output.rank_bands import (
    TO_VISIT,
    describe_assumed,
    describe_assumption,
    describe_place,
    find_like_ranks,
)
from crosscheck.runs.run_folder import MENTIONS, read_manifest, read_table
from crosscheck.visits.not_assessed import list_lost_declarations
from crosscheck.visits.plan import PRACTICE, count_arms
from crosscheck.vocabulary import ARMS_IN_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from crosscheck.collection.read import Collection, InputFile
    from crosscheck.runs.manifest import MissingSource, Reconciliation, RiskAccount, WaiverUsed
    from crosscheck.visits.plan import DrawAccount, RemovedVisit

_WIDTH: Final = 110
_NEAR: Final = 1e-6
_TABLES: Final = (
    "duties.csv", "follow_up.csv", "findings.csv", "scores.csv", "problems.csv", "not_assessed.csv", "doubts.csv",
)  # fmt: skip
_MOST_NAMED: Final = 10  # organisations that the terminal names; the file has all


def summarise_reading(collection: Collection) -> str:
    """What was read, what was set aside, and which tables are lacking; one that can't be read is among the problems."""
    absent = [name for name in collection.absent if name not in collection.unread]
    return "\n".join(_reading(collection.inputs, absent, collection.problems))


def list_problems_and_doubts(collection: Collection) -> pl.DataFrame:
    """All that is wrong or in doubt, in the columns of problems; what is left out has the effect `in doubt`."""
    return pl.concat([collection.problems, list_as_problems(collection.doubts)])


def summarise_run(folder: Path, command: str) -> str:
    """The whole summary of a run, under 80 lines.

    Args:
        folder: where the run stands.
        command: how crosscheck was called, so that the next step can be typed.
    """
    manifest, problems = read_manifest(folder), read_table(folder, "problems")
    capacity, draw = manifest.options.capacity, manifest.require_draw()
    visit_list = read_table(folder, "visit_list")
    lines = [
        *_reading(manifest.inputs, manifest.absent_tables, problems),
        "",
        *_reconciliation(manifest.reconciliation),
        *_not_assessed(read_table(folder, "not_assessed")),
        *_lost_declarations(list_lost_declarations(read_table(folder, MENTIONS), visit_list)),
        *_in_doubt(read_table(folder, "doubts"), manifest.options.collection),
        *_cycles(manifest.cycles),
        *_left_open(manifest.silences),
        *_set_aside(manifest.waivers),
        *_out_of_force(manifest.rules.not_in_force),
        "",
        *_estimation(manifest.require_risk(), visit_list, capacity),
        *_first_ten(visit_list, capacity),
        "",
        *_plan(visit_list, read_table(folder, "duties"), draw),
        *_lists(visit_list),
        "",
        *_next_steps(visit_list, folder, command),
    ]
    return "\n".join(lines)


def _reading(inputs: Sequence[InputFile], absent: Sequence[str], problems: pl.DataFrame) -> Iterator[str]:
    yield "READ"
    for file in inputs:
        aside = file.rows - file.rows_used
        yield f"  {file.table:<19}{file.rows:>8,} rows" + (f", {aside:,} set aside" if aside else "")
    if absent:
        yield f"  not in the collection, so the checks and scores that need them are left open: {', '.join(absent)}"
    effects = dict(problems.group_by("effect").len().iter_rows())
    counts = ", ".join(count_effect(effect, effects[effect]) for effect in EFFECTS_IN_WORDS if effect in effects)
    yield f"  problems: {counts or 'none'}" + (" (problems.csv names each)" if counts else "")


def _reconciliation(counts: Reconciliation) -> Iterator[str]:
    yield (
        f"RECONCILED  {counts.organisations} organisations, {counts.declarations} declarations: "
        f"{counts.compliant} compliant, {counts.not_compliant} not"
    )
    for row in counts.by_category:
        category = (row.category or "no category").replace("_", " ")
        yield f"  {category:<34}{row.declarations:>5}, {row.compliant:>4} compliant"


def _not_assessed(missing: pl.DataFrame) -> Iterator[str]:
    """Who is not on the list, and why; former bodies are counted, since they are assessed under their successors."""
    if former := missing["successor"].count():
        yield f"  {former} former {'body is' if former == 1 else 'bodies are'} assessed under the successor"
    lost = missing.filter(pl.col("successor").is_null())
    if lost.height:
        yield f"  NOT ON THE LIST: {lost.height} (not_assessed.csv names each)"
    for code, file, row, reason, _ in lost.head(_MOST_NAMED).iter_rows():
        yield "    " + textwrap.shorten(f"{code or 'no code'} ({file}, row {row}): {reason}", _WIDTH, placeholder=" …")


def _lost_declarations(lost: pl.DataFrame) -> Iterator[str]:
    """Declarations that were set aside of organisations that are on the list by another one."""
    if lost.is_empty():
        return
    whose = "1 DECLARATION" if lost.height == 1 else f"{lost.height} DECLARATIONS"
    yield f"  {whose} SET ASIDE of organisations that are on the list by another:"
    for code, file, row, why in lost.head(_MOST_NAMED).iter_rows():
        yield "    " + textwrap.shorten(f"{code} ({file}, row {row}): {why}", _WIDTH, placeholder=" …")


def _in_doubt(doubts: pl.DataFrame, collection: str) -> Iterator[str]:
    """Values that were left out, since they are unlikely beside others."""
    if doubts.is_empty():
        return
    values = "1 value" if doubts.height == 1 else f"{doubts.height:,} values"
    yield f"  IN DOUBT: {values} left out until confirmed or corrected (doubts.csv names each):"
    for row in doubts.head(_MOST_NAMED).iter_rows(named=True):
        yield f"    {row['org_code']}, {row['about']}: {row['value']}, did you mean {row['likely']}"
    yield "  no risk is lower for them: as no answer, or as they are likely meant, whichever is worse"
    yield f"  confirm or correct: crosscheck problems resolve {collection} --help"


def _cycles(cycles: Sequence[Sequence[str]]) -> Iterator[str]:
    if cycles:
        circles = "; ".join(", ".join(cycle) for cycle in cycles)
        yield f"  SUCCEED ONE ANOTHER IN A CIRCLE, so none of these ties was followed; see relationships: {circles}"


def _left_open(silences: Sequence[MissingSource]) -> Iterator[str]:
    """Sources that said nothing at all, and what that cost."""
    if silences:
        checks = {check for silence in silences for check in silence.check_id}
        sources = ", ".join(silence.source for silence in silences)
        yield from _wrapped(
            f"{len(checks)} checks could not be determined for anybody (manifest.json names each), since the "
            f"collection lacks: {sources}",
            "  ",
        )


def _wrapped(words: str, indent: str = "") -> list[str]:
    return textwrap.wrap(words, _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ")


def _set_aside(waivers: Sequence[WaiverUsed]) -> Iterator[str]:
    """Waivers that count, and those that have ended, which somebody should renew or take out."""
    if count := sum(waiver.findings for waiver in waivers):
        yield f"  {count} findings are waived: shown, but without weight (findings.csv says by whom and why)"
    for waiver in waivers:
        if not waiver.in_force:
            yield f"  A WAIVER HAS ENDED on {waiver.until:%-d %B %Y}: {waiver.rule} for {waiver.org_code} weighs again"
        elif not waiver.findings:
            yield f"  a waiver meets no finding: {waiver.rule} for {waiver.org_code}"


def _out_of_force(rules: Sequence[str]) -> Iterator[str]:
    if rules:
        yield f"  not in force in this year, for want of a threshold: {', '.join(rules)}"


def _estimation(risk: RiskAccount, visit_list: pl.DataFrame, capacity: int) -> Iterator[str]:
    """What the risks start from, what other assumptions would give, and where the estimation says little or nothing."""
    yield from _wrapped(f"STARTING POINT  {describe_assumption(risk.prevalence)}")
    yield from _wrapped(describe_assumed(risk.assumed, visit_list, capacity), "  ")
    if held := risk.held_at_zero:
        yield from _wrapped(f"weigh nothing, since they run against their stated direction: {', '.join(held)}", "  ")
    if risk.visits_show_no_relation:
        yield "  the visits show no relation between the evidence and what was found: all risks are near that share"
    if not risk.estimation.loadings_settled or not risk.estimation.visits_settled:
        yield "  THE ESTIMATION HAS NOT SETTLED: do not use these risks (manifest.json, risk)"


def _first_ten(visit_list: pl.DataFrame, capacity: int) -> Iterator[str]:
    """The first ten that a visit would test: not a lapse that a board declared itself, nor whom somebody visited."""
    yield "VISIT FIRST (declared compliant, not visited yet; in brackets 90% intervals)"
    for row in visit_list.filter(pl.col("pool") == TO_VISIT).head(10).iter_rows(named=True):
        duties = f", duties unmet by its own answers: {row['duties_unmet']}" if row["duties_unmet"] else ""
        yield f"{row['rank']:>4}. {row['name']} ({row['org_code']}, {row['function']})"
        yield (
            f"      risk {row['risk']:.0%} ({row['risk_low']:.0%}-{row['risk_high']:.0%}), "
            f"{describe_place(row['among_capacity'])} (rank {row['rank_low']}-{row['rank_high']}), "
            f"{row['flags']} flags, {row['unknowns']} unknown{duties}"
        )
        yield "      " + textwrap.shorten(row["reason"], _WIDTH, placeholder=" …")
    if like := find_like_ranks(visit_list, capacity):
        yield f"  Ranks {like[0]} to {like[1]} are not reliably different."
    if count := visit_list.filter(pl.col("pool") == "visited").height:
        yield f"  {count} were visited this year: after these on the list, with what was found."


def _plan(visit_list: pl.DataFrame, duties: pl.DataFrame, draw: DrawAccount) -> Iterator[str]:
    """How many organisations each arm chose, how the random one was drawn, and of what the mandatory visits are."""
    arms, chosen = count_arms(visit_list), visit_list.drop_nulls("selected_by")
    by_arm = ", ".join(f"{arms[arm]} {words}" for arm, words in ARMS_IN_WORDS.items())
    yield f"PLAN  {chosen['org_code'].n_unique()} organisations, {chosen.height} declarations to test: {by_arm}"
    yield f"  the random sample is a {draw.note}; it was drawn with the value {draw.value}"
    if draw.note == PRACTICE:
        yield "  to make it binding, keep the run in a store, then: crosscheck visits seal (docs/visits.md)"
    yield from _wrapped(_describe_fit(draw), "  ")
    for visit in draw.added:
        yield from _wrapped(f"added by {visit.who}, visited beside these: {visit.org_code} ({visit.why})", "  ")
    for removed in draw.removed:
        yield from _wrapped(_describe_removed(removed), "  ")
    for code in draw.added_unknown:
        unknown = f"{code} was added or removed, but has no declaration of compliance that a visit can test: check it"
        yield from _wrapped(unknown, "  ")
    if arms["mandatory"]:
        yield "  duties for which a visit is mandatory, and of whom (duties.csv has their answers):"
    mandatory = chosen.filter(pl.col("selected_by") == "mandatory").select("org_code", "function")
    admitted = duties.join(mandatory, on=["org_code", "function"]).group_by("check_id", "basis")
    for check_id, basis, codes in admitted.agg(pl.col("org_code").unique().sort()).sort("check_id").iter_rows():
        yield "    " + textwrap.shorten(f"{check_id} ({', '.join(codes)}): {basis}", _WIDTH, placeholder=" …")


def _describe_removed(removed: RemovedVisit) -> str:
    """Whom a person removed from the visits by risk, and whether it is visited all the same."""
    why = f"removed by {removed.who} from the visits by risk: {removed.org_code} ({removed.why})"
    return why + (f"; it is visited all the same: {ARMS_IN_WORDS[removed.visited_as]}" if removed.visited_as else "")


def _describe_fit(draw: DrawAccount) -> str:
    """How draws with made-up values fit the chances, whether the floor is reached, and what expected benefit brings."""
    said = []
    if fit := draw.dry_draws:
        said.append(
            f"tried with {fit.draws:,} made-up values: chi-square {fit.chi_square:.0f} on {fit.freedom} "
            f"degrees of freedom (p {fit.p:.2f}), {fit.never_drawn} organisations never drawn"
        )
    floor = draw.floor
    # Chances are solved for numerically, so a floor that is met may come out a little below what was asked for.
    if floor.least_chance is not None and floor.least_chance < floor.asked - _NEAR:
        said.append(
            f"the floor of {floor.asked:.1%} is not reached: the least chance is {floor.least_chance:.1%}; "
            + (f"{floor.visits_needed} visits, or " if floor.visits_needed else "")
            # Cut, not rounded: a floor rounded up would again not be reached.
            + f"a floor of {int(floor.least_chance * 1000) / 1000:.1%}, would do"
        )
    if price := floor.price:
        said.append(
            f"the floor of {floor.asked:.1%} costs {price.without - price.expected_hits:.2f} expected hits "
            f"({price.expected_hits:.2f} with it, {price.without:.2f} without)"
        )
    if gain := {gain.chosen_by: gain for gain in draw.gain}:
        chosen, by_risk = gain["expected_benefit"], gain["risk"]
        said.append(
            f"chosen by expected benefit: {chosen.benefit:.1f} of it, by risk {by_risk.benefit:.1f}; "
            f"{chosen.finds:.1f} declarations expected not to be upheld, by risk {by_risk.finds:.1f}"
        )
    return "; ".join(said)


def _lists(visit_list: pl.DataFrame) -> Iterator[str]:
    """What to ask before anybody visits, and what to follow up."""
    admitting = visit_list.filter(pl.col("duties_unmet") > 0)
    if admitting.height:
        yield (
            f"ASK   {admitting['org_code'].n_unique()} organisations declare compliance and answer that a statutory "
            f"duty is unmet, in {admitting.height} declarations (duties.csv)"
        )
    if count := visit_list.filter(pl.col("pool") == "follow_up").height:
        yield f"FOLLOW UP  {count} declared lapses (follow_up.csv)"


def _next_steps(visit_list: pl.DataFrame, folder: Path, command: str) -> Iterator[str]:
    yield f"FILES  {folder}/visit_list.csv (.xlsx, .parquet), {', '.join(_TABLES)}, manifest.json"
    if (folder / "national.html").is_file():
        pages = "dossiers/index.html (the list, and a dossier each), duties.html, follow_up.html, national.html"
        yield f"PAGES  {folder}/{pages}"
    to_visit = visit_list.filter(pl.col("pool") == TO_VISIT)
    planned = to_visit.filter(pl.col("selected_by").is_not_null())
    if first := next((planned if planned.height else to_visit).iter_rows(named=True), None):
        yield f"NEXT   {command} explain {first['org_code']} --function {first['function']} --run {folder}"
