"""Disclosure: which numbers of the national picture are withheld when it is published.

Figures on one question share their respondents: shares of its answers add up to the base, the base and those left out
of it to the organisations contacted, types of organisation to all. So the counts of a question are suppressed together
(`suppression.suppress`). The respondents are divided as finely as the figures divide them, and not finer; each printed
count is a sum of such parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.report.national.figures import ABSENT, PARTS, match
from crosscheck.report.national.suppression import suppress

if TYPE_CHECKING:
    from crosscheck.report.national.review import Review

# What withholding a count loses, in the order of the reader's interest: the base takes the figure with it.
_COSTS: Final = {
    "not_put": 1.0,
    "no_answer": 2.0,
    "not_known": 3.0,
    "not_applicable": 4.0,
    "numerator": 100.0,
    "base": 1000.0,
}

# The two parts of the whole that are not printed: those asked, and those in the base who are not counted.
_CONTACTED: Final = "contacted"
_OTHERS: Final = "others"


def withhold(figures: pl.DataFrame, respondents: pl.DataFrame, review: Review) -> pl.DataFrame:
    """Withhold what can't be published of recomputed figures.

    A figure is shown only if its base is, and its numerator where it has one: a percentage with its base gives the
    count. A smallest or largest value belongs to one organisation and is withheld. Where the mean of a type of
    organisation is withheld, that of all is too, since the others would give it back. What is said of types of
    organisation beyond the review's own figures is left out.

    Args:
        figures: as `differences.judge` leaves them.
        respondents: what they were recomputed from.
        review: what was published.

    Returns:
        The same figures, what is withheld null, and `withheld`: the names of what is.
    """
    cells = _cells(match(figures, respondents, review), figures)
    hidden = suppress(_counts(cells), _relations(cells)).filter(~pl.col("shown") & pl.col("printed"))
    hidden = (
        cells.filter(pl.col("cell").is_in(hidden["cell"].to_list()) & pl.col("part").is_in(PARTS))
        .group_by("figure_id")
        .agg(withheld=pl.col("part").unique().sort())
    )
    return _without(figures.join(hidden, on="figure_id", how="left").with_columns(pl.col("withheld").fill_null([])))


def withhold_returns(organisations: pl.DataFrame) -> pl.DataFrame:
    """Withhold how many organisations made a return, where it would tell of few that did not.

    Args:
        organisations: `kind` (each type, and `all`), `contacted`, which everybody knows, `responded` and `silent`.

    Returns:
        The same, with `withheld`; the two counts are null where it holds. They are withheld together: one of them and
        the number contacted give the other.
    """
    silent = pl.concat_str(pl.lit("silent "), "kind")
    responded = pl.concat_str(pl.lit("responded "), "kind")
    named = {"silent": silent, "responded": responded, "contacted": pl.col("kind")}
    counts = pl.concat(
        [
            organisations.select(cell=cell, count=pl.col(name).cast(pl.Int64), known=pl.lit(name == "contacted"))
            for name, cell in named.items()
        ]
    ).with_columns(printed=pl.lit(value=True), cost=pl.lit(1.0))
    terms = [(f"contacted {kind}", cell, factor) for kind in organisations["kind"] for cell, factor in (
        (f"silent {kind}", 1), (f"responded {kind}", 1), (kind, -1))]  # fmt: skip
    # Without this relation the total would give back the only type that is withheld.
    terms += [("all", f"silent {kind}", -1 if kind == "all" else 1) for kind in organisations["kind"]]
    relations = pl.DataFrame(terms, schema=["relation", "cell", "factor"], orient="row")
    printable = suppress(counts, relations).filter("shown")["cell"].to_list()
    withheld = ~(silent.is_in(printable) & responded.is_in(printable))
    return organisations.with_columns(withheld=withheld).with_columns(
        pl.when(~pl.col("withheld")).then(pl.col("responded", "silent"))
    )


def _without(figures: pl.DataFrame) -> pl.DataFrame:
    parts = pl.col("withheld")
    lost = parts.list.contains("base") | parts.list.contains("numerator") | pl.col("statistic").str.starts_with("range")
    means = pl.col("statistic").is_in(["mean", "mean_percent"]) & (pl.col("question_id") != "")
    wider = (lost & means).any().over("question_id") & (pl.col("types").list.len() > 1) & means
    values = ("recomputed", "difference", "agreement", "reason", "most_frequent")
    return (
        figures.with_columns(lost=lost | wider)
        .with_columns(pl.when(~pl.col("lost")).then(pl.col(values)))
        .with_columns(
            *(pl.when(~parts.list.contains(name)).then(name) for name in PARTS),
            withheld=pl.when("lost").then(pl.concat_list(parts, pl.lit(["recomputed"]))).otherwise(parts),
            answered=pl.lit(None, dtype=pl.UInt32),
            by_type=pl.lit(None, dtype=figures.schema["by_type"]),
        )
        .drop("lost")
    )


def _cells(matched: pl.DataFrame, figures: pl.DataFrame) -> pl.DataFrame:
    """One row a figure, part and group of respondents in it, with the `cell` that the part is and the group's `count`.

    A group is all respondents of whom every figure on the question says the same. Parts made of the same groups are one
    cell. A part of nobody has no row: that it is nought is shown.
    """
    statistic = figures.select("figure_id", has_numerator=pl.col("numerator").is_not_null())
    inside = pl.col("in_scope")
    parts = {
        "numerator": inside & pl.col("counted") & pl.col("has_numerator"),
        "base": inside & pl.col("in_base"),
        **{name: inside & (pl.col("state") == name) for name in ABSENT},
        _OTHERS: inside & pl.col("in_base") & ~pl.col("counted") & pl.col("has_numerator"),
        _CONTACTED: inside,
    }
    judged = (
        matched.join(statistic, on="figure_id")
        .with_columns(**parts)
        .select("asked", "respondent", "figure_id", "statistic", *parts)
        .sort("asked", "respondent", "figure_id")
    )
    # Yes and no over all parts name the group: who has the same pattern is in the same parts of every figure.
    said = pl.concat_str(pl.col(list(parts)).cast(pl.UInt8)).str.join("|")
    groups = judged.group_by("asked", "respondent", maintain_order=True).agg(group=said)
    sizes = groups.group_by("asked", "group").agg(count=pl.len())
    listed = judged.join(groups, on=["asked", "respondent"]).unique(["asked", "figure_id", "group"])
    index = ["asked", "figure_id", "statistic", "group"]
    return (
        listed.unpivot(on=list(parts), index=index, variable_name="part", value_name="holds")
        .filter("holds")
        .join(sizes, on=["asked", "group"])
        .sort("asked", "figure_id", "part", "group")
        .with_columns(cell=pl.col("group").str.join(" ").over("asked", "figure_id", "part"))
        .with_columns(cell=pl.col("asked") + " " + pl.col("cell"), group=pl.col("asked") + " " + pl.col("group"))
    )


def _counts(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells and the groups that they are made of, once each. How many organisations there are, everybody knows."""
    of_organisations = ~pl.col("asked").str.starts_with("declarations ") & (pl.col("statistic") != "percent_of_reviews")
    printed = pl.col("part").is_in(PARTS)
    known = (pl.col("part") == _CONTACTED) & of_organisations
    sums = (
        cells.group_by("cell", "figure_id", "part", "asked", "statistic")
        .agg(pl.col("count").sum())
        .group_by("cell")
        .agg(
            pl.col("count").first(),
            printed=printed.any(),
            known=known.any(),
            cost=pl.col("part").replace_strict(_COSTS, default=0.0).max(),
        )
    )
    groups = cells.select(cell="group", count="count").unique()
    # Groups that are no part by themselves are cells too: nobody prints them, and yet they bound one another.
    lone = groups.join(sums, on="cell", how="anti").with_columns(printed=False, known=False, cost=0.0)
    return pl.concat([sums, lone.select(sums.columns)], how="vertical_relaxed").sort("cell")


def _relations(cells: pl.DataFrame) -> pl.DataFrame:
    """Each cell is the sum of its groups."""
    terms = cells.select("cell", "group").unique().filter(pl.col("cell") != pl.col("group"))
    wholes = terms.select("cell").unique()
    return pl.concat(
        [
            terms.select(relation="cell", cell="group", factor=pl.lit(1)),
            wholes.select(relation="cell", cell="cell", factor=pl.lit(-1)),
        ]
    ).sort("relation", "factor", "cell")
