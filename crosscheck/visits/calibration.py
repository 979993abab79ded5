"""Stated risks against outcomes: by tenth of the risk, type of organisation, function and region.

What visits found is turned into what is in truth so with the visitors' errors (Rogan and Gladen 1978). Outcomes of one
organisation, or of one invented world, are not independent: intervals allow for clusters.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import polars as pl
from scipy.special import stdtrit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ALL: Final = "all"
TENTH: Final = "tenth"
GROUPINGS: Final = (ALL, TENTH, "org_type", "function", "region")

GROUPS: Final = pl.Schema(
    {
        "grouping": pl.String(),
        "group": pl.String(),
        "judged": pl.Int64(),
        "clusters": pl.Int64(),
        "weight": pl.Float64(),
        "stated": pl.Float64(),
        "seen": pl.Float64(),
        "found": pl.Float64(),
        "low": pl.Float64(),
        "high": pl.Float64(),
        "samples": pl.Int64(),
        "within_sum": pl.Int64(),
        "within_number": pl.Int64(),
    }
)

_INTERVAL: Final = 0.9
_TAILS: Final = ((1 - _INTERVAL) / 2, (1 + _INTERVAL) / 2)
_FEWEST_CLUSTERS: Final = 2
_TENTHS: Final = 10
_TWO: Final = ("commissioner", "provider")
_BY: Final = ("grouping", "group")


class VisitErrors(Protocol):
    """How often visitors err."""

    @property
    def sensitivity(self) -> float:
        """The chance that a visit finds a lapse that is there."""

    @property
    def specificity(self) -> float:
        """The chance that a visit upholds what is met."""


@dataclass(frozen=True)
class KnownTruth:
    """What is true, as if a visitor never erred."""

    sensitivity: float = 1.0
    specificity: float = 1.0


@dataclass(frozen=True)
class Calibration:
    """How stated risks compare with what was found.

    Attributes:
        among: the kind of sample.
        clusters: what is independent of one another: `worlds` or `organisations`.
        visitors: whose errors were taken out.
        groups: rows of `GROUPS`: `stated` is the mean risk, `seen` the share that was found otherwise than declared,
            `found` the share that is in truth so, with its 90% interval from `low` to `high`. `within_number` is in how
            many of the group's `samples` the number found otherwise lies in the 90% interval of the numbers drawn from
            the drawn risks, `within_sum` in that of the sum of the drawn risks, which leaves chance out.
        numbers: one row a sample and group: `found` of the `judged`, `expected`, and both intervals.
        pairs: one row, or none where no trust's two functions differ: `judged` trusts of whose functions exactly one
            was found otherwise, and the `share` of them in which that one has the higher risk (equal risks count half).
        error: expected calibration error: the mean distance of `stated` and `found` over the tenths.
        error_by_chance: what it would be on average if all stated risks were right.
    """

    among: str
    clusters: str
    visitors: VisitErrors
    groups: pl.DataFrame
    numbers: pl.DataFrame
    pairs: pl.DataFrame
    error: float
    error_by_chance: float

    @property
    def tenths(self) -> pl.DataFrame:
        """The groups by risk, from the lowest to the highest."""
        return self.groups.filter(pl.col("grouping") == TENTH)

    def summarise(self) -> pl.DataFrame:
        """One row: all together, the tenth of highest risk (`top_…`), the errors, the coverage and the pairs.

        `cover_sum` and `cover_number` are shares of all groups of all samples but the whole samples themselves.
        """
        shown = ("stated", "found", "low", "high")
        whole = self.groups.filter(pl.col("grouping") == ALL).select("judged", *shown)
        top = self.tenths.tail(1).select(pl.col(shown).name.prefix("top_"))
        covered = self.numbers.filter(pl.col("grouping") != ALL).select(
            groups=pl.len().cast(pl.Int64),
            cover_sum=_within("sum").mean(),
            cover_number=_within("number").mean(),
        )
        pairs = pl.concat([self.pairs, self.pairs.clear(1)]).head(1)
        of_pairs = pairs.select(pairs=pl.col("judged").fill_null(0), right="share", right_low="low", right_high="high")
        errors = pl.DataFrame({"among": self.among, "error": self.error, "error_by_chance": self.error_by_chance})
        return pl.concat([errors, whole, top, covered, of_pairs], how="horizontal")


def calibrate(among: str, judged: pl.DataFrame, visitors: VisitErrors) -> Calibration:
    """Compare stated risks with outcomes, group by group.

    Worlds are the clusters where there are several samples, otherwise organisations are.

    Args:
        among: the kind of sample.
        judged: one row a sample and declaration: `sample`, `org_code`, `function`, `org_type` and `region` (null is a
            group of its own), `risk` that the standard is in truth not met, `drawn` (an array of the same with
            parameters drawn), `otherwise` (true where found otherwise than declared), `weight`.
        visitors: who found it; `KnownTruth` where it is known.
    """
    rows = _lay_out(judged)
    members = _list_members(rows)
    chances = _chance(rows["drawn"].to_numpy(), visitors)
    # The same uniforms for the outcomes and for their errors by chance: the two then differ by the risks alone.
    uniform = _draw_uniform(rows["sample"], chances.shape[1])
    numbers = _count_numbers(members, rows, chances, uniform < chances, visitors)
    groups = _compare(members, numbers, visitors)
    stated = _chance(rows["risk"].to_numpy(), visitors)
    return Calibration(
        among=among,
        clusters="worlds" if rows["sample"].n_unique() > 1 else "organisations",
        visitors=visitors,
        groups=groups,
        numbers=numbers,
        pairs=_compare_functions(rows),
        error=calibration_error(groups),
        error_by_chance=_error_by_chance(rows, groups, uniform < stated[:, None], visitors),
    )


def calibration_error(groups: pl.DataFrame) -> float:
    """The mean distance of `stated` and `found` over the tenths, each counting by its weight."""
    tenths = groups.filter(pl.col("grouping") == TENTH)
    distance = (tenths["stated"] - tenths["found"]).abs().to_numpy()
    return float(np.average(distance, weights=tenths["weight"].to_numpy()))


def share_by_clusters(rows: pl.DataFrame, by: tuple[str, ...]) -> pl.DataFrame:
    """A weighted share in each group with a 90% interval that allows for clusters.

    The variance of the share is linearised: that of the clusters' sums of weight × (value - share), between clusters.
    Wilson's interval (Wilson 1927, JASA 22:209-212) is taken at the number of independent values that would have this
    variance, at most as many as there are, with Student's t for as many clusters (Korn and Graubard 1998, Survey
    Methodology 24:193-201, who do so with the exact interval): it has a width where nothing was found, too.

    Args:
        rows: `by`, `cluster`, `weight`, `value` (from 0 to 1).
        by: the columns that name a group.

    Returns:
        One row a group: `by`, `judged`, `clusters`, `weight`, `share`, `low`, `high`; no ends for a single cluster.
    """
    # Summed by cluster first: declarations of one organisation (or world) are not independent of each other.
    sums = rows.group_by(*by, "cluster", maintain_order=True).agg(
        judged=pl.len().cast(pl.Int64),
        weight=pl.col("weight").sum(),
        found=(pl.col("weight") * pl.col("value")).sum(),
    )
    share = pl.col("found").sum() / pl.col("weight").sum()
    deviations = (pl.col("found") - share * pl.col("weight")) ** 2
    groups = sums.group_by(by, maintain_order=True).agg(
        pl.col("judged").sum(),
        clusters=pl.len().cast(pl.Int64),
        weight=pl.col("weight").sum(),
        share=share,
        variance=deviations.sum() * pl.len() / (pl.len() - 1) / pl.col("weight").sum() ** 2,
    )
    low, high = _wilson(groups)
    return groups.drop("variance").with_columns(low=low, high=high)


def _wilson(groups: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    share, judged, clusters = (groups[name].to_numpy().astype(float) for name in ("share", "judged", "clusters"))
    several = clusters >= _FEWEST_CLUSTERS
    variance = np.where(several, groups["variance"].to_numpy(), np.inf)
    worth = np.divide(share * (1 - share), variance, out=np.full(len(share), np.inf), where=variance > 0)
    number = np.where(several, np.clip(np.minimum(worth, judged), 1e-9, None), 1.0)
    t = np.where(several, stdtrit(np.maximum(clusters - 1, 1), _TAILS[1]), 0.0)
    centre = (share + t**2 / (2 * number)) / (1 + t**2 / number)
    margin = t * np.sqrt(share * (1 - share) / number + t**2 / (4 * number**2)) / (1 + t**2 / number)
    ends = (np.where(several, np.clip(end, 0.0, 1.0), np.nan) for end in (centre - margin, centre + margin))
    low, high = (pl.Series(end, dtype=pl.Float64, nan_to_null=True) for end in ends)
    return low, high


def _lay_out(judged: pl.DataFrame) -> pl.DataFrame:
    """In an order that does not depend on the table's, with the tenth and the cluster of each."""
    rows = judged.sort("sample", "org_code", "function")
    cluster = "sample" if rows["sample"].n_unique() > 1 else "org_code"
    place = pl.struct("risk", "sample", "org_code", "function").rank("ordinal") - 1
    return rows.with_columns(
        pl.col("org_type", "region").fill_null("not known"),
        cluster=pl.col(cluster),
        value=pl.col("otherwise").cast(pl.Float64),
        tenth=(place.cast(pl.Int64) * _TENTHS // rows.height + 1).cast(pl.String),
        all=pl.lit(ALL),
    ).with_row_index("row")


def _list_members(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a declaration and group that it belongs to, groups in the order in which they are shown."""
    columns = ("row", "sample", "cluster", "weight", "value", "risk")
    every = [
        rows.select(pl.lit(grouping).alias("grouping"), pl.col(grouping).cast(pl.String).alias("group"), *columns)
        for grouping in GROUPINGS
    ]
    numbered = pl.col("group").cast(pl.Int64, strict=False)
    return pl.concat(one.sort(numbered, "group", "row", nulls_last=True) for one in every)


def _compare(members: pl.DataFrame, numbers: pl.DataFrame, visitors: VisitErrors) -> pl.DataFrame:
    """`GROUPS`."""
    stated = members.group_by(_BY, maintain_order=True).agg(
        stated=(pl.col("risk") * pl.col("weight")).sum() / pl.col("weight").sum(),
    )
    covered = numbers.group_by(_BY, maintain_order=True).agg(
        samples=pl.len().cast(pl.Int64),
        within_sum=_within("sum").sum().cast(pl.Int64),
        within_number=_within("number").sum().cast(pl.Int64),
    )
    return (
        share_by_clusters(members, _BY)
        .join(stated, on=_BY, how="left", maintain_order="left")
        .join(covered, on=_BY, how="left", maintain_order="left")
        .with_columns(_in_truth(pl.col("low", "high"), visitors), found=_in_truth(pl.col("share"), visitors))
        .rename({"share": "seen"})
        .select(GROUPS.names())
    )


def _within(which: str) -> pl.Expr:
    return pl.col("found").is_between(pl.col(f"{which}_low"), pl.col(f"{which}_high"))


def _in_truth(share: pl.Expr, visitors: VisitErrors) -> pl.Expr:
    """Rogan and Gladen 1978, American Journal of Epidemiology 107:71-76; no share is outside 0 to 1."""
    power = visitors.sensitivity + visitors.specificity - 1
    return ((share - 1 + visitors.specificity) / power).clip(0.0, 1.0)


def _chance(risk: Floats, visitors: VisitErrors) -> Floats:
    """The chance that a visit finds otherwise, where the standard is in truth not met with that risk."""
    chance: Floats = 1 - visitors.specificity + (visitors.sensitivity + visitors.specificity - 1) * risk
    return chance


def _draw_uniform(samples: pl.Series, draws: int) -> Floats:
    """Uniform draws of each row, of each sample by its own name; rows are in order."""
    return np.concatenate(
        [
            np.random.default_rng(_seed(str(sample))).random((number, draws))
            for sample, number in samples.to_frame().group_by(samples.name, maintain_order=True).len().iter_rows()
        ]
    )


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"outcomes of {name}".encode()).digest()[:8], "big")


def _count_numbers(
    members: pl.DataFrame, rows: pl.DataFrame, chances: Floats, drawn: NDArray[np.bool_], visitors: VisitErrors
) -> pl.DataFrame:
    """One row a sample and group: how many were found otherwise, and how many were to be expected."""
    by = ("sample", *_BY)
    groups = (
        members.with_columns(chance=pl.Series(_chance(members["risk"].to_numpy(), visitors)))
        .group_by(by, maintain_order=True)
        .agg(
            judged=pl.len().cast(pl.Int64),
            expected=pl.col("chance").sum(),
            found=pl.col("value").sum().cast(pl.Int64),
        )
        .with_row_index("at")
    )
    at = members.join(groups.select("at", *by), on=by, how="left", maintain_order="left")["at"].to_numpy()
    of_rows, shape = members["row"].to_numpy(), (groups.height, rows["drawn"].dtype.shape[0])  # type: ignore[attr-defined]  # an Array
    sums, numbers = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, at, chances[of_rows])
    np.add.at(numbers, at, drawn[of_rows])
    # Of a count an end is a count that occurs, so that no less than the stated share lies between them.
    sum_low, sum_high = np.quantile(sums, _TAILS, axis=1)
    number_low, number_high = np.quantile(numbers, _TAILS, axis=1, method="inverted_cdf")
    ends = {"sum_low": sum_low, "sum_high": sum_high, "number_low": number_low, "number_high": number_high}
    return groups.drop("at").with_columns(pl.Series(name, end) for name, end in ends.items())


def _error_by_chance(
    rows: pl.DataFrame, groups: pl.DataFrame, drawn: NDArray[np.bool_], visitors: VisitErrors
) -> float:
    """The mean calibration error of outcomes drawn from the stated risks themselves."""
    tenths = groups.filter(pl.col("grouping") == TENTH)
    which = rows["tenth"].to_numpy()[None, :] == tenths["group"].to_numpy()[:, None]
    weight = which * rows["weight"].to_numpy()
    seen = (weight / weight.sum(axis=1, keepdims=True)) @ drawn
    power = visitors.sensitivity + visitors.specificity - 1
    found = np.clip((seen - 1 + visitors.specificity) / power, 0.0, 1.0)
    distance = np.abs(tenths["stated"].to_numpy()[:, None] - found).mean(axis=1)
    return float(np.average(distance, weights=tenths["weight"].to_numpy()))


def _compare_functions(rows: pl.DataFrame) -> pl.DataFrame:
    """Trusts of whose two functions exactly one was found otherwise: how often that one has the higher risk."""
    lapsed, other = (pl.col("risk").filter(pl.col("otherwise") == lapse).first() for lapse in (True, False))
    pairs = (
        rows.filter(pl.col("function").is_in(_TWO))
        .group_by("sample", "cluster", "org_code", maintain_order=True)
        .agg(pl.len(), pl.col("value").sum().alias("found"), lapsed=lapsed, other=other)
        .filter((pl.col("len") == len(_TWO)) & (pl.col("found") == 1))
        .with_columns(
            value=(pl.col("lapsed") > pl.col("other")) + 0.5 * (pl.col("lapsed") == pl.col("other")),
            weight=pl.lit(1.0),
            which=pl.lit("the two functions of one trust"),
        )
    )
    return share_by_clusters(pairs, ("which",)).drop("which", "weight")
