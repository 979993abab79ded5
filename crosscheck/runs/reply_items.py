"""Everything that an organisation has a right to reply to: findings, and all else that raises the risk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.runs.finding_items import ASKED_ONLY, list_answers, list_items, list_periods
from crosscheck.runs.run_folder import read_table

if TYPE_CHECKING:
    from pathlib import Path

    from crosscheck.standard import Standard

# Of a part that is no check: what kind of item it is. What a risk starts from is no evidence on the organisation.
_KINDS: Final = {
    "figures": "figure",
    "facts": "account",
    "comments": "remark",
    "history": "history",
    "visited": "history",
    "answers": "answer",
    "silence": "missing_answer",
}
KINDS: Final = tuple(dict.fromkeys(_KINDS.values()))
# How the risk names what it compares with an answer, and how the items of the forms do.
_BETTER, _COMPARED = "better than the record: ", "record."
_KEYS: Final = ["org_code", "function"]


def list_reply_items(run: Path, standard: Standard) -> tuple[pl.DataFrame, pl.DataFrame]:
    """List the items of the right of reply, and what each rests on.

    Args:
        run: the folder.
        standard: the rules as the run used them.

    Returns:
        `items` and `grounds` as `finding_items.list_items`, and after the findings of an organisation everything else
        that raises the risk of a declaration, by `KINDS`: `says` is the reason, and as no check differs `check_id` is
        null, and `expected`, `basis` and `evidence` are empty. An answer, figure or remark on which a finding rests is
        no item by itself.

    Raises:
        RunError: there is no such run.
    """
    items, grounds = list_items(run, standard)
    parts = _list_parts(run, grounds)
    others, members = _as_items(parts)
    rests = _list_grounds(run, standard, members)
    # Findings first, the duties before all else; a stable sort keeps the order within each.
    every = pl.concat([items, others], how="diagonal_relaxed").with_columns(pl.col("is_duty").fill_null(value=False))
    asks_only = pl.col("kind").is_in(ASKED_ONLY)
    place = pl.col("kind").replace_strict({kind: at for at, kind in enumerate(KINDS, 1)}, default=0)
    in_order = every.sort("org_code", ~pl.col("is_duty"), asks_only, place, maintain_order=True)
    return in_order, pl.concat([grounds, rests], how="diagonal_relaxed")


def _list_parts(run: Path, grounds: pl.DataFrame) -> pl.DataFrame:
    """The parts that raise a risk and that no finding rests on, each with its `kind` and the `name` it is about."""
    rests = grounds.select("org_code", "name").unique()
    raising = read_table(run, "parts").filter((pl.col("decibans") > 0) & pl.col("family").is_in(list(_KINDS)))
    named = raising.with_columns(
        kind=pl.col("family").replace_strict(_KINDS), name=pl.col("part").str.strip_prefix(_BETTER)
    )
    # An account that is better than the record is more than the answer that it compares.
    alone = named.filter(pl.col("kind") != "account").join(rests, on=["org_code", "name"], how="anti")
    return pl.concat([alone, named.filter(pl.col("kind") == "account")])


def _as_items(parts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The items, weightiest first, and the declarations that each is of: what is said alike of both is one item."""
    functions = pl.col("function").sort()
    items = (
        parts.group_by("org_code", "kind", "part", "name", "source", "reason")
        .agg(
            function=pl.when(pl.len() > 1).then(pl.lit("both")).otherwise(functions.first()),
            functions=functions.str.join(" and "),
            members=functions,
            decibans=pl.col("decibans").max(),
        )
        .sort("org_code", "decibans", "part", "reason", descending=[False, True, False, False])
        .with_columns(
            item=pl.format("{}/{}/{}", "org_code", pl.col("part").str.replace(_BETTER, _COMPARED), "function"),
            check_id=pl.lit(None, dtype=pl.String),
            says="reason",
        )
    )
    columns = ["item", "org_code", "check_id", "functions"]
    members = items.select(*columns, "part", "name", "kind", "source", function="members").explode("function")
    nothing = [pl.lit("").alias(name) for name in ("expected", "basis", "evidence")]
    return items.select(*columns, "says", "kind", *nothing), members


def _list_grounds(run: Path, standard: Standard, members: pl.DataFrame) -> pl.DataFrame:
    """What each of these items rests on: an answer that can be corrected, or the source and period of a figure."""
    questionnaire = standard.questionnaire
    answers = list_answers(read_table(run, "cases"), questionnaire)
    question_texts = {column: question.asked_in(column) for question in questionnaire for column in question.columns}
    rests = pl.concat([members, _missing_answers(run, members)], how="diagonal_relaxed").filter(
        ~((pl.col("kind") == "missing_answer") & ~pl.col("name").is_in(list(question_texts)))
    )
    about = pl.col("name").replace_strict(question_texts, default=None, return_dtype=pl.String)
    # Of a figure the name's first part is its source; what else stands in `source` is the reason for its prior.
    source = pl.col("name").str.split(".").list.first().replace(standard.indicators.source_names)
    return (
        rests.with_columns(question=pl.when(about.is_not_null()).then("name"), about=about)
        .join(answers, on=[*_KEYS, "question"], how="left", maintain_order="left")
        .join(list_periods(run), on=["org_code", "name"], how="left", maintain_order="left")
        .unique(["item", "name"], keep="first", maintain_order=True)
        .with_columns(whose=pl.when(pl.col("question").is_not_null()).then(pl.lit("your answer")).otherwise(source))
        .drop("function", "part", "kind", "source")
        .rename({"period": "statement"})
    )


def _missing_answers(run: Path, members: pl.DataFrame) -> pl.DataFrame:
    """The answers that checks which are left open lack, one row an item and question."""
    wanted = read_table(run, "findings").filter(pl.col("verdict").cast(pl.String) == "cannot_tell")
    open_questions = wanted.select(pl.col(*_KEYS).cast(pl.String), part=pl.col("check_id"), name="open_questions")
    missing = members.filter(pl.col("kind") == "missing_answer").drop("name")
    return missing.join(open_questions.explode("name"), on=[*_KEYS, "part"], maintain_order="left_right")
