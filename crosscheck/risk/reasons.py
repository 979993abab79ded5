"""The one sentence of the list: why this declaration, in words that the data bear out."""

from __future__ import annotations

from typing import Final

import polars as pl

from crosscheck.vocabulary import NOT_MET, is_lapse

_KEYS: Final = ("org_code", "function")
_STANDS_OUT: Final = 2.0  # standard deviations from what similar trusts lead to expect
_CRITICAL: Final = 0.5  # a remark whose polarity times reliability is less critical than this is near neutral
_LEAST: Final = 0.3  # decibans: what adds less is no reason
_NOTHING: Final = "Nothing that is known speaks against the declaration."
_NO_RETURN: Final = "Returned no answers to the review's questions."
_HARDLY_ANY: Final = "Returned hardly any answers to the review's questions."
_NOT_MET: Final = (
    "The trust itself declared that the standard was not met, so follow up its action plan; there is no declaration of "
    "compliance to test."
)
_NOT_SURE: Final = (
    "The trust itself declared {}, so follow up its action plan; there is no declaration of compliance to test."
)


def give_reasons(cases: pl.DataFrame, parts: pl.DataFrame, items: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Say in one sentence why a declaration stands where it does.

    A declared lapse is to follow up, whatever else is known, and an organisation that returned nothing is named for
    that. For any other declaration of compliance it is the weightiest of:
    an unmet duty or other check that differs, with its law; both accounts of one fact, with their figures; an answer or
    figure more than two standard deviations worse than similar trusts lead to expect; a critical remark; a lapse that
    was declared or found. Where nothing stands out, that, and where the many small differences lie.

    Args:
        cases: one row a declaration, with `declared.status` and `returned.answered_share`.
        parts: `evidence.PARTS`, all of them.
        items: `items.ITEMS`; `z` is the distance from similar trusts as printed.
        findings: one row a check on a declaration, with the law in short.

    Returns:
        One row a declaration: `org_code`, `function`, `reason`.
    """
    status = pl.col("declared.status").cast(pl.String)
    returned = pl.col("returned.answered_share").fill_null(0.0) > 0
    declarations = cases.select(pl.col(_KEYS).cast(pl.String), status=status, returned=returned)
    # Ties go by the part's name, so that the sentence does not depend on the order of rows.
    standing_out = _standing_out(parts, items, findings).sort(
        *_KEYS, "decibans", "part", descending=[False, False, True, False]
    )
    weightiest = standing_out.group_by(_KEYS, maintain_order=True).agg(weightiest=pl.col("sentence").first())
    in_words = pl.col("status").str.replace_all("_", " ")
    declared = pl.when(pl.col("status").is_in(NOT_MET)).then(pl.lit(_NOT_MET)).otherwise(pl.format(_NOT_SURE, in_words))
    return (
        declarations.join(weightiest, on=_KEYS, how="left")
        .join(_where_differences_lie(parts, items), on=_KEYS, how="left")
        .select(
            *_KEYS,
            reason=pl.when(is_lapse("status"))
            .then(declared)
            .when(~pl.col("returned"))
            .then(pl.lit(_NO_RETURN))
            .otherwise(pl.coalesce("weightiest", "spread_out", pl.lit(_NOTHING))),
        )
    )


def _standing_out(parts: pl.DataFrame, items: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """The parts that may be a reason by themselves, with their sentence."""
    z = items.select("org_code", part="item", z="z")
    law = findings.filter(pl.col("verdict") == "differs").select(
        pl.col(_KEYS).cast(pl.String), part="check_id", law="basis"
    )
    against = parts.filter(pl.col("decibans") > _LEAST).join(z, on=["org_code", "part"], how="left")
    family, far = pl.col("family"), pl.col("z")
    # Each family has its own threshold: a check is decisive as such, a score only when it is far from its peers.
    stands_out = (
        family.is_in(["checks", "facts", "visited"])
        | (pl.col("part") == "no return")
        | (family.is_in(["answers", "figures"]) & (far > _STANDS_OUT))
        | ((family == "comments") & (far > _CRITICAL))
        | ((family == "history") & (far > 0))
    )
    sentence = (
        pl.when(pl.col("part") == "no return")
        .then(pl.lit(_HARDLY_ANY))
        .when((family == "checks") & (pl.col("law") != ""))
        .then(pl.format("{} ({})", pl.col("reason").str.strip_chars_end("."), "law") + ".")
        .otherwise(pl.col("reason"))
    )
    return (
        against.filter(stands_out)
        .join(law, on=[*_KEYS, "part"], how="left")
        .select(*_KEYS, "part", "decibans", sentence=sentence)
    )


def _where_differences_lie(parts: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Where nothing stands out: the section whose small differences add most, and how many of its answers are worse."""
    section = pl.col("item").str.replace(r"^review\d\.", "").str.split(".").list.first()
    answers = items.filter(pl.col("family") == "answers").select("org_code", "item", "z", section=section)
    counts = answers.group_by("org_code", "section").agg(worse=(pl.col("z") > 0).sum(), answered=pl.len())
    adding = (
        parts.filter((pl.col("family") == "answers") & (pl.col("decibans") > 0))
        .join(answers.select("org_code", part="item", section="section"), on=["org_code", "part"])
        .group_by(*_KEYS, "section")
        .agg(pl.col("decibans").sum())
        .sort(*_KEYS, "decibans", "section", descending=[False, False, True, False])
        .group_by(_KEYS, maintain_order=True)
        .first()
    )
    words = pl.format(
        "No single answer or figure stands out; {}: {} of {} answers are worse than those of similar trusts.",
        pl.col("section").str.replace_all("_", " "),
        "worse",
        "answered",
    )
    return adding.join(counts, on=["org_code", "section"]).select(*_KEYS, spread_out=words)
