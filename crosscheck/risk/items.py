"""Items: every piece of evidence that may reveal an organisation's quality, in one long table. Positive is worse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.cases.history import years_before
from crosscheck.figures.kinds import PERCENTAGES
from crosscheck.vocabulary import COMMENTATORS_IN_WORDS, is_lapse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.questionnaire import Question, Questionnaire
    from crosscheck.risk.model import Loading, RiskModel

ITEMS: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "item": pl.String(),
        "family": pl.String(),
        "prior": pl.String(),
        "group": pl.String(),
        "quality_prior": pl.Float64(),
        "quality_prior_sd": pl.Float64(),
        "bias_prior": pl.Float64(),
        "bias_prior_sd": pl.Float64(),
        "z": pl.Float64(),
        "percentage": pl.Float64(),
        "account": pl.String(),
        "reason": pl.String(),
        "source": pl.String(),
    }
)
# What visits found, of former years and of this one, and what accepted replies have proved: few organisations have
# these, and they are no fair sample of all.
VISIT: Final = "visit."
VERIFIED: Final = "verified.answers"

# Before the name of a group of two items, an answer and another source, that speak of one fact.
FACT: Final = "fact "

NOTHING_VERIFIED: Final = pl.DataFrame(schema={"org_code": pl.String, "item": pl.String})

_ANSWER: Final = "answer"
# By direction, what the ends of a scale of grades are, the lowest grade first.
_ENDS: Final = {"higher_better": ("worst", "best"), "lower_better": ("best", "worst"), "none": ("lowest", "highest")}
_PRIORS: Final = ("quality_prior", "quality_prior_sd", "bias_prior", "bias_prior_sd")
_QUOTED: Final = 300


def gather_items(  # noqa: PLR0913 - what is stated, what each kind of it means, and of when: each comes from another room
    scores: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
    questionnaire: Questionnaire,
    scales: Mapping[str, Mapping[str, str]],
    model: RiskModel,
    year: str,
    *,
    verified: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Put answers, figures, remarks and history of all organisations into one table.

    Args:
        scores: one row a figure or answer of an organisation; one without z, or of no relevance, is no item.
        tables: conformed tables; `answers`, `comments`, `declarations`, `visits` and `organisations` are used.
        questionnaire: what each question rests on, and its section.
        scales: the words of the grades of each figure that is a grade, by its name, the lowest first.
        model: how much each kind of item is expected to reveal, before any is seen.
        year: the assessment year; what lies before it is history.
        verified: answers corrected by a reply that was accepted with evidence (`org_code`, `item`): a fact like that of
            another source, and no longer the organisation's own account.

    Returns:
        One row an organisation and item (`ITEMS`), by `item`, `org_code`: `account` is what an answer or figure states,
        in words, `percentage` its value where it is one; the priors of the loadings on quality and on response bias are
        those of the entry of the model that `prior` names. What is absent has no row.
    """
    known = tables["organisations"].select("org_code")
    # A proved answer leaves the own account: it is then a fact, on which response bias has no hold.
    proved = NOTHING_VERIFIED if verified is None else verified
    answers = _answers(scores, tables["answers"], questionnaire, model)
    families = (
        answers.join(proved, on=["org_code", "item"], how="anti"),
        _verified(answers.join(proved, on=["org_code", "item"], how="semi"), model),
        _figures(scores, model, scales),
        _comments(tables["comments"], model, year),
        _declarations(tables["declarations"], model, year),
        _former_visits(tables["visits"], model, year),
        _visits_of_the_year(tables["visits"], model, year),
    )
    items = pl.concat([_shaped(family) for family in families])
    return items.join(known, on="org_code", how="semi").sort("item", "org_code")


def _shaped(family: pl.DataFrame) -> pl.DataFrame:
    """In the columns of `ITEMS`; only answers and figures are accounts of something."""
    lacking = {"account": pl.String, "percentage": pl.Float64}
    empty = [pl.lit(None, dtype).alias(name) for name, dtype in lacking.items() if name not in family.columns]
    return family.with_columns(empty).select(ITEMS.names()).cast(ITEMS)


def _prior_columns(loading: Loading) -> dict[str, pl.Expr]:
    return {name: pl.lit(value) for name, value in zip(_PRIORS, _priors(loading), strict=True)}


def _priors(loading: Loading) -> tuple[float, float, float, float]:
    """Loadings on quality and on response bias with their standard deviations; others' accounts have no such bias."""
    return loading.loading, loading.sd, getattr(loading, "bias", 0.0), getattr(loading, "bias_sd", 0.0)


def _clipped(model: RiskModel) -> pl.Expr:
    return pl.col("z").clip(-model.limits.score, model.limits.score)


def _answers(
    scores: pl.DataFrame, answers: pl.DataFrame, questionnaire: Questionnaire, model: RiskModel
) -> pl.DataFrame:
    """Answers, each with what is expected of its question, or else of what asks for it."""
    priors = pl.DataFrame(
        [(column, *_question_prior(model, question)) for question in questionnaire for column in question.columns],
        schema=["item", "prior", *_PRIORS, "source"],
        orient="row",
    )
    review = pl.when(pl.col("item") > 0).then(pl.format("review{}.", "item")).otherwise(pl.lit(""))
    as_returned = answers.select("org_code", item=review + pl.col("question_id"), level=pl.col("level").cast(pl.String))
    return (
        scores.filter((pl.col("relevance") == _ANSWER) & pl.col("z").is_not_null())
        .rename({"indicator": "item", "source": "group"})
        .join(priors, on="item")
        .join(as_returned, on=["org_code", "item"], how="left")
        .with_columns(
            group=pl.col("item").replace_strict(_facts(model), default=pl.col("group"), return_dtype=pl.String),
            z=_clipped(model),
            family=pl.lit("answers"),
            account=pl.format("{} Answer: {}", _asked(questionnaire), _answer_in_words()),
            percentage=_percentage(),
        )
        .with_columns(reason=pl.format("{}{}.", "account", _peers_in_words()))
    )


def _asked(questionnaire: Questionnaire) -> pl.Expr:
    """What was asked, and of which review where it was asked of two."""
    words = {column: question.asked_in(column) for question in questionnaire for column in question.columns}
    return pl.col("item").replace_strict(words, return_dtype=pl.String)


def _verified(answers: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """What accepted replies have proved of an organisation: one item, the mean of the corrected answers."""
    return (
        answers.sort("org_code", "item")
        .group_by("org_code", maintain_order=True)
        .agg(pl.col("z").mean(), reason=pl.lit("Proved by an accepted reply. ") + pl.col("reason").str.join(" "))
        .with_columns(
            item=pl.lit(VERIFIED),
            family=pl.lit("figures"),
            prior=pl.lit("verified"),
            group=pl.lit(""),
            source=pl.lit(model.verified.reason),
            **_prior_columns(model.verified),
        )
    )


def _question_prior(model: RiskModel, question: Question) -> tuple[str, float, float, float, float, str]:
    """The entry of the model by name, the priors in the order of `_PRIORS`, and the reason."""
    requirement, prior = next(
        ((name, prior) for name, prior in model.answers.items() if name == question.requirement),
        ("context", model.answers["context"]),
    )
    own = model.questions.get(question.question_id)
    if own is None:
        return f"answers.{requirement}", *_priors(prior), prior.reason
    return "questions", own.loading, own.sd or prior.sd, prior.bias, prior.bias_sd, own.reason


def _answer_in_words() -> pl.Expr:
    return pl.coalesce(pl.col("level").str.replace_all("_", " "), _format_figure("value"))


def _peers_in_words() -> pl.Expr:
    """What similar trusts lead to expect; of levels their middle answer has no words of its own here."""
    expected = pl.format("; {} would be expected from similar trusts", _expected_in_words())
    return pl.when(pl.col("level").is_null() & pl.col("expected").is_not_null()).then(expected).otherwise(pl.lit(""))


def _expected_in_words() -> pl.Expr:
    """What is expected, as people write it; beside a value that is written alike, only how it lies to it."""
    written, own = _format_figure("expected"), _format_figure("value")
    beside = (
        pl.when(pl.col("expected") > pl.col("value")).then(pl.lit("a little more")).otherwise(pl.lit("a little less"))
    )
    return pl.when((written == own) & (pl.col("expected") != pl.col("value"))).then(beside).otherwise(written)


def _figures(scores: pl.DataFrame, model: RiskModel, scales: Mapping[str, Mapping[str, str]]) -> pl.DataFrame:
    """Figures from other sources, by relevance; one that no model names is no item."""
    priors = pl.DataFrame(
        [(name, *_priors(loading)) for name, loading in sorted(model.figures.items())],
        schema=["relevance", *_PRIORS],
        orient="row",
    )
    group = pl.col("indicator").replace_strict(_facts(model), default=pl.col("source"), return_dtype=pl.String)
    return (
        _graded(scores.filter(pl.col("z").is_not_null()), scales)
        .with_columns(pl.col("relevance").cast(pl.String))
        .join(priors, on="relevance")
        .join(_named_figures(model), on="indicator", how="left")
        .with_columns(
            item="indicator",
            prior=pl.when(pl.col("named").is_null())
            .then(pl.format("figures.{}", "relevance"))
            .otherwise(pl.lit("named_figures")),
            quality_prior=pl.coalesce("named", "quality_prior"),
            quality_prior_sd=pl.coalesce("named_sd", "quality_prior_sd"),
            family=pl.lit("figures"),
            group=group,
            account=pl.format("{}: {}", "label", pl.coalesce("grade", _format_figure("value"))),
            percentage=_percentage(),
        )
        .with_columns(reason=pl.format("{}; {}{}.", "account", _beside_peers(), _ends()))
        .with_columns(z=_clipped(model))
    )


def _graded(scores: pl.DataFrame, scales: Mapping[str, Mapping[str, str]]) -> pl.DataFrame:
    """With the words of the grade of each figure and of the grade expected, and of the ends of its scale.

    What follows a comma in the words of a grade says which end it is, which a sentence says itself.
    """
    rows = [
        (name, float(grade), grades[place], grades[0], grades[-1] if len(grades) > 2 else None)
        for name, scale in scales.items()
        for grades in ([words.split(",", 1)[0] for words in scale.values()],)
        for place, grade in enumerate(scale)
    ]
    schema = {"indicator": pl.String, "value": pl.Float64} | dict.fromkeys(("grade", "lowest", "highest"), pl.String)
    words = pl.DataFrame(rows, schema=schema, orient="row")
    expected = words.select("indicator", expected="value", expected_grade="grade")
    return scores.join(words, on=["indicator", "value"], how="left").join(
        expected, on=["indicator", "expected"], how="left"
    )


def _ends() -> pl.Expr:
    """Which end of a scale of grades is better; of two grades the sentence names both."""
    low, high = (pl.col("direction").replace_strict({way: ends[end] for way, ends in _ENDS.items()}) for end in (0, 1))
    said = pl.format(", on a scale from {} ({}) to {} ({})", "lowest", low, "highest", high)
    return pl.when(pl.col("highest").is_null()).then(pl.lit("")).otherwise(said)


def _beside_peers() -> pl.Expr:
    """What similar trusts lead to expect.

    A grade is expected where the middle of them is, and is scored by how many have a better one and how many a worse
    one; so the grade expected can have a score, and then it is said why.
    """
    usual = pl.format("{} would be expected from similar trusts", pl.coalesce("expected_grade", _expected_in_words()))
    sides = (
        pl.when(pl.col("z") > 0)
        .then(pl.lit("a better one than a worse one"))
        .otherwise(pl.lit("a worse one than a better one"))
    )
    middle = pl.format("the middle grade of similar trusts, of which more have {}", sides)
    is_middle = (pl.col("kind") == "ordinal") & (pl.col("value") == pl.col("expected")) & (pl.col("z") != 0)
    return pl.when(is_middle).then(middle).otherwise(usual)


def _named_figures(model: RiskModel) -> pl.DataFrame:
    rows = [(name, prior.loading, prior.sd) for name, prior in sorted(model.named_figures.items())]
    return pl.DataFrame(
        rows, schema={"indicator": pl.String, "named": pl.Float64, "named_sd": pl.Float64}, orient="row"
    )


def _facts(model: RiskModel) -> dict[str, str]:
    """The group of each answer and figure of which another source, or the organisation itself, states the same fact."""
    return {item: f"{FACT}{figure}" for figure, question in sorted(model.facts.items()) for item in (figure, question)}


def _format_figure(figure: str) -> pl.Expr:
    """A figure as people write it: one decimal at most, none where it is whole, with its percent sign."""
    number = pl.col(figure).round(1).cast(pl.String).str.strip_suffix(".0")
    return pl.when(pl.col("kind").is_in(PERCENTAGES)).then(number + "%").otherwise(number)


def _percentage() -> pl.Expr:
    """The value where it is a percentage, so that two accounts of one fact can be held against one another."""
    return pl.when(pl.col("kind").is_in(PERCENTAGES)).then(pl.col("value"))


def _comments(comments: pl.DataFrame, model: RiskModel, year: str) -> pl.DataFrame:
    """One item an author: its remarks of the year averaged by reliability. A neutral remark is 0 and says nothing."""
    # Averaged, not summed: an author who wrote ten remarks is still one witness.
    toll = -pl.col("polarity") * pl.col("reliability")
    count = pl.when(pl.len() == 1).then(pl.lit("one remark")).otherwise(pl.format("{} remarks", pl.len()))
    return (
        comments.filter((pl.col("year") == year) & (pl.col("standard") == model.standard))
        .sort("org_code", "author", "polarity", "reliability", "text")
        .group_by("org_code", "author", maintain_order=True)
        .agg(z=toll.mean(), count=count, text=pl.col("text").sort_by(toll.abs(), descending=True).first())
        .with_columns(
            item=pl.format("comment.{}", "author"),
            family=pl.lit("comments"),
            prior=pl.lit("comments"),
            group=pl.lit("comments"),
            reason=pl.format(
                "{} ({}): “{}”",
                pl.col("author").replace_strict(COMMENTATORS_IN_WORDS),
                "count",
                pl.col("text").fill_null("").str.slice(0, _QUOTED),
            ),
            source=pl.lit(model.comments.reason),
            **_prior_columns(model.comments),
        )
    )


def _declarations(declarations: pl.DataFrame, model: RiskModel, year: str) -> pl.DataFrame:
    """Declarations of the organisation, one item a year: whether any of its functions declared a lapse."""
    years = [years_before(year, count) for count in (0, 1, 2, 3)]
    lapse, function = is_lapse("status"), pl.col("function").cast(pl.String)
    whose = pl.when(function == "whole").then(pl.lit("The organisation")).otherwise(pl.format("As a {} it", function))
    what = pl.format(
        "{} declared {} in {}.", whose, pl.col("status").cast(pl.String).str.replace_all("_", " "), pl.col("year")
    )
    compliant = pl.format("The organisation declared compliance in {}.", pl.col("year").first())
    return (
        declarations.filter(pl.col("year").is_in(years) & (pl.col("standard") == model.standard))
        .sort("org_code", "year", "function", "status")
        .group_by("org_code", "year", maintain_order=True)
        .agg(lapsed=lapse.any(), what=what.filter(lapse).str.join(" "), compliant=compliant)
        .with_columns(
            item=pl.format("declared.{}", pl.col("year").str.replace("/", "_")),
            family=pl.lit("history"),
            prior=pl.lit("history.declared"),
            group=pl.lit("declarations"),
            z=pl.col("lapsed").cast(pl.Float64),
            reason=pl.when("lapsed").then("what").otherwise("compliant"),
            source=pl.lit(model.history.declared.reason),
            **_prior_columns(model.history.declared),
        )
    )


def _former_visits(visits: pl.DataFrame, model: RiskModel, year: str) -> pl.DataFrame:
    """The last visit of a former year; it says less with every year that has passed."""
    ago = int(year[:4]) - pl.col("year").str.slice(0, 4).cast(pl.Int64)
    last = visits.filter(pl.col("year") < year).sort("org_code", "visited_on", "finding").group_by("org_code").last()
    return last.with_columns(
        item=pl.lit(f"{VISIT}former"),
        family=pl.lit("history"),
        prior=pl.lit("history.visited"),
        group=pl.lit(""),
        z=_surprise(model) * model.history.fading ** (ago - 1),
        reason=pl.format("A visit in {} found the declaration {}.", "year", "finding"),
        source=pl.lit(model.history.visited.reason),
        **_prior_columns(model.history.visited),
    )


def _visits_of_the_year(visits: pl.DataFrame, model: RiskModel, year: str) -> pl.DataFrame:
    """What visits of the year found at the organisation; of two the mean."""
    found = visits.filter(pl.col("year") == year).sort("org_code", "function", "visited_on", "finding")
    function = pl.col("function").cast(pl.String)
    whose = (
        pl.when(function == "whole")
        .then(pl.lit("its declaration"))
        .otherwise(pl.format("its declaration as a {}", function))
    )
    named = pl.format("A visit of this year found {} {}.", whose, pl.col("finding")).str.join(" ")
    return (
        found.group_by("org_code", maintain_order=True)
        .agg(z=_surprise(model).mean(), named=named)
        .with_columns(
            item=pl.lit(f"{VISIT}this_year"),
            family=pl.lit("history"),
            prior=pl.lit("history.visited_this_year"),
            group=pl.lit(""),
            reason="named",
            source=pl.lit(model.history.visited_this_year.reason),
            **_prior_columns(model.history.visited_this_year),
        )
    )


def _surprise(model: RiskModel) -> pl.Expr:
    """A finding in standard deviations of a random visit's: above 0 where the declaration was not upheld."""
    share = model.prior.found_share
    return ((pl.col("finding") == "qualified").cast(pl.Float64) - share) / float(np.sqrt(share * (1 - share)))


def is_of_few(name: str) -> pl.Expr:
    """Whether an item is what a visit found, or what a reply has proved."""
    return pl.col(name).str.starts_with(VISIT) | (pl.col(name) == VERIFIED)
