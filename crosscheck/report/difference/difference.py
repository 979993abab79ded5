"""The difference of two runs: who moved on the list, by how much, and what moved them.

A run's identity says which of five things are not the same: inputs, rules, models, options, code. Where one alone is
not, it moved everything. Where several are not, each part of a declaration's risk is put down to

- `inputs`, where its own evidence is not the same: the answer, figure, remark, visit or declaration that it speaks of;
- `rules`, where it is of a check whose rule (or a waiver of it) came, went or changed;
- else the only one left that can move a part of its family (`_MOVES`), since the answers of others, and checks, move
  what is learnt of all;
- `together`, where several are left: a run between, with one thing changed at a time, tells them apart.

Parts add up to the risk, so what the causes moved adds up to the whole change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.runs.run_folder import read_manifest, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from crosscheck.runs.manifest import Manifest

CAUSES: Final = ("inputs", "rules", "models", "options", "code")
TOGETHER: Final = "together"
_UNEXPLAINED: Final = "unexplained"  # no part should be
COLUMNS: Final = (*CAUSES, TOGETHER, _UNEXPLAINED)

_KEYS: Final = ("org_code", "function")
_SLIGHTEST: Final = 1e-6
SLIGHT: Final = 0.05  # decibans; less prints as 0.0
_DECIMALS: Final = 6

# Which of the five can move a part whose own evidence is the same, by its family. What a board declared and what a
# visit of the year found have a stated weight. All else hangs together: a check covers the scores of the answers that
# it rests on, visits teach items and checks at once, and the common level (`prior`) follows from all.
_MOVES: Final[Mapping[str, frozenset[str]]] = {
    "declared": frozenset({"models", "code"}),
    "visited": frozenset({"models", "code"}),
}
_OF_CHECKS: Final = ("checks", "silence")
_NO_RETURN: Final = "no return"
_OPTIONS_THAT_WEIGH: Final = frozenset({"year", "standard", "no_learn"})  # all others choose visits, or add tables
_MODELS_THAT_WEIGH: Final = frozenset({"indicators", "visit_risk"})


@dataclass(frozen=True)
class Difference:
    """What is not the same in two runs.

    Attributes:
        same: of each of the five, whether it is the same.
        changes: one row a thing that is not: `of` (one of the five), `what`, `how` (`added`, `removed`, `changed`, or
            the values before and after).
        parts: one row a part that moved: the keys, `family`, `part`, `before`, `after`, `change` (decibans; positive is
            worse), `cause`, `own` (whether its own evidence is not the same), `reason`.
        movements: one row a declaration of both runs, the largest change first: the keys, `name`, `rank_before`,
            `rank_after`, `places` (towards the top, which is worse), `risk_before`, `risk_after`, `change` (decibans),
            `own` (of it, what its own evidence moved), one column a cause (`COLUMNS`), which add up to the change,
            `selected_before`, `selected_after`, `why`.
        alone: one row a declaration of one run only: the keys, `name`, `rank`, `in` (`before` or `after`).
    """

    same: dict[str, bool]
    changes: pl.DataFrame
    parts: pl.DataFrame
    movements: pl.DataFrame
    alone: pl.DataFrame

    def causes(self) -> list[dict[str, object]]:
        """One row a cause that moved anything: `declarations`, `parts`, and the mean size of what it moved."""
        by_cause = self.parts.group_by("cause").agg(
            declarations=pl.struct(_KEYS).n_unique(), parts=pl.len(), decibans=pl.col("change").abs().sum()
        )
        order = {cause: number for number, cause in enumerate(COLUMNS)}
        return sorted(
            by_cause.with_columns(
                per_declaration=(pl.col("decibans") / pl.col("declarations")).round(3),
                decibans=pl.col("decibans").round(3),
            ).to_dicts(),
            key=lambda row: order[row["cause"]],
        )


def compare_runs(before: Path, after: Path) -> Difference:
    """Compare two runs by the files of their folders.

    Raises:
        RunError: one of them is no run.
    """
    manifests = read_manifest(before), read_manifest(after)
    same = {part: manifests[0].identity[part] == manifests[1].identity[part] for part in CAUSES}
    changes = _list_changes(*manifests, same)
    parts = _name_causes(_join_parts(before, after), before, after, changes, same)
    lists = read_table(before, "visit_list"), read_table(after, "visit_list")
    return Difference(same, changes, parts, _movements(*lists, parts), _alone(*lists))


def _list_changes(before: Manifest, after: Manifest, same: Mapping[str, bool]) -> pl.DataFrame:
    """Everything that is not the same, by file and by option; of code its versions, or that its source is another."""
    rows = [(_kind(file), file, how) for file, how in _compare_named(before.sources, after.sources, with_values=False)]
    rows += [
        ("options", name, how)
        for name, how in _compare_named(before.options.as_json(), after.options.as_json(), with_values=True)
        # Where a collection lies says nothing of its content, and the model is listed among the files.
        if name not in ("collection", "risk_model")
    ]
    rows += [("code", name, how) for name, how in _compare_named(_versions(before), _versions(after), with_values=True)]
    named_causes = {of for of, _, _ in rows}
    rows += [
        (of, "its own source" if of == "code" else of, "changed")
        for of in CAUSES
        if not same[of] and of not in named_causes
    ]
    return pl.DataFrame(rows, schema={"of": pl.String, "what": pl.String, "how": pl.String}, orient="row")


def _kind(file: str) -> str:
    """Which of the five a file that a run rests on is of; the questionnaire lies with the data and is of the rules."""
    return {"collection": "inputs", "models": "models"}.get(file.partition("/")[0], "rules")


def _versions(manifest: Manifest) -> dict[str, str]:
    return {"crosscheck": manifest.crosscheck, "python": manifest.python, **manifest.packages}


def _compare_named(
    before: Mapping[str, object], after: Mapping[str, object], *, with_values: bool
) -> Iterable[tuple[str, str]]:
    """What was added, removed or changed; for what can be told in a word, from what to what."""
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            if with_values:
                yield name, f"{before.get(name)} → {after.get(name)}"
            else:
                yield name, "added" if name not in before else "removed" if name not in after else "changed"


def _join_parts(before: Path, after: Path) -> pl.DataFrame:
    """Parts of the declarations that both runs have, side by side; what one lacks adds nothing there."""
    parts = [
        read_table(folder, "parts").select(*_KEYS, "family", "part", "reason", decibans="decibans")
        for folder in (before, after)
    ]
    both = parts[0].select(_KEYS).unique().join(parts[1].select(_KEYS).unique(), on=_KEYS)
    # A part that one run lacks moved the risk too: by all that it adds in the other.
    joined = parts[0].join(parts[1], on=[*_KEYS, "family", "part"], how="full", coalesce=True, suffix="_after")
    return joined.join(both, on=_KEYS, how="semi").select(
        *_KEYS,
        "family",
        "part",
        before=pl.col("decibans").fill_null(0.0),
        after=pl.col("decibans_after").fill_null(0.0),
        change=(pl.col("decibans_after").fill_null(0.0) - pl.col("decibans").fill_null(0.0)).round(_DECIMALS),
        reason=pl.coalesce("reason_after", "reason"),
    )


def _name_causes(
    parts: pl.DataFrame, before: Path, after: Path, changes: pl.DataFrame, same: Mapping[str, bool]
) -> pl.DataFrame:
    """The parts that moved, each with its cause."""
    moved = parts.filter(pl.col("change").abs() >= _SLIGHTEST)
    own = _with_own_evidence(moved, before, after, same)
    left = {family: _candidates(family, changes, same) for family in own["family"].unique()}
    only = {family: next(iter(causes)) if len(causes) == 1 else TOGETHER for family, causes in left.items()}
    only |= {family: _UNEXPLAINED for family, causes in left.items() if not causes}
    rest = pl.col("family").replace_strict(only, return_dtype=pl.String, default=_UNEXPLAINED)
    of_rule = pl.col("part").is_in(_changed_rules(changes)) | pl.col("other_waiver")
    by_rule = pl.col("family").is_in(_OF_CHECKS) & of_rule
    changed = [part for part, equal in same.items() if not equal]
    cause = (
        pl.when(by_rule & pl.col("own"))
        .then(pl.lit(TOGETHER))
        .when(by_rule)
        .then(pl.lit("rules"))
        .when("own")
        .then(pl.lit("inputs"))
        .otherwise(rest)
    )
    return (
        # With one change there is nothing to attribute: it moved everything, whatever a part's own evidence says.
        own.with_columns(cause=pl.lit(changed[0]) if len(changed) == 1 else cause)
        .select(*_KEYS, "family", "part", "before", "after", "change", "cause", "own", "reason")
        .sort(*_KEYS, pl.col("change").abs(), "family", "part", descending=[False, False, True, False, False])
    )


def _candidates(family: str, changes: pl.DataFrame, same: Mapping[str, bool]) -> set[str]:
    """Which of the five are not the same and can move a part of that family though its own evidence is the same."""
    names = {of: changes.filter(pl.col("of") == of)["what"].to_list() for of in CAUSES}
    weighing = {
        "options": any(name in _OPTIONS_THAT_WEIGH for name in names["options"]),
        "models": any(set(name.split("/")) & _MODELS_THAT_WEIGH for name in names["models"]),
    }
    moves = _MOVES.get(family, frozenset(CAUSES))
    return {of for of in moves if not same[of] and weighing.get(of, True)}


def _changed_rules(changes: pl.DataFrame) -> list[str]:
    files = changes.filter(pl.col("of") == "rules")["what"]
    return files.str.split("/").list.last().str.strip_suffix(".toml").to_list()


def _with_own_evidence(moved: pl.DataFrame, before: Path, after: Path, same: Mapping[str, bool]) -> pl.DataFrame:
    """`own`: whether the evidence that the part itself speaks of is not the same; `other_waiver`: of its check."""
    keys = [*_KEYS, "family", "part"]
    evidence = [_evidence(folder, moved).select(*keys, "evidence", "waived") for folder in (before, after)]
    joined = moved.join(evidence[0], on=keys, how="left", maintain_order="left").join(
        evidence[1], on=keys, how="left", suffix="_after", maintain_order="left"
    )
    silent = pl.col("evidence").is_null() | pl.col("evidence_after").is_null()  # a rule that is not there yet
    of_check = pl.col("family").is_in(_OF_CHECKS) & (pl.col("part") != _NO_RETURN)
    differs = pl.col("evidence").ne_missing(pl.col("evidence_after")) & ~(of_check & silent)
    return joined.with_columns(
        own=differs & pl.lit(not same["inputs"]), other_waiver=pl.col("waived").ne_missing(pl.col("waived_after"))
    )


def _evidence(folder: Path, moved: pl.DataFrame) -> pl.DataFrame:
    """The evidence that each moved part speaks of, in one text; null where there is none."""
    wanted = moved.select(*_KEYS, "family", "part")
    answers = _rows_as_text(folder, "answers", ["org_code", pl.col("question_id").alias("part")])
    figures = _rows_as_text(folder, "indicators", ["org_code", pl.format("{}.{}", "source", "indicator").alias("part")])
    findings = read_table(folder, "findings").select(*_KEYS, "evidence", "waived", part="check_id")
    own_past = _past(folder)
    by_family = {
        "answers": (answers, ["org_code", "part"]),
        "figures": (figures, ["org_code", "part"]),
        "comments": (_rows_as_text(folder, "comments", ["org_code"]), ["org_code"]),
        "history": (own_past, ["org_code"]),
        "declared": (_rows_as_text(folder, "declarations", [*_KEYS]), [*_KEYS]),
        "visited": (own_past, ["org_code"]),
        "checks": (findings, [*_KEYS, "part"]),
        "silence": (pl.concat([findings, _returns(folder, wanted)], how="diagonal"), [*_KEYS, "part"]),
        **{family: (_reasons(folder, family), [*_KEYS, "part"]) for family in ("facts", "doubts")},
    }
    blank = pl.lit(None, dtype=pl.String)
    found = [
        wanted.filter(pl.col("family") == family).join(evidence, on=on, how="left")
        for family, (evidence, on) in by_family.items()
    ]
    rest = wanted.filter(~pl.col("family").is_in(list(by_family))).with_columns(evidence=blank)
    return pl.concat([*found, rest], how="diagonal")


def _returns(folder: Path, moved: pl.DataFrame) -> pl.DataFrame:
    """All that an organisation answered, as the evidence of a return that is missing."""
    missing = moved.filter(pl.col("part") == _NO_RETURN).select(*_KEYS, "part")
    return missing.join(_rows_as_text(folder, "answers", ["org_code"]), on="org_code", how="left")


def _reasons(folder: Path, family: str) -> pl.DataFrame:
    """Both accounts of a fact, or the values in doubt, as the sentence that has the figures."""
    of_family = read_table(folder, "parts").filter(pl.col("family") == family)
    return of_family.select(*_KEYS, "part", evidence="reason")


def _rows_as_text(folder: Path, table: str, by: list[Any]) -> pl.DataFrame:
    """All that a table of the collection says of each, as one text, in whatever order it was said."""
    rows = read_table(folder, f"collection/{table}")
    return (
        rows.select(*by, said=pl.struct(pl.all()).struct.json_encode())
        .group_by(pl.exclude("said"))
        .agg(evidence=pl.col("said").sort().str.join("\n"))
    )


def _past(folder: Path) -> pl.DataFrame:
    """What an organisation and its predecessors declared and what visits found there."""
    names = [
        name
        for name in ("declarations", "visits", "visits_wave_1")
        if (folder / "collection" / f"{name}.parquet").is_file()
    ]
    said = pl.concat([_rows_as_text(folder, name, ["org_code"]) for name in names])
    # A predecessor's past counts as the successor's own, as it does in the risk.
    handed = said.join(
        read_table(folder, "predecessors").select("predecessor", successor="org_code"),
        left_on="org_code", right_on="predecessor",
    ).select("evidence", org_code="successor")  # fmt: skip
    return (
        pl.concat([said, handed.select(said.columns)])
        .group_by("org_code")
        .agg(pl.col("evidence").sort().str.join("\n"))
    )


def _movements(before: pl.DataFrame, after: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    compared = ("rank", "risk", "selected_by")
    both = before.select(*_KEYS, *compared).join(
        after.select(*_KEYS, "name", "declared", *compared), on=_KEYS, suffix="_after"
    )
    by_cause = (
        parts.pivot("cause", index=_KEYS, values="change", aggregate_function="sum")
        if parts.height
        else parts.select(_KEYS)
    )
    # Each cause has its column even where it moved nothing, so that all differences have the same columns.
    lacking = [pl.lit(0.0).alias(cause) for cause in COLUMNS if cause not in by_cause.columns]
    joined = both.join(by_cause.with_columns(lacking), on=_KEYS, how="left").join(_why(parts), on=_KEYS, how="left")
    return joined.select(
        *_KEYS,
        "name",
        "declared",
        rank_before="rank",
        rank_after="rank_after",
        places=pl.col("rank") - pl.col("rank_after"),
        risk_before="risk",
        risk_after="risk_after",
        change=pl.sum_horizontal(pl.col(COLUMNS).fill_null(0.0)).round(_DECIMALS),
        own=pl.col("own").fill_null(0.0).round(_DECIMALS),
        **{cause: pl.col(cause).fill_null(0.0).round(_DECIMALS) for cause in COLUMNS},
        selected_before="selected_by",
        selected_after="selected_by_after",
        why=pl.col("why").fill_null(""),
    ).sort(pl.col("change").abs(), "rank_after", descending=[True, False])


def _why(parts: pl.DataFrame) -> pl.DataFrame:
    """The three parts that moved a declaration most, in words, and how much its own evidence moved it."""
    said = pl.format(
        "{} {} ({})",
        "part",
        pl.when(pl.col("change") > 0)
        .then(pl.format("+{}", pl.col("change").round(1)))
        .otherwise(pl.col("change").round(1).cast(pl.String)),
        pl.when(pl.col("own")).then(pl.format("{}: its own", "cause")).otherwise("cause"),
    )
    own = pl.col("change").filter(pl.col("own")).sum()
    return parts.group_by(_KEYS, maintain_order=True).agg(
        why=said.filter(pl.col("change").abs() >= SLIGHT).head(3).str.join("; "), own=own
    )


def _alone(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    columns = [*_KEYS, "name", "rank"]
    return pl.concat(
        [
            before.join(after, on=_KEYS, how="anti").select(*columns, pl.lit("before").alias("in")),
            after.join(before, on=_KEYS, how="anti").select(*columns, pl.lit("after").alias("in")),
        ]
    ).sort("in", "rank")
