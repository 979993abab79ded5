"""Published figures recomputed from the collection: each with its base, and with everybody who is not in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.report.national.respondents import ORGANISATIONS, STATES, declarations_of
from crosscheck.report.national.review import EVERY_TYPE
from crosscheck.vocabulary import MET, ORG_TYPES, means_met

if TYPE_CHECKING:
    from crosscheck.report.national.review import Review

PERCENTAGES: Final = ("percent_of_organisations", "percent_of_reviews", "percent_of_declarations")
_MEANS: Final = ("mean", "mean_percent", "rate", "ratio")
_COUNTS: Final = ("contacted", "responded", "declarations_received")

# What the published figures call an answer that is no level of the questionnaire.
_STATES_OF: Final = {
    "no_response": ("no_answer",),
    "unclear": ("not_known",),
    "not_applicable_or_no_return_or_none_eligible": ("not_applicable", "no_answer", "not_put"),
    "not_applicable_or_none_eligible": ("not_applicable", "not_put"),
    "contacted": STATES,
    "declarations_received": STATES,
}
_LEVELS_OF: Final = {"printed_as_number_of_trusts": MET[0]}

ABSENT: Final = ("not_applicable", "not_known", "no_answer", "not_put")
PARTS: Final = ("numerator", "base", *ABSENT)
_COUNTED: Final = (*PARTS, "answered")

# Two numbers closer than this differ by the computer's arithmetic alone.
TINY: Final = 1e-9


def recompute(review: Review, respondents: pl.DataFrame, year: str) -> pl.DataFrame:
    """Recompute every published figure that a collection can give.

    Args:
        review: what was published.
        respondents: who was asked what, and what became of it (`respondents.list_respondents`).
        year: assessment year of the declarations, as `2008/09`.

    Returns:
        One row a figure in the review's order: the columns of the file; `published` and `recomputed` in the figure's
        own unit (null where nothing was answered), `difference` (recomputed less published); of the respondents of its
        types the counts `numerator` (null where the figure counts nobody), `base`, `answered`, `not_applicable`,
        `not_known`, `no_answer` and `not_put`; `counts_not_applicable`, `counts_not_known` and `counts_no_answer`:
        whether the base holds these; `base_rule`, the base in words; `remark`, what is known of the printed figure
        itself, mostly empty; `by_type`, a list with the same for each type of organisation.
    """
    figures = _asked(review, year)
    matched = match(figures, respondents, review)
    by_kind = _count(matched)
    in_scope = by_kind.filter(pl.col("in_scope"))
    whole = _valued(in_scope.group_by("figure_id").agg(pl.col(_COUNTED).sum(), *_COMBINED), figures)
    return (
        figures.join(whole, on="figure_id", how="left")
        .join(_extremes_of_shares(by_kind, figures), on="figure_id", how="left")
        .join(_modes(matched, figures), on="figure_id", how="left")
        .join(_by_type(by_kind, figures), on="figure_id", how="left")
        .join(_single_numbers(figures, respondents, year), on="figure_id", how="left")
        .with_columns(pl.when(pl.col("single").is_null()).then(pl.col(*_COUNTED, "by_type")))
        .with_columns(recomputed=pl.coalesce("single", "mode", "extreme", "recomputed"), published=pl.col("value"))
        .with_columns(difference=pl.col("recomputed") - pl.col("published"))
        .with_columns(base_rule=_base_rule())
        .drop("single", "mode", "extreme", "value")
        .sort("place")
    )


def _number_bases(review: Review) -> pl.DataFrame:
    """The place of each base of the review, by its name."""
    places = {"base": [entry.base for entry in review.among], "among": range(len(review.among))}
    return pl.DataFrame(places, schema={"base": pl.String, "among": pl.UInt32})


def _asked(review: Review, year: str) -> pl.DataFrame:
    """Each figure with what it is asked of, which answers it counts, and which absences its base holds.

    A share that is printed with a share of not applicable has those in its base; where unclear answers or no response
    are printed as shares of a question, all shares of the question have them in their base.
    """
    levels = pl.col("levels").list.eval(pl.element().replace(_LEVELS_OF))
    states = pl.col("level").replace_strict(_STATES_OF, default=None, return_dtype=pl.List(pl.String))
    of_declarations = (pl.col("use") == "declaration") & (pl.col("statistic") != "change")
    period = pl.when(pl.col("period") == "").then(pl.lit(year)).otherwise("period")
    silent = (pl.col("level") == "no_response").any().over("question_id")
    unclear = (pl.col("level") == "unclear").any().over("question_id")
    percentage = pl.col("statistic").is_in(PERCENTAGES)
    asked = (
        pl.when(of_declarations)
        .then(declarations_of(period))
        .when(pl.col("derived_measure") != "")
        .then("derived_measure")
        .when(pl.col("question_id") == "")
        .then(pl.lit(ORGANISATIONS))
        .otherwise("question_id")
    )
    return (
        review.figures.with_columns(
            asked=asked,
            levels=levels,
            states=states.fill_null([]),
            comparison=pl.col("level").str.extract(r"^(equal|at_least|gt)_\d+$"),
            limit=pl.col("level").str.extract(r"_(\d+)$").cast(pl.Float64),
            counts_not_applicable=percentage & pl.col("percent_not_applicable").is_not_null(),
            counts_not_known=percentage & (unclear | silent),
            counts_no_answer=percentage & silent,
            of_declarations=of_declarations,
        )
        .join(_number_bases(review), on="base", how="left")
        .join(_printed(review), on="figure_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("remark").fill_null(""),
            *(
                pl.col(f"counts_{name}") | pl.col("counts").list.contains(name).fill_null(value=False)
                for name in ABSENT[:3]
            ),
        )
        .drop("counts")
        .rename({"base": "published_base"})
    )


def _printed(review: Review) -> pl.DataFrame:
    """What is known of single printed figures: whom else their base counts, and what is said beside them."""
    return pl.DataFrame(
        [(entry.figure, list(entry.counts), entry.remark) for entry in review.printed],
        schema={"figure_id": pl.String, "counts": pl.List(pl.String), "remark": pl.String},
        orient="row",
    )


def match(figures: pl.DataFrame, respondents: pl.DataFrame, review: Review) -> pl.DataFrame:
    """Hold each figure against each respondent that was asked the same.

    Returns:
        One row a figure and respondent: `figure_id`, `asked`, `respondent` (its place), `org_code`, `kind`, its `state`
        (`not_put` where the figure is on others), and whether it is `counted`, `in_base`, and `in_scope`: of the
        figure's types.
    """
    wanted = figures.select(
        "figure_id", "statistic", "asked", "types", "trust_type", "levels", "states", "comparison", "limit", "among",
        "of_declarations", pl.col("^counts_.*$"),
    )  # fmt: skip
    state, number = pl.col("state").cast(pl.String), pl.col("part") / pl.col("whole")
    held = {
        "answered": pl.lit(value=True),
        **{name: pl.col(f"counts_{name}") for name in ("not_applicable", "not_known", "no_answer")},
    }
    counted = (
        pl.col("levels").list.contains(pl.col("level"))
        | pl.col("states").list.contains(state)
        | ((pl.col("comparison") == "equal") & (number == pl.col("limit")))
        | ((pl.col("comparison") == "at_least") & (number >= pl.col("limit")))
        | ((pl.col("comparison") == "gt") & (number > pl.col("limit")))
    )
    return (
        wanted.join(respondents.with_row_index("respondent"), left_on="asked", right_on="question")
        .join(_eligible(review, respondents), on=["among", "org_code"], how="left")
        .with_columns(
            state=pl.when(pl.col("among").is_null() | pl.col("eligible").is_not_null())
            .then("state")
            .otherwise(pl.lit("not_put"))
        )
        .with_columns(
            number=number,
            counted=counted.fill_null(value=False),
            in_base=pl.any_horizontal((state == name) & inside for name, inside in held.items()),
            in_scope=pl.col("types").list.contains(pl.col("kind"))
            | (pl.col("of_declarations") & (pl.col("trust_type") == EVERY_TYPE)),
        )
        # Who was not asked counts nowhere, but in a figure whose subject is not having been asked.
        .with_columns(counted=pl.col("counted") & ((state != "not_put") | pl.col("states").list.contains(state)))
    )


def _eligible(review: Review, respondents: pl.DataFrame) -> pl.DataFrame:
    """Who is among those that a base names: one row each, by the place of the base."""
    found = [
        respondents.filter((pl.col("question") == entry.question) & pl.col("level").is_in(entry.levels)).select(
            "org_code", among=pl.lit(place, dtype=pl.UInt32), eligible=pl.lit(value=True)
        )
        for place, entry in enumerate(review.among)
    ]
    nobody = pl.DataFrame(schema={"org_code": pl.String, "among": pl.UInt32, "eligible": pl.Boolean})
    return pl.concat([nobody, *found])


_COMBINED: Final = (pl.col("part").sum(), pl.col("whole").sum(), pl.col("low").min(), pl.col("high").max())


def _count(matched: pl.DataFrame) -> pl.DataFrame:
    """One row a figure and kind of respondent: how many are counted, in the base, and absent, and the sums."""
    states = [(pl.col("state") == name).sum().alias(name) for name in ("answered", *ABSENT)]
    answered = pl.col("state") == "answered"
    return matched.group_by("figure_id", "kind", "in_scope").agg(
        *states,
        numerator=pl.col("counted").sum(),
        base=pl.col("in_base").sum(),
        part=pl.col("part").filter(answered).sum(),
        whole=pl.col("whole").filter(answered).sum(),
        low=pl.col("number").filter(answered).min(),
        high=pl.col("number").filter(answered).max(),
    )


def _valued(counts: pl.DataFrame, figures: pl.DataFrame) -> pl.DataFrame:
    """The figure itself from what was counted; null where its base is empty, or holds nobody who said anything."""
    statistic = pl.col("statistic")
    # A base of absences alone gives no share: 0% would say that somebody had answered otherwise.
    some = (pl.col("base") > 0) & ((pl.col("answered") > 0) | (pl.col("numerator") > 0))
    is_share, is_count = statistic.is_in(PERCENTAGES), statistic == "count"
    based = ~(is_count & pl.col("level").is_in([*_COUNTS, *_STATES_OF])) & (statistic != "change")
    value = (
        pl.when(is_share & some)
        .then(100 * pl.col("numerator") / pl.col("base"))
        .when(is_count)
        .then(pl.col("numerator").cast(pl.Float64))
        .when(statistic.is_in(_MEANS) & (pl.col("whole") > 0))
        .then(pl.col("part") / pl.col("whole"))
        .when((statistic == "sum") & some)
        .then("part")
        .when(statistic == "range_min")
        .then("low")
        .when(statistic == "range_max")
        .then("high")
    )
    return (
        counts.join(figures.select("figure_id", "statistic", "level"), on="figure_id")
        .with_columns(
            recomputed=value,
            numerator=pl.when(is_share | is_count).then("numerator"),
            base=pl.when(based).then("base"),
        )
        .drop("statistic", "level", "part", "whole", "low", "high")
    )


def _extremes_of_shares(by_kind: pl.DataFrame, figures: pl.DataFrame) -> pl.DataFrame:
    """The lowest and highest share among types of organisation, where the review prints only from and to."""
    wanted = figures.filter(pl.col("statistic").str.starts_with("range") & (pl.col("levels").list.first() != ""))
    wanted = wanted.filter(pl.col("derived_measure") == "").select("figure_id", "statistic")
    share = 100 * pl.col("numerator") / pl.col("base")
    return (
        by_kind.join(wanted, on="figure_id")
        .filter(pl.col("in_scope") & (pl.col("base") > 0))
        .group_by("figure_id")
        .agg(extreme=pl.when(pl.col("statistic").first() == "range_min").then(share.min()).otherwise(share.max()))
    )


def _modes(matched: pl.DataFrame, figures: pl.DataFrame) -> pl.DataFrame:
    """The most frequent answer: a number as it is, a level by the figure in its name, as 8 of `grade_8a_or_above`."""
    wanted = figures.filter(pl.col("statistic") == "mode").select("figure_id")
    return (
        matched.join(wanted, on="figure_id")
        .filter(pl.col("in_scope") & (pl.col("state") == "answered"))
        .with_columns(mode=pl.coalesce("number", pl.col("level").str.extract(r"(\d+)").cast(pl.Float64)))
        .group_by("figure_id", "level", "mode")
        .len()
        .sort("figure_id", "len", "level", "mode", descending=[False, True, False, False])
        .group_by("figure_id", maintain_order=True)
        .first()
        .select("figure_id", "mode", most_frequent="level")
    )


def _by_type(by_kind: pl.DataFrame, figures: pl.DataFrame) -> pl.DataFrame:
    """The same for each type of organisation that the question is put to, in the order of the vocabulary."""
    of_types = by_kind.filter(pl.col("kind").is_in(ORG_TYPES) & (pl.sum_horizontal("answered", *ABSENT[:3]) > 0))
    listed = ("kind", "recomputed", *PARTS)
    valued = _valued(of_types, figures).sort("figure_id", "kind", "in_scope")
    return valued.group_by("figure_id", maintain_order=True).agg(by_type=pl.struct(listed))


def _base_rule() -> pl.Expr:
    """Who is in the base, in words, and whether the review says so."""
    held = [
        pl.when(f"counts_{name}").then(pl.lit(words))
        for name, words in (
            ("not_applicable", "to whom it does not apply"),
            ("not_known", "who did not know, or answered unclearly"),
            ("no_answer", "who gave no answer"),
        )
    ]
    stated = ~pl.col("published_base").str.contains("not stated|not clear|not printed")
    among = pl.when(pl.col("among").is_not_null()).then(pl.format(", among {}", "published_base"))
    who = (
        pl.when("of_declarations")
        .then(pl.lit("all declarations received"))
        .when(pl.col("asked").str.starts_with("case_reviews.") & (pl.col("statistic") == "percent_of_reviews"))
        .then(pl.lit("reviews described on which it was answered"))
        .otherwise(
            pl.concat_str(
                pl.lit("those that answered"),
                *(pl.format(", those {}", entry) for entry in held),
                among,
                ignore_nulls=True,
            )
        )
    )
    whose = pl.when(stated).then(pl.lit("as the review states it")).otherwise(pl.lit("the review does not state it"))
    return (
        pl.when(pl.col("base").is_null()).then(pl.lit("no base: a count")).otherwise(pl.format("{} ({})", who, whose))
    )


def _single_numbers(figures: pl.DataFrame, respondents: pl.DataFrame, year: str) -> pl.DataFrame:
    """What is printed on the collection itself and has no base."""
    declared = respondents.filter(pl.col("question").str.starts_with("declarations "))
    this_year = declared.filter(pl.col("question") == f"declarations {year}")
    compliant = (means_met("level")).mean()
    share = declared.group_by("question").agg(share=100 * compliant).sort("question")["share"]
    reviews = respondents.filter(pl.col("question") == "case_reviews.imr_notified_by").group_by("org_code").len()["len"]
    numbers = {
        "declaring_organisations": this_year["org_code"].n_unique(),
        "declarations_asked_of_each_pct": this_year.group_by("org_code").len()["len"].max(),
        "annual_declarations_so_far": declared["question"].n_unique(),
        "reviews_asked_about": reviews.max(),
        "compliant": share[-1] - share[-2] if len(share) > 1 else None,
    }
    of_level = pl.DataFrame(
        {"level": list(numbers), "single": pl.Series(numbers.values(), dtype=pl.Float64, strict=False)}
    )
    wanted = figures.filter(pl.col("statistic").is_in(["change", "count"]))
    return wanted.join(of_level, on="level").select("figure_id", "single")
