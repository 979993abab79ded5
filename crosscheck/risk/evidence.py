"""Evidence as parts: what each answer, figure, remark, check and piece of history adds to the risk, in decibans.

Liability to a visit that does not uphold is a standard normal variable of which quality and shading explain a share
(`quality`). With mean m and known share k of its variance after the evidence, and a share p not upheld by lot,

    risk = Φ((m - t) / √(1 - k)),   t = Φ⁻¹(1 - p)

and log-odds are 1.69 times the argument (choice: their ratio at p = 13%; a straight line, so that parts add up).
m and k are sums over the items, so that the log-odds are too: absent evidence makes no part at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.special import ndtri

from crosscheck.risk.items import TARGET
from crosscheck.vocabulary import COMPLIANT

if TYPE_CHECKING:
    from crosscheck.risk.model import RiskModel
    from crosscheck.risk.quality import Quality

# One row a part. `worth` is what it would add alone, `decibans` what it adds beside the others, `sd` how unsure that
# is. `part` names the evidence: one draw of its weight moves it for all declarations alike.
PARTS: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "function": pl.String(),
        "family": pl.String(),
        "group": pl.String(),
        "part": pl.String(),
        "worth": pl.Float64(),
        "decibans": pl.Float64(),
        "sd": pl.Float64(),
        "reason": pl.String(),
        "source": pl.String(),
    }
)
_KEYS: Final = ("org_code", "function")
_DECIMALS: Final = 6
_NATS_IN_DECIBANS: Final = 10 / math.log(10)

# Decibans for one unit of a probit: 1.69 nats.
PROBIT: Final = 1.69 * _NATS_IN_DECIBANS

# How often a check differs is uncertain where few could be decided; so much imagined evidence stands beside the counted
# (two of twenty, about what an average check shows in the review).
_IMAGINED_DIFFERS: Final = 2.0
_IMAGINED_DECIDED: Final = 20.0

_LEAST_SHARE: Final = 0.01
_STEPS: Final = 30  # of Newton's method, which needs five or six


def weigh(
    cases: pl.DataFrame, findings: pl.DataFrame, quality: Quality, visits: pl.DataFrame, model: RiskModel, year: str
) -> pl.DataFrame:
    """Turn all evidence on each declaration into parts that add up to its risk.

    Args:
        cases: one row a declaration.
        findings: one row a check that weighs on a declaration, with `expected`, `says`, `group` and `kind`; only one
            that is decided adds anything.
        quality: what the items of each organisation reveal.
        visits: conformed; those of the year speak of the declaration that they tested, those by lot of how many stand.
        model: what each kind of evidence is worth.
        year: the assessment year.

    Returns:
        One row a part (`PARTS`), sorted by declaration, family, group and part. Positive is worse. Before any visit of
        the year the risks of all declarations of compliance have the mean that visits by lot lead to expect.
    """
    visited = visits.filter(pl.col("year") == year)
    base = expect_share(visits, model, year)
    families = (
        _declared(cases, model),
        _items(cases, quality, visited, base, year),
        _checks(findings, model),
        _visited(cases, visited, model),
    )
    evidence = pl.concat([family.select(PARTS.names()).cast(PARTS) for family in families])
    evidence = evidence.with_columns(pl.col("worth", "decibans", "sd").round(_DECIMALS))
    prior = _prior(cases, evidence, base, model)
    return pl.concat([prior, evidence]).sort(*_KEYS, "family", "group", "part")


def expect_share(visits: pl.DataFrame, model: RiskModel, year: str) -> float:
    """The share of declarations of compliance that do not stand.

    The stated share counts as so many visits. To these are added the visits by lot of the collection, with what they
    found freed of the visitors' errors (Rogan and Gladen 1978, American Journal of Epidemiology 107:71-76), each with
    what is left of it after the years that have passed. Visits chosen by risk say nothing of it.
    """
    ago = int(year[:4]) - pl.col("year").str.slice(0, 4).cast(pl.Int64)
    by_lot = visits.filter((pl.col("selected_by") == "random") & (ago >= 0))
    left = model.history.fading**ago
    qualified = (left * (pl.col("finding") == "qualified")).sum()
    seen, found = by_lot.select(left.sum().alias("seen"), qualified.alias("found")).row(0)
    prior, power = model.prior, model.visitors.power
    lapses = power * (found - seen * (1 - model.visitors.specificity))  # what each tells falls with the square of power
    share = (prior.not_upheld_share * prior.visits + lapses) / (prior.visits + seen * power**2)
    return float(min(max(share, _LEAST_SHARE), 1 - _LEAST_SHARE))


def price_checks(findings: pl.DataFrame, weighing: pl.DataFrame, parts: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """Write beside each finding what it added, and what a difference would be worth by itself.

    Args:
        findings: one row a check on a declaration.
        weighing: those of them that weigh; the others only ask.
        parts: as of `weigh`.
        model: what a check is worth.

    Returns:
        `findings` with `weight` (decibans that it added to the risk; 0 where the check can't tell or does not apply)
        and `could_add` (decibans of a difference alone: what an open question is worth asking for).
    """
    added = parts.filter(pl.col("family") == "checks").select(*_KEYS, check_id="part", weight="decibans")
    return (
        findings.join(added, on=["check_id", *_KEYS], how="left", maintain_order="left")
        .join(
            _worths(weighing, model).select("check_id", could_add=pl.col("adds") * model.correlation.beside_answers),
            on="check_id",
            how="left",
            maintain_order="left",
        )
        .with_columns(pl.col("weight", "could_add").fill_null(0.0))
    )


def price_difference(worth: float | pl.Expr, share: pl.Expr, base_rate: float) -> tuple[pl.Expr, pl.Expr]:
    """What a check adds where it differs and what it takes away where it agrees, given how often it differs.

    The stated worth is the step between the two: the odds that a declaration does not stand are r = 10^(worth/10) times
    as large where the check differs as where it agrees, as a weight of a logistic regression says. If it differs in a
    share p of all declarations and b of them do not stand, it differs in a share q of those that stand, where

        (1 - b)(r - 1) q² + (b r + 1 - b - p (r - 1)) q - p = 0,

    and in s = r q / (1 + (r - 1) q) of those that do not. A difference then adds log(s / q), agreement takes away
    log((1 - s) / (1 - q)), and the two together leave the base rate as it is. What hardly anybody lacks is worth its
    full step where it is lacking; what nearly everybody lacks is worth it where it is there.

    Returns:
        The two worths in decibans: the first at least zero, the second at most zero.
    """
    ratio = 10 ** (worth / 10)
    square = (1 - base_rate) * (ratio - 1)
    linear = base_rate * ratio + 1 - base_rate - share * (ratio - 1)
    standing = 2 * share / (linear + (linear**2 + 4 * square * share).sqrt())
    falling = ratio * standing / (1 + (ratio - 1) * standing)
    return _decibans(falling / standing), _decibans((1 - falling) / (1 - standing))


def overlap(size: pl.Expr, correlation: float, over: list[str]) -> pl.Expr:
    """What share of its own worth each part keeps beside the others of its family.

    With m equally correlated pieces of normal evidence the sum of their log-likelihood ratios is divided by
    1 + (m - 1) * correlation; m is the effective number (Σ size)² / Σ size², so that many slight ones hardly crowd out
    a weighty one.
    """
    effective = size.sum().over(over) ** 2 / (size**2).sum().over(over)
    return 1 / (1 + (effective - 1) * correlation)


def _decibans(ratio: pl.Expr) -> pl.Expr:
    return 10 * ratio.log10()


def _prior(cases: pl.DataFrame, evidence: pl.DataFrame, base: float, model: RiskModel) -> pl.DataFrame:
    """The part that everybody has: the share by lot, less what the evidence on an average declaration comes to."""
    stated = model.prior
    seen = stated.visits * base * (1 - base)
    start = 10 * math.log10(base / (1 - base))
    decibans = round(start + _level(cases, evidence, base), _DECIMALS)
    return cases.select(
        *_KEYS,
        family=pl.lit("prior"),
        group=pl.lit("prior"),
        part=pl.lit("prior"),
        worth=pl.lit(round(start, _DECIMALS)),
        decibans=pl.lit(decibans),
        sd=pl.lit(round(_NATS_IN_DECIBANS / math.sqrt(seen), _DECIMALS)),
        reason=pl.lit(
            f"By visits by lot {base:.1%} of declarations of compliance do not stand: the mean over all of them"
        ),
        source=pl.lit(stated.source),
    ).cast(PARTS)


def _level(cases: pl.DataFrame, evidence: pl.DataFrame, base: float) -> float:
    """What to add to all, so that the risks of the declarations of compliance have the mean `base`.

    What a visit of the year found at the declaration itself is left out: it tells of that one, not of all.
    """
    compliant = cases.filter(pl.col("declared.status") == COMPLIANT).select(_KEYS)
    sums = evidence.filter(pl.col("family") != "visited").group_by(_KEYS).agg(pl.col("decibans").sum())
    known = compliant.join(sums, on=_KEYS, how="left").sort(_KEYS)["decibans"].fill_null(0.0).to_numpy()
    level, start = 0.0, math.log(base / (1 - base))
    for _ in range(_STEPS if known.size else 0):
        risks = 1 / (1 + np.exp(-(start + level + known / _NATS_IN_DECIBANS)))
        level -= float((risks.mean() - base) / (risks * (1 - risks)).mean())
    return level * _NATS_IN_DECIBANS


def _declared(cases: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    worths = _stated(model)
    return (
        cases.select(*_KEYS, name=pl.col("declared.status").cast(pl.String))
        .join(worths, on="name")
        .with_columns(
            family=pl.lit("declared"),
            group=pl.lit("declared"),
            part=pl.format("declared.{}", "name"),
            decibans="worth",
            source=pl.lit("the declaration itself"),
        )
    )


def _stated(model: RiskModel) -> pl.DataFrame:
    return pl.DataFrame(
        [(name, worth.decibans, worth.sd, worth.reason) for name, worth in sorted(model.declared.items())],
        schema=["name", "worth", "sd", "reason"],
        orient="row",
    )


def _items(cases: pl.DataFrame, quality: Quality, visited: pl.DataFrame, base: float, year: str) -> pl.DataFrame:
    """One part an item. Two say nothing new of some declarations: the lapse that it declares itself, its own visit."""
    own_lapse = (pl.col("item") == f"declared.{year.replace('/', '_')}") & (pl.col("status") != COMPLIANT)
    own_visit = (pl.col("item") == TARGET) & pl.col("visited").fill_null(value=False)
    threshold = float(-ndtri(base))
    rest = (1 - pl.col("tells").sum().over(_KEYS)).sqrt()
    known = pl.col("tells").sum().over(_KEYS)
    decibans = pl.col("adds") / rest - threshold * (1 / rest - 1) * pl.col("tells") / known
    alone = (1 - pl.col("bears_on") ** 2).sqrt()
    return (
        cases.select(*_KEYS, status=pl.col("declared.status").cast(pl.String))
        .join(visited.select(*_KEYS, visited=pl.lit(value=True)).unique(), on=_KEYS, how="left")
        .join(quality.shares, on="org_code")
        .filter(~own_lapse & ~own_visit)
        .with_columns(
            part="item",
            worth=PROBIT * ((pl.col("bears_on") * pl.col("z") - threshold) / alone + threshold),
            decibans=PROBIT * decibans,
            sd=PROBIT * pl.col("doubt") / rest,
            reason=_reason(),
        )
    )


def _reason() -> pl.Expr:
    """The item in words; where beside the others it tells more of shading than of quality, it says so."""
    shaded = pl.lit("; beside what others hold, better than we would expect, and so no reassurance")
    candid = pl.lit("; beside what others hold, rather a sign of candour")
    against = pl.when((pl.col("z") < 0) & (pl.col("adds") > 0)).then(shaded)
    return pl.col("reason") + against.when((pl.col("z") > 0) & (pl.col("adds") < 0)).then(candid).otherwise(pl.lit(""))


def _visited(cases: pl.DataFrame, visited: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """What a visit of the year found at the very declaration, by how often visitors err."""
    sensitivity, specificity = model.visitors.sensitivity, model.visitors.specificity
    ratio = {"qualified": sensitivity / (1 - specificity), "upheld": (1 - sensitivity) / specificity}
    worth = pl.col("finding").replace_strict({name: 10 * math.log10(odds) for name, odds in ratio.items()})
    last = visited.sort(*_KEYS, "visited_on", "finding").unique(_KEYS, keep="last", maintain_order=True)
    return (
        cases.select(_KEYS)
        .join(last, on=_KEYS)
        .with_columns(
            family=pl.lit("visited"),
            group=pl.lit("visited"),
            part=pl.format("visit.{}", "finding"),
            worth=worth,
            decibans=worth,
            sd=pl.lit(0.0),
            reason=pl.format("A visit of this year found the declaration {}", "finding"),
            source=pl.lit(model.visitors.reason),
        )
    )


def _checks(findings: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """The criterion, beside the norm: less for every other check that speaks of the same, and for the answers' own."""
    decided = findings.filter(pl.col("verdict").is_in(["differs", "agrees"]))
    differs = pl.col("verdict") == "differs"
    correlation = model.correlation
    priced = decided.join(_worths(findings, model), on="check_id").with_columns(
        worth=pl.when(differs).then("adds").otherwise("takes"),
        kept=overlap(pl.col("adds"), correlation.within_group, [*_KEYS, "group"]),
    )
    groups = priced.group_by(*_KEYS, "group").agg(strength=(pl.col("adds") * pl.col("kept")).sum())
    beside = overlap(pl.col("strength"), correlation.between_groups, [*_KEYS]) * correlation.beside_answers
    return priced.join(groups.with_columns(beside=beside), on=[*_KEYS, "group"]).with_columns(
        family=pl.lit("checks"),
        part=pl.col("check_id"),
        decibans=pl.col("worth") * pl.col("kept") * pl.col("beside"),
        sd=(pl.col("worth") * pl.col("kept") * pl.col("beside") * pl.col("relative")).abs(),
        reason=pl.when(differs).then("says").otherwise(pl.format("As expected: {}", "expected")),
        source=pl.col("basis"),
    )


def _worths(findings: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """What each check adds where it differs and takes away where it agrees, by itself; `relative` is its sd over it."""
    differs, decided = pl.col("verdict") == "differs", pl.col("verdict").is_in(["differs", "agrees"])
    share = (differs.sum() + _IMAGINED_DIFFERS) / (decided.sum() + _IMAGINED_DECIDED)
    checks = findings.group_by("check_id", "severity", "kind").agg(share=share)
    severity = pl.col("severity").cast(pl.String)
    whole = {name: worth.decibans for name, worth in model.checks.items()}
    relative = {name: worth.sd / worth.decibans for name, worth in model.checks.items()}
    factors = {kind: weight.factor for kind, weight in model.kinds.items()}
    factor = pl.col("kind").replace_strict(factors, default=1.0, return_dtype=pl.Float64)
    worth = severity.replace_strict(whole, return_dtype=pl.Float64) * factor
    adds, takes = price_difference(worth, pl.col("share"), model.prior.not_upheld_share)
    return (
        checks.filter(factor > 0)
        .select("check_id", adds=adds, takes=takes, relative=severity.replace_strict(relative, return_dtype=pl.Float64))
        .sort("check_id")
    )
