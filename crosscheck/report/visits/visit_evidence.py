"""Evidence for a visit: what speaks for visiting an organisation, both accounts, and lines of enquiry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.runs.finding_items import ASKED_ONLY, list_items
from crosscheck.runs.run_folder import read_table

if TYPE_CHECKING:
    from pathlib import Path

    from crosscheck.questionnaire import Questionnaire
    from crosscheck.standard import Standard

# What a visit can look into: former declarations and other visits can not be looked at on the day.
_FAMILIES: Final = ("checks", "silence", "answers", "figures", "facts")
_BETTER: Final = "better than the record: "
_REVIEW: Final = r"^review([12])\."


@dataclass(frozen=True)
class Evidence:
    """The evidence of all organisations of a run.

    Attributes:
        points: one row a point, by organisation, the one that adds most to the risk first: `org_code`, `point` (the
            item of the right of reply, or the part of the risk), `family` (of the part), `check_id` and `expected` (of
            the check that differs, null where none does), `functions` (the declarations that it speaks of), `finding`,
            `decibans` (what the check and the answers and figures that it rests on add to the risk, the larger of
            two declarations; positive is worse), `is_duty`.
        grounds: what each item rests on, as `finding_items.list_items` has it.
        items: the items themselves.
        criteria: one row a point and question that it rests on: `org_code`, `point`, `question_id`, `item` (which
            of two reviews, null where the question is asked once).
    """

    points: pl.DataFrame
    grounds: pl.DataFrame
    items: pl.DataFrame
    criteria: pl.DataFrame


def weigh_evidence(run: Path, standard: Standard) -> Evidence:
    """Gather what speaks for a visit, organisation by organisation.

    An answer or figure counts once: with the weightiest check that differs and rests on it, or by itself where none
    does. Evidence that lowers the risk is no reason to look, and is left out.

    Args:
        run: the run's folder.
        standard: the rules as the run used them.

    Raises:
        RunError: there is no such run.
    """
    items, grounds = list_items(run, standard)
    items = items.filter(~pl.col("kind").is_in(ASKED_ONLY))
    parts = _read_parts(run)
    checked, attached = _weigh_checks(items, grounds, parts)
    unchecked = parts.filter(pl.col("family") != "checks").join(attached, on=["org_code", "part"], how="anti")
    order = ["org_code", "decibans", "point"]
    points = pl.concat([checked, _list_others(unchecked)], how="diagonal").sort(order, descending=[False, True, False])
    return Evidence(points, grounds, items, _list_criteria(points, grounds, standard.questionnaire))


def _read_parts(run: Path) -> pl.DataFrame:
    """Each part that raises the risk of a declaration of the organisation, with the larger of two figures."""
    parts = read_table(run, "parts").filter((pl.col("decibans") > 0) & pl.col("family").is_in(_FAMILIES))
    worst = pl.col("decibans").arg_max()
    return (
        parts.sort("org_code", "family", "part", "function")
        .group_by("org_code", "family", "part", maintain_order=True)
        .agg(pl.col("decibans").max(), finding=pl.col("reason").get(worst), functions=pl.col("function"))
        .with_columns(name=pl.col("part").str.strip_prefix(_BETTER))
    )


def _weigh_checks(items: pl.DataFrame, grounds: pl.DataFrame, parts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The items that differ as points, and which parts count with them: `org_code`, `part`."""
    own = parts.filter(pl.col("family") == "checks").select("org_code", "decibans", check_id="part")
    weighed = items.join(own, on=["org_code", "check_id"], how="left", maintain_order="left").with_columns(
        pl.col("decibans").fill_null(0.0)
    )
    rests = grounds.select("item", "name").join(weighed.select("item", "org_code", "decibans"), on="item")
    # An answer on which several checks rest would else be counted with each of them.
    weightiest = rests.sort("decibans", "item", descending=[True, False]).unique(
        ["org_code", "name"], keep="first", maintain_order=True
    )
    others = parts.filter(~pl.col("family").is_in(["checks", "silence"])).select("org_code", "part", "name", "decibans")
    attached = others.join(weightiest.drop("decibans"), on=["org_code", "name"]).sort("org_code", "part")
    with_them = attached.group_by("item").agg(more=pl.col("decibans").sum())
    points = weighed.join(with_them, on="item", how="left", maintain_order="left").select(
        "org_code",
        "check_id",
        "expected",
        "is_duty",
        family=pl.lit("checks"),
        point="item",
        functions=pl.col("functions").str.split(" and "),
        finding="says",
        decibans=pl.col("decibans") + pl.col("more").fill_null(0.0),
    )
    return points.filter(pl.col("decibans") > 0), attached.select("org_code", "part").unique()


def _list_others(parts: pl.DataFrame) -> pl.DataFrame:
    """Points of parts that no check that differs rests on."""
    return parts.select(
        "org_code", "family", "decibans", "finding", "functions", point="part", is_duty=pl.lit(value=False)
    )


def _list_criteria(points: pl.DataFrame, grounds: pl.DataFrame, questionnaire: Questionnaire) -> pl.DataFrame:
    """The questions that points rest on, in the order of the points."""
    answer_columns = [column for question in questionnaire for column in question.columns]
    of_items = grounds.drop_nulls("question").select("org_code", point="item", column="question")
    alone = points.select("org_code", "point", column=pl.col("point").str.strip_prefix(_BETTER))
    both = pl.concat([of_items, alone.filter(pl.col("column").is_in(answer_columns))])
    keys = ["org_code", "point"]
    return points.select(keys).join(both, on=keys, maintain_order="left_right").select(*keys, *split_column("column"))


def split_column(name: str) -> list[pl.Expr]:
    """`question_id` and `item` from the column of the cases that bears the answer: `review1.x` is item 1 of x."""
    column = pl.col(name)
    return [
        column.str.replace(_REVIEW, "").alias("question_id"),
        column.str.extract(_REVIEW, 1).alias("item"),
    ]
